"""What a tool is asked about is found in the utterance, without a language model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.spans import SpanFinder, finder_of, in_english, tokens_of
from vivavoce.model.embedded.tool_choice import grounded, said_arguments
from vivavoce.tools.clock import DateTimeTool, day_offset
from vivavoce.tools.voice_search import VOICE
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebSearchTool

CLOCK, WEATHER, WEB = DateTimeTool().spec, WeatherTool().spec, WebSearchTool().spec

PLACES = [
    ("Will it rain in Trondheim tomorrow?", "Trondheim"),
    ("What's the weather like in Palo Alto?", "Palo Alto"),
    ("is it cold in edmonton today", "edmonton"),
    ("Weather for Marseille, please.", "Marseille"),
    ("昆山明天会下雨吗？", "昆山"),
    ("高雄今天的天氣怎麼樣？", "高雄"),
    ("去九江要带伞吗？", "九江"),
]


@pytest.mark.parametrize(("utterance", "place"), PLACES)
def test_a_place_that_no_example_names_is_found(utterance, place):
    assert place.lower() not in " ".join(example.utterance for example in WEATHER.examples).lower()
    assert said_arguments(WEATHER, utterance) == {"location": place}


@pytest.mark.parametrize(
    ("utterance", "arguments"),
    [
        ("What time is it?", {}),
        ("现在几点？", {}),
        ("What time is it in Nagoya?", {"place": "Nagoya"}),
        ("What's the date tomorrow?", {"day": "tomorrow"}),
        ("What was yesterday's date?", {"day": "yesterday"}),
        ("What day will it be in six days?", {"day": "in six days"}),
        ("明天星期几？", {"day": "tomorrow"}),
        ("六天后是几号？", {"day": "in six days"}),
        ("名古屋现在几点了？", {"place": "名古屋"}),
    ],
)
def test_the_clock_is_asked_for_place_and_day_as_they_were_said(utterance, arguments):
    assert said_arguments(CLOCK, utterance) == arguments


@pytest.mark.parametrize(
    ("said", "days"),
    [
        *[("明天", 1), ("后天", 2), ("大后天", 3), ("昨天", -1), ("前天", -2), ("三天后", 3), ("两周之后", 14)],
        *[("一周后", 7), ("3天前", -3), ("十天以后", 10), ("a week from now", 7), ("in a week", 7)],
    ],
)
def test_days_reach_the_clock_in_words_that_it_reads(said, days):
    assert day_offset(in_english(said)) == days


def test_only_parameters_that_examples_take_from_the_utterance_are_found():
    assert SpanFinder(CLOCK).parameters == ("place", "day")
    assert SpanFinder(WEATHER).parameters == ("location",)
    assert SpanFinder(WEB).parameters == ()  # search words are put together
    assert SpanFinder(ToolSpec("voice_search", "", {"properties": {"description": {}}}, VOICE)).parameters == ()
    assert said_arguments(WEB, "Search the web for owls.") is None


def test_a_users_own_tool_with_few_examples_is_left_to_the_language_model():
    examples = tuple(ToolExample(f"Play {name}.", {"song": name}) for name in ("Yesterday", "Imagine"))
    own = ToolSpec("play", "", {"properties": {"song": {"type": "string"}}, "required": ["song"]}, examples)
    assert said_arguments(own, "Play Help.") is None
    assert grounded({"song": "Help"}, own, "Play Help.") == {"song": "Help"}


@pytest.mark.parametrize(
    ("written", "tool", "utterance", "kept"),
    [
        ({"place": "Paris"}, CLOCK, "What time is it?", {}),
        ({"place": "today's date"}, CLOCK, "Tell me today's date.", {}),
        ({"place": "Oslo tomorrow"}, CLOCK, "What time is it in Oslo?", {"place": "Oslo"}),
        ({"location": "Paris"}, WEATHER, "Is it raining in Ghent?", {"location": "Ghent"}),
        ({"query": "owls"}, WEB, "Search the web for owls.", {"query": "owls"}),
        ({"query": "猫头鹰"}, WEB, "Search the web for owls.", {"query": "Search the web for owls."}),
        ({"query": "最新新闻"}, WEB, "有什么最新的新闻？", {"query": "最新新闻"}),
    ],
)
def test_what_a_language_model_wrote_is_held_to_what_was_said(written, tool, utterance, kept):
    assert grounded(written, tool, utterance) == kept


@given(st.text(max_size=60))
def test_any_text_is_read_and_whatever_is_found_was_said(text):
    for name, value in finder_of(WEATHER).find(text).items():
        assert name == "location"
        assert value in text or value == in_english(value)
    assert all(text[token.start : token.end] == token.text for token in tokens_of(text))


def test_the_same_examples_are_learnt_once():
    assert finder_of(WEATHER) is finder_of(WeatherTool().spec)
    assert finder_of(WEATHER) is not finder_of(CLOCK)
