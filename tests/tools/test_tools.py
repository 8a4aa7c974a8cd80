import asyncio
import json
from datetime import UTC, datetime

import httpx
import pytest
from langchain_core.tools import tool as langchain_tool

from vivavoce.core.calls import RunningCall, running
from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.core.messages import SessionFacts
from vivavoce.core.passage import Passage, Provenance
from vivavoce.tools.clock import DateTimeTool
from vivavoce.tools.registry import ToolRegistry
from vivavoce.tools.text_search import ExplainSourceTool, KnowledgeSearchTool
from vivavoce.tools.voices.requests import wants_default
from vivavoce.tools.weather import WeatherTool
from vivavoce.tools.web_search import WebHit, WebSearchTool, distinct, searxng

pytestmark = pytest.mark.unit
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


async def test_a_service_is_refused_what_it_should_not_send():
    def answering(status=200, **body):
        return WeatherTool(httpx.MockTransport(lambda _: httpx.Response(status, **body)))

    for tool, said, retryable in (
        (answering(503), "the weather service answered 503", True),
        (answering(404), "the weather service answered 404", False),
        (answering(json=[1]), "the weather service sent no valid data", False),
        (answering(text="[" * 100_000), "the weather service sent no valid data", False),
        (answering(text="x" * 300_000), "the weather service sent too much data", False),
    ):
        with pytest.raises(ToolFailed, match=said) as caught:
            await tool.call('{"location": "Paris"}')
        assert caught.value.retryable == retryable
    with pytest.raises(ToolFailed, match="the search server could not be reached"):
        await searxng("http://search.test:port")("x")


async def nothing(query):
    return []


@pytest.mark.parametrize(
    ("tool", "arguments", "spoken"),
    [
        (DateTimeTool(lambda: NOW), '{"place": "东京"}', "东京现在是2026年11月23日星期一，下午4点42分。"),
        (DateTimeTool(lambda: NOW), '{"place": "UTC", "day": "明天"}', "明天是2026年11月24日星期二。"),
        (DateTimeTool(lambda: NOW), '{"place": "UTC", "day": "tomorrow"}', "那天是2026年11月24日星期二。"),
        (
            WeatherTool(httpx.MockTransport(weather_server)),
            '{"location": "Paris"}',
            "Paris现在有小雨，气温11摄氏度，风速每小时12公里。明天阴，12到12度，降雨概率百分之12。",
        ),
        (WebSearchTool(providers=[nothing]), '{"query": "x"}', "我在网上搜过了，没有找到相关的内容。"),
        (ExplainSourceTool(), "{}", "我上一个回答不是出自文档。"),
    ],
)
async def test_tools_speak_the_language_of_the_dialogue(tool, arguments, spoken):
    with running(RunningCall(session=SessionFacts(language="zh"))):
        assert (await tool.call(arguments)).spoken == spoken
    with running(RunningCall(session=SessionFacts(language="fr"))):
        in_french = (await tool.call(arguments)).spoken
    assert in_french == (await tool.call(arguments)).spoken != spoken


async def test_failures_are_told_in_the_language_of_the_dialogue():
    with running(RunningCall(session=SessionFacts(language="zh"))):
        with pytest.raises(ToolFailed, match="我不知道Gondor的时区"):
            await DateTimeTool(lambda: NOW).call('{"place": "Gondor"}')
        with pytest.raises(ToolFailed, match="天气服务返回了错误500"):
            await WeatherTool(httpx.MockTransport(lambda _: httpx.Response(500))).call('{"location": "Paris"}')
        with pytest.raises(ToolFailed, match="调用工具的参数有误：location"):
            await WeatherTool().call("{}")


@pytest.mark.parametrize(
    ("language", "place", "spoken"),
    [
        ("en", "lines 3-9", "According to the Kestrel manual: Descale it."),
        ("en", "page 3", "According to the Kestrel manual, page 3: Descale it."),
        ("en", "pages 3-4", "According to the Kestrel manual, pages 3-4: Descale it."),
        ("zh", "lines 3-9", "根据《Kestrel manual》：Descale it."),
        ("zh", "pages 3-4", "根据《Kestrel manual》，第3到4页：Descale it."),
    ],
)
async def test_passages_are_cited(language, place, spoken):
    class Found:
        async def search(self, query, k):
            return [Passage("Descale it.", "/manual.txt", "Kestrel manual", place, score=1.0)]

    with running(RunningCall(session=SessionFacts(language=language))):
        assert (await KnowledgeSearchTool(Found()).call('{"query": "x"}')).spoken == spoken


@pytest.mark.parametrize(
    ("language", "spoken"),
    [
        (
            "en",
            'That is from the Kestrel manual, under "Care", lines 3 to 9. I found nothing in the documents for this: "So."',
        ),
        ("zh", "这出自《Kestrel manual》，“Care”一节，第3到9行。 我在文档里没有找到这句话的依据：“So.”"),
    ],
)
async def test_the_source_of_an_answer_is_told(language, spoken):
    passage = Passage("Descale it.", "/manual.txt", "Kestrel manual", "lines 3-9", heading="Kestrel manual > Care")
    known = (Provenance("Descale it.", passage, 1.0, True), Provenance("So.", None, 0.0, False))
    with running(RunningCall(session=SessionFacts(provenance=known, language=language))):
        assert (await ExplainSourceTool().call("")).spoken == spoken


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
