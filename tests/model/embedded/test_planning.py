"""What a request wants done: one step or several, and what of the call before still holds."""

import json

import pytest

from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_tools
from vivavoce.core.messages import AssistantMessage, ToolCall, ToolMessage, ToolOutput, ToolResult, ToolSpec, UserMessage
from vivavoce.model.embedded.routing.described import DescribedTools
from vivavoce.model.embedded.routing.planning import Planner
from vivavoce.model.embedded.routing.router import BEYOND, NO_TOOL, IntentRouter
from vivavoce.model.embedded.routing.spans import SpanFinders
from vivavoce.tools.examples import BEYOND_EXAMPLES, CHAT_EXAMPLES, LACKING

pytestmark = pytest.mark.models
CLOCK, WEATHER, VOICE = "get_date_time", "get_weather", "voice_search"


@pytest.fixture(scope="module")
def parts(home):
    return Parts(home)


@pytest.fixture(scope="module")
def tools(parts):
    return open_tools(parts).specs


@pytest.fixture(scope="module")
def planner(home, parts, tools):
    return planner_of(home, parts, tools)


def planner_of(home, parts, tools):
    cache = home.home / "cache"
    router = IntentRouter(parts.embedder, CHAT_EXAMPLES, cache, BEYOND_EXAMPLES, LACKING)
    planner = Planner(router, DescribedTools(parts.embedder), SpanFinders(cache), ("knowledge_search", "web_search"))
    planner.fit(tools)
    return planner


async def steps(planner, tools, said, before=()):
    return [(step.label, step.request) for step in await planner.plan(said, [*before, UserMessage(said)], tools)]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Tell me a long story about a fox and a crow.", [NO_TOOL]),
        ("What is your name and where do you live?", [NO_TOOL]),
        ("I'm going to Oslo. Will it rain there?", [WEATHER]),
        ("Speak like a robot and use a deep tone.", [VOICE]),
        ("Search the web for cheap flights and hotels in Rome.", ["web_search"]),
        ("What does the handbook say about breaks and lunch?", ["knowledge_search"]),
        ("Look in the manual and tell me how to clean the filter.", ["knowledge_search"]),
        ("What is the weather in Oslo and what time is it in Tokyo?", [WEATHER, CLOCK]),
        ("What is the weather in Oslo and will it rain in Bergen?", [WEATHER, WEATHER]),
        ("What's the weather in Oslo and what time is it in Tokyo and then speak like a robot.", [WEATHER, CLOCK, VOICE]),
        ("Tell me the time and tell me a joke.", [CLOCK, NO_TOOL]),
        ("Hello, teller you.", [NO_TOOL]),
        ("Tell Maria on the phone that lunch is ready.", [BEYOND]),
        ("Tell me that story again.", [NO_TOOL]),
        ("Hello, speak like an old man.", [VOICE]),
        ("Turn on the light and tell me the time in Rome.", [BEYOND, CLOCK]),
        ("讲个狐狸和乌鸦的故事", [NO_TOOL]),
        ("今天好累，讲个笑话", [NO_TOOL]),
        ("北京天气怎么样，东京现在几点？", [WEATHER, CLOCK]),
        ("北京天气怎么样，然后换个男声", [WEATHER, VOICE]),
        ("打开灯，再告诉我现在几点", [BEYOND, CLOCK]),
    ],
)
async def test_a_request_is_split_where_each_part_asks_by_itself(planner, tools, said, wanted):
    assert [label for label, _ in await steps(planner, tools, said)] == wanted


@pytest.mark.parametrize(
    ("said", "requests"),
    [
        ("the weather in Oslo and Bergen", ["the weather in Oslo", "the weather in Bergen"]),
        ("What time is it in Tokyo and in Paris?", ["What time is it in Tokyo?", "What time is it in Paris?"]),
        ("北京、上海和广州明天下雨吗", ["北京明天下雨吗", "上海明天下雨吗", "广州明天下雨吗"]),
        ("What's the weather in Bergen, no, Stavanger?", ["What's the weather in Stavanger?"]),
        ("Weather in Trinidad and Tobago", ["Weather in Trinidad and Tobago"]),
    ],
)
async def test_a_call_for_each_place(planner, tools, said, requests):
    assert [request for _, request in await steps(planner, tools, said)] == requests


def called(name, arguments, asked, status="done"):
    call = ToolCall.new(name, json.dumps(arguments, ensure_ascii=False))
    result = ToolMessage(ToolResult(call, status, ToolOutput("x")))
    return [UserMessage(asked), AssistantMessage("", (call,)), result, AssistantMessage("Well.")]


OSLO = called(WEATHER, {"location": "Oslo"}, "What's the weather in Oslo?", "failed")
TOKYO = called(CLOCK, {"place": "Tokyo", "day": "tomorrow"}, "What day is it in Tokyo tomorrow?")
OLD_MAN = called(VOICE, {"description": "Speak like an old man."}, "Speak like an old man.")


