"""Days as people name them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.language.days import day_named, day_phrases, is_day

pytestmark = pytest.mark.unit
WEDNESDAY = date(2026, 11, 25)


@pytest.mark.parametrize(
    ("said", "days"),
    [
        *[("tomorrow", 1), ("the day after tomorrow", 2), ("yesterday", -1), ("the day before yesterday", -2)],
        *[("in three days", 3), ("in a week", 7), ("two weeks from now", 14), ("a fortnight ago", -14)],
        *[("a couple of days ago", -2), ("in twenty-one days", 21), ("one hundred days ago", -100), ("five days back", -5)],
        *[("last Friday", -5), ("next Wednesday", 7), ("last Wednesday", -7), ("on Monday", 5), ("next month", 30)],
        *[("in two fortnights", 28), ("a couple days ago", -2), ("in a week’s time", 7), ("two weeks from tomorrow", 15)],
        *[("Monday next week", 5), ("Friday last week", -5), ("in two thousand days", 2000)],
        *[("一百零五天后", 105), ("三天后的晚上", 3), ("三天后上午", 3), ("再过八天", 8)],
        *[("a year ago", -365), ("明天", 1), ("后天", 2), ("大后天", 3), ("昨天", -1), ("前天", -2), ("大前天", -3)],
        *[("三天后", 3), ("两周之后", 14), ("一周后", 7), ("3天前", -3), ("十天以后", 10), ("二十一天前", -21)],
        *[
            ("一百天后", 100),
            ("两百二十天前", -220),
            ("两个星期后", 14),
            ("一个月后", 30),
            ("下周五", 9),
            ("上周三", -7),
            ("周日", 4),
            ("下个星期一", 5),
        ],
    ],
)
def test_a_day_is_counted_from_today(said, days):
    named = day_named(said, WEDNESDAY)
    assert named is not None
    assert (named - WEDNESDAY).days == days


@pytest.mark.parametrize(
    "said",
    [
        "",
        "today",
        "someday",
        "明年",
        "今天",
        "三月五日",
        "2026年1月5日",
        "大后年",
        "一个月",
        "in 9999 years",
        "9999 years ago",
    ],
)
def test_what_names_no_day_of_the_calendar_is_none(said):
    assert day_named(said, WEDNESDAY) is None


@given(st.text(max_size=40), st.dates())
def test_any_text_is_read(said, today):
    day_named(said, today)
    for start, end, kind in day_phrases(said):
        assert 0 <= start < end <= len(said)
        assert kind in ("day", "weekday", "length")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("What date was it two weeks ago in Rome?", [("two weeks ago", "day")]),
        ("Is it Friday today?", [("Friday", "weekday")]),
        ("Which date is next Friday?", [("next Friday", "day")]),
        ("How many hours has a day?", [("a day", "length")]),
        ("A week has seven days.", [("A week", "length"), ("seven days", "length")]),
        ("大后天是星期几？", [("大后天", "day")]),
        ("一个星期有七天。", [("一个星期", "length"), ("七天", "length")]),
    ],
)
def test_phrases_are_told_apart(text, found):
    assert [(text[start:end], kind) for start, end, kind in day_phrases(text)] == found


NUMBERS = (
    "a",
    "one",
    "two",
    "twelve",
    "twenty-one",
    "ninety nine",
    "one hundred",
    "a hundred and five",
    "a couple of",
    "31",
)


@given(
    st.sampled_from(["in {} {}", "{} {} ago", "{} {} from now", "{} {} from tomorrow"]),
    st.sampled_from(NUMBERS),
    st.sampled_from(["day", "days", "week", "weeks", "fortnights", "months"]),
)
def test_an_english_phrase_that_is_found_names_a_day(form, number, unit):
    said = form.format(number, unit)
    assert is_day(said)
    assert day_named(said, WEDNESDAY) is not None


@given(st.sampled_from(["{}天后", "{}个星期前", "再过{}个月"]), st.sampled_from(["一", "两", "十五", "三百零二", "20"]))
def test_a_chinese_phrase_that_is_found_names_a_day(form, number):
    said = form.format(number)
    assert is_day(said)
    assert day_named(said, WEDNESDAY) is not None


@pytest.mark.parametrize("text", ["Friday Harbor", "London tomorrow", "tomorrow, Paris", "", "四年级"])
def test_what_says_more_than_a_day_is_no_day(text):
    assert not is_day(text)
