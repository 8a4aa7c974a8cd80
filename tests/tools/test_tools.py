import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from langchain_core.tools import tool as langchain_tool

from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.tools.clock import DateTimeTool
from vivavoce.tools.registry import ToolRegistry
from vivavoce.tools.voices.requests import wants_default
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebHit, WebSearchTool, distinct, searxng

NOW = datetime(2026, 11, 23, 7, 42, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "spoken"),
    [
        ('{"place": "Tokyo"}', "In Tokyo it is 4:42 PM on Monday, November 23, 2026."),
        ('{"place": "japan"}', "In Japan it is 4:42 PM on Monday, November 23, 2026."),
        ('{"place": "UTC"}', "In UTC it is 7:42 AM on Monday, November 23, 2026."),
        ('{"place": "America/New_York"}', "In New York it is 2:42 AM on Monday, November 23, 2026."),
        ('{"place": "东京"}', "In 东京 it is 4:42 PM on Monday, November 23, 2026."),
        ('{"place": "UTC", "day": "tomorrow"}', "Tomorrow is Tuesday, November 24, 2026."),
        ('{"place": "Tomorrow"}', "Tomorrow is Tuesday, November 24, 2026."),
        ('{"place": "the day after tomorrow"}', "The day after tomorrow is Wednesday, November 25, 2026."),
        ('{"place": "UTC", "day": "two weeks ago"}', "Two weeks ago was Monday, November 9, 2026."),
        ('{"place": "UTC", "day": "三天后"}', "That is Thursday, November 26, 2026."),
        ('{"place": "UTC", "day": "昨天"}', "That was Sunday, November 22, 2026."),
        ('{"place": "UTC", "day": "someday"}', "In UTC it is 7:42 AM on Monday, November 23, 2026."),
        ('{"place": "温哥华"}', "In 温哥华 it is 11:42 PM on Sunday, November 22, 2026."),
        ('{"place": "Hawaii"}', "In Hawaii it is 9:42 PM on Sunday, November 22, 2026."),
    ],
)
async def test_the_clock_speaks(arguments, spoken):
    assert (await DateTimeTool(lambda: NOW).call(arguments)).spoken == spoken


async def test_a_place_that_holds_the_name_of_a_day_is_a_place():
    for place in ("Friday Harbor Bay", "London tomorrow"):
        with pytest.raises(ToolFailed, match=f"the time zone of {place}"):
            await DateTimeTool(lambda: NOW).call(json.dumps({"place": place}))
    answer = await DateTimeTool(lambda: NOW).call('{"place": "今天"}')
    assert answer.spoken.startswith("It is ")


async def test_a_day_beyond_a_change_of_the_clocks_is_a_date_alone():
    answer = await DateTimeTool(lambda: NOW).call('{"place": "New York", "day": "in six months"}')
    assert answer.content == "2027-05-23, Sunday, May 23, 2027"


async def test_an_unknown_place_is_a_failure_that_can_be_spoken():
    with pytest.raises(ToolFailed, match="I do not know the time zone of Gondor"):
        await DateTimeTool(lambda: NOW).call('{"place": "Gondor"}')


def weather_server(request: httpx.Request) -> httpx.Response:
    if "search" in request.url.path:
        known = request.url.params["name"] == "Paris"
        return httpx.Response(
            200, json={"results": [{"name": "Paris", "latitude": 48.9, "longitude": 2.4}]} if known else {}
        )
    daily = {key: [9, 12] for key in ("temperature_2m_max", "temperature_2m_min", "precipitation_probability_max")}
    now = {"temperature_2m": 10.6, "weather_code": 61, "wind_speed_10m": 12.2}
    return httpx.Response(200, json={"current": now, "daily": {**daily, "weather_code": [61, 3]}})


async def test_weather_is_a_sentence_and_failures_are_clauses():
    answer = await WeatherTool(httpx.MockTransport(weather_server)).call('{"location": "Paris"}')
    assert answer.spoken.startswith("In Paris it is light rain at 11 degrees Celsius")
    with pytest.raises(ToolFailed, match="knows no place called Nowhere"):
        await WeatherTool(httpx.MockTransport(weather_server)).call('{"location": "Nowhere"}')

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    for transport in (down, lambda _: httpx.Response(200, text="x" * 300_000), lambda _: httpx.Response(200, text="{")):
        with pytest.raises(ToolFailed):
            await WeatherTool(httpx.MockTransport(transport)).call('{"location": "Paris"}')


async def test_one_search_serves_callers_at_once_and_later_ones():
    asked = []

    async def provider(query):
        asked.append(query)
        await asyncio.sleep(0.01)
        return [WebHit("Title", "https://example.org/a", "text")]

    tool = WebSearchTool(providers=[provider])
    first, second = await asyncio.gather(tool.call('{"query": "News  today"}'), tool.call('{"query": "news today"}'))
    assert first == second == await tool.call('{"query": "NEWS TODAY"}')
    assert asked == ["news today"]
    assert first.sources == ("example.org",)


async def test_a_failing_provider_is_left_alone_and_the_next_is_asked():
    asked = []

    async def failing(query):
        asked.append(query)
        raise ToolFailed("down")

    async def working(query):
        return []

    tool = WebSearchTool(providers=[failing, working])
    for number in range(6):
        await tool.call(f'{{"query": "q{number}"}}')
    assert len(asked) == 3
    with pytest.raises(ToolFailed, match="could not reach the web"):
        await WebSearchTool(providers=[failing]).call('{"query": "x"}')


def test_hits_are_distinct_and_no_domain_crowds_out_others():
    hits = [WebHit("t", f"https://www.a.org/{n}", "s") for n in (1, 1, 2, 3)] + [WebHit("t", "http://b.org/x?y=1", "s")]
    assert [hit.url for hit in distinct(hits)] == ["https://www.a.org/1", "https://www.a.org/2", "http://b.org/x?y=1"]


async def test_searxng_results_and_nonsense():
    good = httpx.MockTransport(lambda _: httpx.Response(200, json={"results": [{"title": "T", "url": "https://a.org"}]}))
    assert (await searxng("http://search.test", good)("x"))[0].title == "T"
    for body in ("nonsense", "[]", '{"results": 3}'):
        bad = httpx.MockTransport(lambda _, body=body: httpx.Response(200, text=body))
        with pytest.raises(ToolFailed):
            await searxng("http://search.test", bad)("x")


@pytest.mark.parametrize(
    ("said", "back"),
    [
        ("Go back to your normal voice, please.", True),
        ("Use your own voice again.", True),
        ("Reset your voice.", True),
        ("恢复默认音色。", True),
        ("Speak like an old man.", False),
        ("Change your voice to a deep male voice.", False),
        ("Use a whispering voice.", False),
    ],
)
def test_going_back_is_no_search(said, back):
    assert wants_default(said) == back


async def test_functions_and_langchain_tools_register_in_one_line():
    @langchain_tool
    def shout(text: str) -> str:
        """Shout a text."""
        return text.upper()

    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    registry = ToolRegistry()
    assert (await registry.add(shout).call('{"text": "hi"}')).content == "HI"
    assert (await registry.add(add).call('{"a": 2}')).content == "3"
    assert registry.get("add").spec.parameters["required"] == ["a"]
    with pytest.raises(ConfigError, match="already"):
        registry.add(add)
    with pytest.raises(ConfigError, match="docstring"):
        registry.add(lambda x: x)
