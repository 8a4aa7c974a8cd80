"""Which parameters count as right, on cases labelled by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.eval.toolcall.matching import day_offset, has_term, is_same, wrong_parameters

pytestmark = pytest.mark.unit
RIGHT = [
    ({"location": "Paris"}, {"location": "paris"}),
    ({"location": "Paris"}, {"location": "Paris, France"}),
    ({"location": "Paris"}, {"location": "巴黎"}),
    ({"location": "北京"}, {"location": "Beijing"}),
    ({"location": "beijing"}, {"location": "北京市"}),
    ({"location": "重庆"}, {"location": "重慶"}),
    ({"location": "哈尔滨"}, {"location": "Haerbin"}),
    ({"location": "青岛"}, {"location": "qingdao"}),
    ({"location": "青岛"}, {"location": "Qing Dao"}),
    ({"location": "New York"}, {"location": "new york city"}),
    ({"location": "Zurich"}, {"location": "Zürich"}),
    ({"place": "The Hague"}, {"place": "the Hague."}),
    ({"location": "Paris"}, {"city": "Paris"}),
    ({}, {}),
    ({}, {"place": "here"}),
    ({}, {"place": None, "day": "today"}),
    ({}, {"day": "今天"}),
    ({"day": "tomorrow"}, {"day": "明天"}),
    ({"day": "in three days"}, {"day": "3 days from now"}),
    ({"day": "三天后"}, {"day": "in 3 days"}),
    ({"day": "the day after tomorrow"}, {"day": "in two days"}),
    ({"day": "in a week"}, {"day": "in 7 days"}),
    ({"day": "2026-03-01"}, {"day": "2026年3月1日"}),
    ({"query": ["gold"]}, {"query": "current GOLD price"}),
    ({"query": ["ticket|flight"]}, {"query": "cheap flights"}),
    ({"query": ["保修"]}, {"query": "說明書裡的保修期"}),
    ({"query": ["女声"]}, {"query": "女生"}),
    ({"query": "price of gold today"}, {"query": "gold price"}),
    ({"description": "老人的声音"}, {"description": "用老人的声音说话"}),
]
WRONG = [
    ({"location": "Paris"}, {"location": "London"}),
    ({"location": "Paris"}, {}),
    ({"location": "北京"}, {"location": "南京"}),
    ({"location": "Rome"}, {"location": "Romania"}),
    ({}, {"place": "Berlin"}),
    ({"place": "Berlin"}, {"place": "Berlin", "day": "tomorrow"}),
    ({"day": "tomorrow"}, {"day": "yesterday"}),
    ({"day": "in three days"}, {"day": "three days ago"}),
    ({"day": "in a week"}, {"day": "in a day"}),
    ({"day": "2026-03-01"}, {"day": "2026-03-10"}),
    ({"query": ["gold"]}, {"query": "silver price"}),
    ({"query": ["cat"]}, {"query": "catalogue"}),
    ({"query": ["gold", "today"]}, {"query": "gold"}),
    ({"query": "price of gold today"}, {"query": "weather in Rome"}),
    ({"expression": 3}, {"expression": 4}),
]


@pytest.mark.parametrize(("wanted", "given"), RIGHT)
def test_these_are_right(wanted, given):
    assert wrong_parameters(wanted, given) == ""


@pytest.mark.parametrize(("wanted", "given"), WRONG)
def test_these_are_wrong_and_it_is_said_why(wanted, given):
    assert wrong_parameters(wanted, given)


@given(st.text(max_size=40))
def test_a_value_is_the_same_as_itself_in_any_case(text):
    assert is_same("location", text, text)
    assert is_same("location", text, text.upper().lower()) or text.lower() != text.upper().lower()


@given(st.sampled_from(["in {} days", "{} days ago"]), st.integers(0, 7))
def test_counted_days_are_read_as_figures_and_as_words(form, count):
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven"]
    expected = -count if "ago" in form else count
    assert day_offset(form.format(count)) == day_offset(form.format(words[count])) == expected


def test_a_term_is_found_by_its_stem_but_not_inside_of_a_word():
    assert has_term("second-hand pianos for sale", "piano")
    assert not has_term("the pianist plays", "piano")


def test_a_parameter_is_not_taken_for_another_of_the_tool():
    wanted, given = {"place": "tomorrow"}, {"day": "tomorrow"}
    assert wrong_parameters(wanted, given) == ""
    assert wrong_parameters(wanted, given, ("place", "day"))
    assert wrong_parameters(wanted, {"where": "tomorrow"}, ("place", "day")) == ""


def test_pinyin_keeps_to_the_borders_of_characters():
    assert has_term("请到的天气", "青岛")
    assert has_term("Qingdao weather", "青岛")
    assert not has_term("香港的历史", "西安")
    assert not has_term("先生", "西安")