@pytest.mark.parametrize(
    ("before", "said", "label", "known"),
    [
        (OSLO, "and tomorrow?", WEATHER, {"location": "Oslo"}),
        (OSLO, "And in Paris?", WEATHER, {"location": "Oslo"}),
        (OSLO, "Sorry, Stavanger.", WEATHER, {"location": "Oslo"}),
        (OSLO, "And the time?", CLOCK, {"place": "Oslo"}),
        (OSLO, "那上海呢？", WEATHER, {"location": "Oslo"}),
        (OSLO, "不对，是上海", WEATHER, {"location": "Oslo"}),
        (OSLO, "Is it windy?", WEATHER, {"location": "Oslo"}),
        (OSLO, "No, thanks.", NO_TOOL, {}),
        (OSLO, "And who are you?", NO_TOOL, {}),
        (TOKYO, "What about Osaka?", CLOCK, {"place": "Tokyo", "day": "tomorrow"}),
        (TOKYO, "那大阪呢", CLOCK, {"place": "Tokyo", "day": "tomorrow"}),
        (TOKYO, "And what day is it today?", CLOCK, {}),
        ([], "What about Osaka?", NO_TOOL, {}),
    ],
)
async def test_what_was_said_before_still_holds(planner, tools, before, said, label, known):
    (step,) = await planner.plan(said, [*before, UserMessage(said)], tools)
    assert (step.label, step.known) == (label, known)


@pytest.mark.parametrize(
    ("said", "request_"),
    [("What time is it there?", "What time is it in Oslo?"), ("那边现在几点？", "Oslo现在几点？")],
)
async def test_there_is_the_place_of_the_call_before(planner, tools, said, request_):
    assert await steps(planner, tools, said, OSLO) == [(CLOCK, request_)]


@pytest.mark.parametrize(
    "said",
    [
        "another one",
        "a bit deeper, please",
        "the second one",
        "Higher.",
        "the next one please",
        "换一个",
        "再低一点",
        "第二个",
    ],
)
async def test_after_a_voice_another_one_is_a_voice(planner, tools, said):
    assert await steps(planner, tools, said, OLD_MAN) == [(VOICE, said)]


@pytest.mark.parametrize("said", ["another one", "the second one", "再来一个"])
async def test_without_a_voice_before_another_one_is_talk(planner, tools, said):
    assert await steps(planner, tools, said) == [(NO_TOOL, said)]


@pytest.mark.parametrize(
    "said", ["Great, thanks for looking up the weather.", "谢谢你告诉我天气。", "好的，谢谢你查了天气。"]
)
async def test_thanks_ask_for_nothing(planner, tools, said):
    assert await steps(planner, tools, said, OSLO) == [(NO_TOOL, said)]


@pytest.mark.parametrize("said", ["Thanks. What about Bergen?", "谢谢，那上海呢？"])
async def test_thanks_may_come_before_a_question(planner, tools, said):
    assert [label for label, _ in await steps(planner, tools, said, OSLO)] == [WEATHER]


@pytest.mark.parametrize(
    "said",
    [
        "Find vegan restaurants in Los Angeles and then do the same for Seattle.",
        "Find restaurants in Los Angeles. Give me detailed information.",
    ],
)
async def test_what_adds_to_a_request_stays_with_it(home, parts, said):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}, "detailed": {"type": "boolean"}}}
    own = [ToolSpec("find_restaurants", "Find restaurants in a city.", parameters)]
    assert await steps(planner_of(home, parts, own), own, said) == [("find_restaurants", said)]


@pytest.mark.parametrize(("said", "label"), [("Who discovered radium?", "discoverer_get"), ("Who wrote Hamlet?", NO_TOOL)])
async def test_a_question_in_the_words_of_a_tools_name_is_hardly_talk(home, parts, said, label):
    name = {"type": "object", "properties": {"element_name": {"type": "string"}, "year": {"type": "integer"}}}
    own = [ToolSpec("discoverer_get", "Retrieve the discoverer of an element of the periodic table.", name)]
    planner = planner_of(home, parts, own)
    assert [step for step, _ in await steps(planner, own, said)] == [label]


def pets():
    def takes(**parameters):
        return {"type": "object", "properties": parameters}

    text = {"type": "string"}
    return [
        ToolSpec("book_visit", "Book a visit to the clinic for a pet.", takes(pet=text, day=text)),
        ToolSpec("record_weight", "Record the weight of a pet in its file.", takes(pet=text, kilograms={"type": "number"})),
    ]


BOOKED = called("book_visit", {"pet": "Rex", "day": "2026-12-04"}, "Book Rex in for Friday.")


@pytest.mark.parametrize(
    ("before", "said", "label"),
    [
        (BOOKED, "Who owns Rex?", BEYOND),
        (BOOKED, "Who wrote Hamlet?", NO_TOOL),
        (BOOKED, "Don't book a visit for Rex.", BEYOND),
        ([], "What does Rex weigh?", BEYOND),
        ([], "How do I record a weight?", NO_TOOL),
        ([], "Tell me a story about a visit to the clinic.", NO_TOOL),
        ([], "Book Rex for a check-up on Friday.", "book_visit"),
        (BOOKED, "Record that Bello weighs ten kilos.", "record_weight"),
    ],
)
async def test_a_deed_is_done_where_it_is_ordered(home, parts, tools, before, said, label):
    own = [*tools, *pets()]
    planner = planner_of(home, parts, own)
    assert [step for step, _ in await steps(planner, own, said, before)] == [label]


async def test_a_question_of_the_past_may_be_looked_up(home, parts):
    rain = ToolSpec(
        "rain_on_day", "Tell how much rain fell in a city on a day.", {"properties": {"city": {"type": "string"}}}
    )
    own = [*pets(), rain]
    planner = planner_of(home, parts, own)
    assert [step for step, _ in await steps(planner, own, "Did much rain fall in Oslo yesterday?")] == ["rain_on_day"]


async def test_what_was_said_of_another_call_is_of_no_new_one(home, parts):
    own = pets()
    said = "Book a visit for Bello."
    (step,) = await planner_of(home, parts, own).plan(said, [*BOOKED, UserMessage(said)], own)
    assert not step.known
