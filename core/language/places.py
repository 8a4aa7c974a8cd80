"""Cities and countries by name, in English and Chinese, with their time zones; the well-known Chinese names also by sound.

Names are those of GeoNames (CC BY 4.0) and of Unicode's CLDR, which `gathering` put into geonames.tsv, and of places.tsv,
which neither has.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vivavoce.core.language.words import HAN

GEONAMES, TABLE = Path(__file__).with_name("geonames.tsv"), Path(__file__).with_name("places.tsv")
CHINESE = re.compile(rf"[{HAN}·]{{2,}}")
CHINA = "Asia/Shanghai"
LEAST_PEOPLE = 1_000_000  # of a Chinese city that is found by its sound; names of smaller ones sound like too many words
EVERYBODY = 10**10  # people of a country, and of what the table names
LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "-": " ", ".": "", "'": "", "\u2019": ""})


@dataclass(frozen=True, slots=True)
class Place:
    """zone: of IANA. people: who live there, at least."""

    zone: str
    people: int


def place_of(name: str) -> Place | None:
    """The country of a name in English or Chinese, or the largest city; None where none is known."""
    return _places().get(key_of(name))


def place_sounding(syllables: tuple[str, ...]) -> str | None:
    """The well-known place whose Chinese name has these syllables, of pinyin without tones; None where none is known."""
    return _by_sound().get(syllables) if syllables else None


def key_of(name: str) -> str:
    """How names are compared: lower case, no accents, punctuation or article; Saint as it is mostly written."""
    letters = unicodedata.normalize("NFKD", name.lower().translate(LETTERS))
    words = "".join(c for c in letters if not unicodedata.combining(c)).split()
    return " ".join("st" if word == "saint" else word for word in words).removeprefix("the ")


@cache
def _places() -> dict[str, Place]:
    places: dict[str, Place] = {}
    for line in GEONAMES.read_text("utf-8").splitlines():
        zone, people, *keys = line.split("\t")
        places |= dict.fromkeys(keys, Place(zone, int(people)))
    return places | {key_of(name): Place(zone, EVERYBODY) for zone, names in _table() for name in names}


def _table() -> Iterator[tuple[str, list[str]]]:
    for line in TABLE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            zone, *names = line.split("\t")
            yield zone, names


@cache
def _by_sound() -> dict[tuple[str, ...], str]:
    from pypinyin import lazy_pinyin

    own = [key for key, place in _places().items() if place.zone == CHINA and LEAST_PEOPLE <= place.people < EVERYBODY]
    known = [*own, *(name for _, names in _table() for name in names)]
    found = [name for name in known if CHINESE.fullmatch(name) and _is_simplified(name) and not name.endswith("市")]
    return {tuple(lazy_pinyin(name)): name for name in found}


def _is_simplified(name: str) -> bool:
    try:
        return bool(name.encode("gb2312"))  # which has no traditional characters
    except UnicodeEncodeError:
        return False
