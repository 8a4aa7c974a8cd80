"""Of what a small model writes, only what was said is kept; a required argument that was not is missing."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.messages import ToolSpec
from vivavoce.model.embedded.calling.grounding import grounded, without_unstated
from vivavoce.model.embedded.calling.stated import Stated

pytestmark = pytest.mark.unit
TABLE = {
    "type": "object",
    "properties": {
        "restaurant": {"type": "string"},
        "people": {"type": "integer"},
        "date": {"type": "string", "description": "day of the visit, yyyy-mm-dd"},
        "outdoors": {"type": "boolean", "description": "a table outdoors, on the terrace"},
        "dishes": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "string", "enum": ["small", "large_round"]},
        "share": {"type": "number", "description": "the part that is paid now"},
        "tax_percent": {"type": "number"},
        "contact": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "phone": {"type": "string"}},
            "required": ["name"],
        },
    },
    "required": ["restaurant"],
}


def kept(said, **written):
    return dict(grounded(written, "book_table", TABLE, Stated(said)).arguments)


@pytest.mark.parametrize(
    ("said", "written", "expected"),
    [
        ("A table at Luigi's for four", {"restaurant": "Luigi's", "people": 4}, {"restaurant": "Luigi's", "people": 4}),
        ("A table at Luigi's", {"restaurant": "Luigi's", "people": 2}, {"restaurant": "Luigi's"}),
        ("for twenty-five people", {"people": 25}, {"people": 25}),
        ("for a dozen of us", {"people": 12}, {"people": 12}),
        ("for the two of us", {"people": 20000}, {"people": 2}),  # the only number that was said
        ("we eat pizza and soup", {"dishes": ["pizza", "soup", "salad"]}, {"dishes": ["pizza", "soup"]}),
        ("a large round one", {"size": "large_round"}, {"size": "large_round"}),
        ("a big one", {"size": "large_round"}, {}),
        ("outdoors, please", {"outdoors": False}, {"outdoors": True}),
        ("not outdoors, please", {"outdoors": True}, {"outdoors": False}),
        ("on the terrace", {"outdoors": True}, {"outdoors": True}),
        ("by the window", {"outdoors": True}, {}),
        ("on the terrace", {"outdoors": False}, {}),
        ("a table for us", {"people": 1, "restaurant": " "}, {}),
        ("I pay 30% now", {"share": 30}, {"share": 0.3}),
        ("I pay 30 percent now", {"share": 0.2}, {"share": 0.3}),
        ("with 19 percent tax", {"tax_percent": 19}, {"tax_percent": 19}),
        ("the table", {"restaurant": "table"}, {}),  # what the tool is called is no value
        ("call Ada on 555", {"contact": {"name": "Ada", "phone": "555"}}, {"contact": {"name": "Ada", "phone": "555"}}),
        ("call Ada", {"contact": {"name": "Ada", "phone": "12345"}}, {"contact": {"name": "Ada"}}),
        ("call me", {"contact": {"name": "John Doe"}}, {}),
        ("at L.A. Lakers' place", {"restaurant": "Los Angeles Lakers"}, {"restaurant": "Los Angeles Lakers"}),
        ("on April 5th, 2023", {"date": "2023-04-05"}, {"date": "2023-04-05"}),
        ("at Century 20", {"date": "2023-01-01"}, {}),
        ("an evening with a friend", {"date": "2023-04-01"}, {}),
        ("四个人，去全聚德", {"restaurant": "全聚德", "people": 4}, {"restaurant": "全聚德", "people": 4}),
        ("去全聚德吃饭", {"people": 4}, {}),
        ("去吃饭", {"restaurant": "全聚德"}, {}),
        ("a table", {"restaurant": None, "dishes": [], "contact": {}, "people": True}, {}),
    ],
)
def test_what_was_said_is_kept_and_nothing_else(said, written, expected):
    assert kept(said, **written) == expected


CLOCK = {"properties": {"time": {"type": "string"}, "people": {"type": "integer"}, "on": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("said", "written", "expected"),
    [
        ("Wake me at half past seven", {"time": "07:30"}, {"time": "07:30"}),
        ("seven thirty", {"time": "7:30 AM"}, {"time": "7:30 AM"}),
        ("at quarter to eight in the evening", {"time": "19:45"}, {"time": "19:45"}),
        ("at half past seven", {"time": "10:00 AM"}, {"time": "7:30"}),
        ("an alarm for six", {"time": "6:00 AM"}, {"time": "6:00 AM"}),
        ("a table for four people", {"time": "4:00", "people": 4}, {"people": 4}),
        ("a table for four at four", {"time": "4:00", "people": 4}, {"time": "4:00", "people": 4}),
        ("a table at Luigi's at eight", {"time": "8:00", "people": 8}, {"time": "8:00"}),
        ("a table before half past eight", {"time": "8:30", "people": 8}, {"time": "8:30"}),
        ("at eight for 8 guests", {"time": "8:00", "people": 8}, {"time": "8:00", "people": 8}),
        ("at eight for four", {"time": "8:00", "people": 8}, {"time": "8:00", "people": 4}),
        ("at eight for four", {"time": "four", "people": 8}, {"time": "8:00", "people": 4}),
        ("eight at eight", {"time": "8:00", "people": 8}, {"time": "8:00", "people": 8}),
        ("one for six", {"time": "one", "people": 6}, {"people": 6}),
        ("at noon", {"time": "12:00"}, {"time": "12:00"}),
        ("晚上七点半", {"time": "19:30"}, {"time": "19:30"}),
        ("some time", {"time": "8 pm"}, {}),
        ("1.5 million people", {"people": 1500000}, {"people": 1500000}),
        ("two and a half thousand people", {"people": 2500}, {"people": 2500}),
        ("2.5k people", {"people": 2}, {}),
        ("one of my friends", {"people": 1}, {}),
        ("万一下雨", {"people": 10001}, {}),
        ("Turn the light off", {"on": True}, {"on": False}),
        ("Switch it on", {"on": False}, {"on": True}),
        ("the light", {"on": True}, {}),
    ],
)
def test_times_numbers_and_switches_as_they_are_said(said, written, expected):
    assert dict(grounded(written, "set", CLOCK, Stated(said)).arguments) == expected


def test_what_is_switched_off_by_its_name_is_off():
    schema = {"properties": {"wifi": {"type": "boolean"}}}
    assert grounded({"wifi": False}, "set", schema, Stated("Turn the wifi off.")).arguments == {"wifi": False}
    assert grounded({"wifi": True}, "set", schema, Stated("Disable wifi.")).arguments == {"wifi": False}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": None, "required": None},
        {"properties": {"a": True, "b": {"enum": 3}, "c": {"$ref": "#/x"}, "d": {"anyOf": [3]}}, "required": [3, "a", "z"]},
        {"properties": {"a": {"items": [1]}, "b": {"enum": [None, 1]}, "c": {"properties": 3}}, "required": "abc"},
    ],
)
def test_odd_schemas_do_no_harm(schema):
    grounded({"a": [1, "x"], "b": "x", "c": {"y": 10**400}, "d": "\u1369"}, "odd", schema, Stated("x 1"))
    without_unstated(ToolSpec("odd", "", schema), Stated("x"))


def test_a_day_that_is_named_takes_the_form_that_the_tool_wants():
    tomorrow = (date.today() + timedelta(days=1)).isoformat()
    assert kept("for tomorrow", date="2023-10-01") == {"date": tomorrow}
    assert kept("for tomorrow", date="tomorrow") == {"date": tomorrow}
    assert kept("for tonight", date="2023-10-01") == {"date": date.today().isoformat()}


def test_a_required_argument_that_nobody_said_is_missing():
    assert grounded({"restaurant": "Nobu", "people": 4}, "book_table", TABLE, Stated("for four")).missing == ("restaurant",)
    assert grounded({}, "book_table", TABLE, Stated("")).missing == ("restaurant",)


@pytest.mark.parametrize(
    ("about", "value"),
    [
        ({"type": "integer", "default": 52}, 52),
        ({"type": "integer", "description": "Cards. Default is 52."}, 52),
        ({"type": "string", "enum": ["only"]}, "only"),
        ({"type": "boolean", "description": "By default true"}, True),
        ({"type": "number", "description": "defaults to 0.5"}, 0.5),
    ],
)
def test_what_is_required_and_has_a_default_is_not_asked_for(about, value):
    schema = {"properties": {"size": about}, "required": ["size"]}
    found = grounded({}, "deck", schema, Stated("Shuffle."))
    assert (found.arguments, found.missing) == ({"size": value}, ())


def test_a_text_that_was_said_once_is_for_one_parameter():
    schema = {"properties": {key: {"type": "string"} for key in ("name", "branch")}, "required": ["name", "branch"]}
    found = grounded({"name": "master", "branch": "master"}, "open", schema, Stated("Open the master branch."))
    assert (found.arguments, found.missing) == ({"branch": "master"}, ("name",))


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ("The area for a radius of 5 meters, please.", "meters"),
        ("The area for a radius of 5 metres.", "metres"),
        ("A radius of 5, by 6 in the evening.", None),  # "in" is no inch
        ("A radius of 5 for 3 days.", None),
        ("Five feet, that is 1.5 meters.", None),
    ],
)
def test_the_unit_that_was_said_is_not_left_out(said, unit):
    circle = {"properties": {"radius": {"type": "number"}, "unit": {"type": "string", "description": "default is cm"}}}
    assert grounded({"radius": 5}, "circle_area", circle, Stated(said)).arguments.get("unit") == unit


def test_references_and_types_that_may_be_null_are_followed():
    schema = {
        "properties": {"colour": {"anyOf": [{"$ref": "#/$defs/Colour"}, {"type": "null"}]}},
        "$defs": {"Colour": {"enum": ["red", "blue"], "type": "string"}},
    }
    assert grounded({"colour": "red"}, "paint", schema, Stated("Paint it red.")).arguments == {"colour": "red"}
    assert grounded({"colour": "red"}, "paint", schema, Stated("Paint it.")).arguments == {}


def test_optional_parameters_that_nothing_was_said_for_are_not_shown():
    spec = ToolSpec("book_table", "", TABLE)
    shown = without_unstated(spec, Stated("A table at Luigi's")).parameters["properties"]
    assert {"size", "outdoors"}.isdisjoint(shown)
    assert "people" not in without_unstated(spec, Stated("Book Luigi's")).parameters["properties"]


NAMED = {key: {"type": "string"} for key in ("restaurant", "message")}
TIMED = NAMED | {"day": {"type": "string"}, "time": {"type": "string"}}


@pytest.mark.parametrize(
    ("properties", "written", "expected"),
    [
        (NAMED, {"restaurant": "Nando's tomorrow"}, {"restaurant": "Nando's"}),
        (NAMED, {"restaurant": "Nando's on Friday"}, {"restaurant": "Nando's"}),
        (NAMED, {"restaurant": "Nando's at seven"}, {"restaurant": "Nando's at seven"}),
        (NAMED, {"message": "I come tomorrow"}, {"message": "I come tomorrow"}),
        (NAMED, {"restaurant": "Tomorrow"}, {"restaurant": "Tomorrow"}),
        (NAMED, {"restaurant": "Ruby Tuesday"}, {"restaurant": "Ruby Tuesday"}),
        (TIMED, {"restaurant": "Nando's tomorrow"}, {"restaurant": "Nando's", "day": "tomorrow"}),
        (
            TIMED,
            {"restaurant": "Nando's tomorrow at half past six"},
            {"restaurant": "Nando's", "day": "tomorrow", "time": "half past six"},
        ),
        (
            TIMED,
            {"restaurant": "Nando's at 7 pm today", "time": "7 pm"},
            {"restaurant": "Nando's", "day": "today", "time": "7 pm"},
        ),
    ],
)
def test_a_day_or_a_time_behind_a_name_is_no_part_of_it(properties, written, expected):
    said = " ".join(written.values())
    assert grounded(written, "reserve", {"properties": properties}, Stated(said)).arguments == expected


def choice(said, written, *options):
    schema = {"properties": {"kind": {"enum": options, "type": "string"}}}
    return grounded({"kind": written}, "tool", schema, Stated(said)).arguments.get("kind")


CLASSES = ("economy", "business", "first")


@pytest.mark.parametrize(
    ("said", "written", "expected"),
    [
        ("a flight to Rome, not in business class", "business", None),
        ("anything but business, please", "business", None),
        ("no business class", "business", None),
        ("I don't want to sit in business", "business", None),
        ("without going business", "business", None),
        ("not economy but business", "business", "business"),
        ("not economy, business", "economy", "business"),
        ("No, business.", "business", "business"),
        ("not only economy", "economy", "economy"),
        ("business rather than economy", "economy", "business"),
        ("in first class", "business", "first"),
    ],
)
def test_an_option_that_was_denied_is_not_chosen(said, written, expected):
    assert choice(said, written, *CLASSES) == expected


@pytest.mark.parametrize(
    ("said", "options", "expected"),
    [
        ("in euros", ("USD", "EUR"), "EUR"),
        ("in US dollars", ("EUR", "USD", "AUD"), "USD"),
        ("in dollars", ("EUR", "USD", "AUD"), "USD"),
        ("twenty £", ("EUR", "GBP"), "GBP"),
        ("in Australian dollars", ("EUR", "AUD"), "AUD"),
        ("换成欧元", ("USD", "EUR"), "EUR"),
        ("twenty degrees celsius", ("C", "F"), "C"),
        ("seventy Fahrenheit", ("C", "F"), "F"),
        ("five kilometres", ("km", "mi"), "km"),
        ("five miles", ("km", "mi"), "mi"),
        ("in French", ("de", "fr"), "fr"),
        ("into Chinese", ("zh-CN", "en-US"), "zh-CN"),
        ("翻译成法语", ("de", "fr"), "fr"),
        ("in Danish", ("de", "fr"), None),
        ("translate it in German", ("it", "in", "de"), "de"),
    ],
)
def test_codes_are_chosen_by_what_they_are_called(said, options, expected):
    assert choice(said, options[0], *options) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(list(TABLE["properties"])), VALUES), st.text(max_size=60))
def test_whatever_is_written_and_said_it_ends_in_values_of_known_parameters(written, said):
    found = grounded(written, "book_table", TABLE, Stated(said))
    assert set(found.arguments) <= set(TABLE["properties"])
    assert found.missing in ((), ("restaurant",))
    assert ("restaurant" in found.arguments) != bool(found.missing)


@given(st.integers(10, 10**6))
def test_a_number_that_was_not_said_is_never_kept(number):
    assert "people" not in kept("A table at Luigi's, by the window", restaurant="Luigi's", people=number)


DOSE = {"properties": {"pet": {"type": "string"}, "tablets": {"type": "integer"}, "times_a_day": {"type": "integer"}}}
FOOD = {
    "properties": {
        "product": {"type": "string"},
        "bags": {"type": "integer"},
        "size": {"type": "string", "enum": ["small", "large"]},
    },
    "required": ["product"],
}
VISIT = {"properties": {"people": {"type": "integer"}, "when": {"type": "string"}}, "required": ["people"]}


@pytest.mark.parametrize(
    ("said", "schema", "written", "expected"),
    [
        ("One tablet three times a day.", DOSE, {"tablets": 3, "times_a_day": 1}, {"tablets": 1, "times_a_day": 3}),
        (
            "A bag of kibble, and pay Anna 30 euros.",
            FOOD,
            {"product": "kibble", "bags": 30},
            {"product": "kibble", "bags": 1},
        ),
        ("A line with a width of 20.", {"properties": {"width": {"type": "number"}}}, {"width": 20}, {"width": 20}),
        (
            "A magnetic field of 5 Tesla.",
            {"properties": {"magnetic_field": {"type": "number"}}},
            *[{"magnetic_field": 5}] * 2,
        ),
        ("A large bag of kibble.", FOOD, {"product": "large", "size": "large"}, {"size": "large"}),
        ("A visit at eight.", VISIT, {"people": 8, "when": "eight"}, {"when": "eight"}),
        ("Turn it up on Monday.", {"properties": {"on": {"type": "boolean"}}}, {"on": True}, {}),
    ],
)
def test_a_number_or_a_word_is_for_what_it_was_said_of(said, schema, written, expected):
    assert dict(grounded(written, "order", schema, Stated(said)).arguments) == expected
