"""What a tool is asked about is found in the utterance, without a language model."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.word_embedder import WordEmbedder

from vivavoce.core.language.places import place_of
from vivavoce.core.messages import ToolExample, ToolSpec
from vivavoce.model.embedded.calling.caller import Caller
from vivavoce.model.embedded.calling.writing import WrittenCall
from vivavoce.model.embedded.routing.arguments import said_arguments
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.spans import SpanFinders
from vivavoce.model.embedded.wording.named import tokens_of
from vivavoce.tools.clock import DateTimeTool
from vivavoce.tools.voices.tool import VOICE
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebSearchTool

pytestmark = pytest.mark.models
CLOCK, WEATHER, WEB = DateTimeTool().spec, WeatherTool().spec, WebSearchTool().spec


@pytest.fixture(scope="module")
def finders(home):
    return SpanFinders(home.home / "cache")  # where agents keep what they learnt


class Writer:
    """Writes what it is told to."""

    def __init__(self, arguments):
        self.arguments = arguments

    async def one(self, tool, said):
        return WrittenCall(tool, self.arguments)


async def called(finders, tool, utterance, written):
    """The arguments that a tool is called with, where the language model wrote these."""
    caller = Caller(DescribedTools(WordEmbedder()), finders, Writer(written), "en")
    (call,) = (await caller.calls(tool, utterance, [tool])).calls
    return json.loads(call.arguments)


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
def test_a_place_is_found(finders, utterance, place):
    assert said_arguments(finders.of(WEATHER), WEATHER, utterance) == {"location": place}


@pytest.mark.parametrize(
    ("utterance", "arguments"),
    [
        ("What time is it?", {}),
        ("现在几点？", {}),
        ("What time is it in Nagoya?", {"place": "Nagoya"}),
        ("What's the date tomorrow?", {"day": "tomorrow"}),
        ("What was yesterday's date?", {"day": "yesterday"}),
        ("What day will it be in six days?", {"day": "in six days"}),
        ("明天星期几？", {"day": "明天"}),
        ("六天后是几号？", {"day": "六天后"}),
        ("名古屋现在几点了？", {"place": "名古屋"}),
    ],
)
def test_the_clock_is_asked_for_place_and_day_as_they_were_said(finders, utterance, arguments):
    assert said_arguments(finders.of(CLOCK), CLOCK, utterance) == arguments


def test_only_parameters_that_examples_take_from_the_utterance_are_found(finders):
    assert finders.of(CLOCK).parameters == ("place", "day")
    assert finders.of(WEATHER).parameters == ("location",)
    assert finders.of(WEB).parameters == ()  # search words are put together
    assert finders.of(ToolSpec("voice_search", "", {"properties": {"description": {}}}, VOICE)).parameters == ()
    assert said_arguments(finders.of(WEB), WEB, "Search the web for owls.") is None


async def test_a_users_own_tool_with_few_examples_is_left_to_the_language_model(finders):
    examples = tuple(ToolExample(f"Play {name}.", {"song": name}) for name in ("Yesterday", "Imagine"))
    own = ToolSpec("play", "", {"properties": {"song": {"type": "string"}}, "required": ["song"]}, examples)
    assert said_arguments(finders.of(own), own, "Play Help.") is None
    assert await called(finders, own, "Play Help.", {"song": "Help"}) == {"song": "Help"}


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
async def test_what_a_language_model_wrote_is_held_to_what_was_said(finders, written, tool, utterance, kept):
    assert await called(finders, tool, utterance, written) == kept


@pytest.mark.parametrize(
    ("heard", "place"),
    [
        ("请到今天封大吗。", "青岛"),
        ("上海今天的湿度是多少?", "上海"),
        ("Is it pleasant in the Lake District on Thursday?", "the Lake District"),
        ("Gusts at Holyhead? I'm on the ferry.", "Holyhead"),
        ("Do I need wellies on Ben Nevis tomorrow?", "Ben Nevis"),
    ],
)
def test_a_name_is_whole_and_written_as_it_is_known(finders, heard, place):
    assert finders.of(WEATHER).find(heard) == {"location": place}


@pytest.mark.parametrize("said", ["Will it rain tomorrow?", "Is it cold outside?", "明天会下雨吗？", "今天天气怎么样？"])
def test_where_no_place_is_said_none_is_found(finders, said):
    assert finders.of(WEATHER).find(said) == {}


@pytest.mark.parametrize(
    ("said", "places"),
    [
        ("the weather in Oslo and Bergen", ["Oslo", "Bergen"]),
        ("What's the weather in Oslo, Bergen and Rome?", ["Oslo", "Bergen", "Rome"]),
        ("Will it rain in Oslo or in Bergen?", ["Oslo", "Bergen"]),
        ("weather in oslo/bergen", ["oslo", "bergen"]),
        ("weather in Ghent and Hogsmeade", ["Ghent", "Hogsmeade"]),
        ("北京、上海和广州明天下雨吗", ["北京", "上海", "广州"]),
        ("东京和大阪冷不冷", ["东京", "大阪"]),
    ],
)
def test_several_places_are_asked_about_one_by_one(finders, said, places):
    requests = finders.of(WEATHER).apart(said)
    assert [finders.of(WEATHER).find(request)["location"] for request in requests] == places


@pytest.mark.parametrize(
    "said",
    [
        "snow and Denver",
        "Weather in Trinidad and Tobago",
        "weather in Bosnia and Herzegovina",
        "What's the weather like in Antigua and Barbuda?",
        "Weather for Paris, France.",
        "Is it warmer in Rome than in Oslo?",
        "Is it windy and cold in Oslo?",
        "Will it rain tomorrow?",
        "weather in Newcastle and Stratford-upon-Avon",
    ],
)
def test_one_place_is_one_question(finders, said):
    assert finders.of(WEATHER).apart(said) == [said]


def test_the_other_values_are_shared(finders):
    asked = finders.of(CLOCK).apart("What day is it in Tokyo and Paris tomorrow?")
    assert [finders.of(CLOCK).find(request) for request in asked] == [
        {"place": "Tokyo", "day": "tomorrow"},
        {"place": "Paris", "day": "tomorrow"},
    ]


@given(st.text(max_size=60) | st.text(alphabet="䷿䷀北京𠀀，. ", max_size=12))
def test_any_text_is_read_and_whatever_is_found_was_said(finders, text):
    for name, value in finders.of(WEATHER).find(text).items():
        assert name == "location"
        assert value in text or place_of(value) is not None
    assert all(text[token.start : token.end] == token.text for token in tokens_of(text))


def test_what_was_learnt_is_kept_and_mended(tmp_path):
    few = replace(WEATHER, examples=WEATHER.examples[:40])
    said = "Will it rain in Trondheim tomorrow?"
    found = SpanFinders(tmp_path).of(few).find(said)
    (stored,) = tmp_path.glob("spans-*.npz")
    written = stored.stat().st_mtime_ns
    assert SpanFinders(tmp_path).of(few).find(said) == found
    assert stored.stat().st_mtime_ns == written, "it was loaded"
    stored.write_bytes(stored.read_bytes()[:1000])
    assert SpanFinders(tmp_path).of(few).find(said) == found
    assert SpanFinders(tmp_path).of(replace(few, examples=few.examples[:30])) is not None
    assert len(list(tmp_path.glob("spans-*.npz"))) == 2


def test_numbers_are_left_to_the_language_model(finders):
    examples = tuple(ToolExample(f"Set a timer for {n} minutes.", {"minutes": n}) for n in range(1, 13))
    timer = ToolSpec("timer", "", {"properties": {"minutes": {"type": "integer"}}}, examples)
    assert finders.of(timer).parameters == ()
    assert finders.of(timer).find("Set a timer for 9 minutes.") == {}


def test_threads_learn_once_and_a_disk_that_refuses_is_no_failure(tmp_path, caplog):
    few = replace(WEATHER, examples=WEATHER.examples[:40])
    barred = tmp_path / "file"
    barred.write_text("no folder")
    finders = SpanFinders(barred)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(finders.of, [few] * 4))
    assert all(finder is found[0] for finder in found)
    assert "cannot be kept" in caplog.text


def test_the_same_examples_are_learnt_once(finders):
    assert finders.of(WEATHER) is finders.of(WeatherTool().spec)
    assert finders.of(WEATHER) is not finders.of(CLOCK)
