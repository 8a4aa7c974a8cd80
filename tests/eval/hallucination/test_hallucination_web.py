"""The web of an arm: through the tool's own client, from a cassette or from the set's passages; and how one is recorded."""

import json

import httpx
import pytest

from vivavoce.core.errors import ConfigError, ToolFailed
from vivavoce.core.passage import Passage
from vivavoce.eval.hallucination import web as hallucination_web
from vivavoce.eval.hallucination.web import cassette, closed_web, live, replayed
from vivavoce.tools.web_search import WebHit, WebSearchTool

pytestmark = pytest.mark.unit
HIT = WebHit("Skagen", "https://lighthouse.example/a", "The lighthouse is run by Ada Marsh.")


async def called(provider, query="who runs the lighthouse of Skagen"):
    return await WebSearchTool(providers=[provider]).call(json.dumps({"query": query}))


@pytest.fixture
def recorded(tmp_path):
    path = tmp_path / "town.web.jsonl"
    results = [{"title": HIT.title, "url": HIT.url, "content": HIT.snippet}]
    path.write_text(json.dumps({"query": "who runs the lighthouse of skagen", "results": results}) + "\n\n")
    return path


async def test_a_cassette_answers_through_the_tools_client(recorded):
    output = await called(replayed(cassette(recorded)))
    assert output.content == "Skagen (lighthouse.example): The lighthouse is run by Ada Marsh."
    assert output.sources == ("lighthouse.example",)


async def test_a_query_of_much_the_same_words_finds_what_was_recorded_and_another_finds_nothing(recorded):
    provider = replayed(cassette(recorded))
    assert (await called(provider, "lighthouse of Skagen, who runs the place")).sources == ("lighthouse.example",)
    assert (await called(provider, "price of herring")).content == "nothing found"


@pytest.mark.parametrize("line", ["{", '{"query": "a"}', '{"query": "a", "results": [{"title": "t"}]}'])
def test_a_damaged_line_is_named(recorded, line):
    with recorded.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ConfigError, match="line 3: no recorded search"):
        cassette(recorded)


def test_a_cassette_that_is_too_large_is_refused(recorded):
    with pytest.raises(ConfigError, match="larger than"):
        cassette(recorded, most_bytes=10)


async def test_the_passages_of_a_set_take_the_place_of_the_web():
    async def search(query, k):
        return [Passage(f"Text {number}.", f"p{number}", "") for number in range(k)]

    output = await called(replayed(closed_web(search, "Wikipedia")))
    assert output.content.startswith("Wikipedia (encyclopedia-a.example): Text 0.\n")
    assert len(output.sources) == 4


async def test_what_is_found_live_is_recorded_and_can_be_replayed(tmp_path, monkeypatch):
    async def found(query):
        return [HIT]

    monkeypatch.setattr(hallucination_web, "ddgs_text", found)
    path = tmp_path / "cache" / "town.web.jsonl"
    (provider,) = live(None, path)
    fresh = await called(provider, "Who runs  the lighthouse?")
    again = await called(replayed(cassette(path)), "who runs the lighthouse?")
    assert fresh == again


async def test_a_web_that_cannot_be_reached_is_not_recorded(tmp_path, monkeypatch):
    async def fail(query):
        raise ToolFailed("no network")

    monkeypatch.setattr(hallucination_web, "ddgs_text", fail)
    monkeypatch.setattr(hallucination_web, "searxng", lambda url: fail)
    providers = live("http://search.invalid", tmp_path / "web.jsonl")
    assert len(providers) == 2
    with pytest.raises(ToolFailed):
        await WebSearchTool(providers=providers).call('{"query": "a"}')
    assert not (tmp_path / "web.jsonl").exists()


def test_nothing_is_asked_over_the_network():
    """The address of the replaying server cannot be one of the network's (RFC 2606)."""
    assert httpx.URL(hallucination_web.SERVER).host.endswith(".invalid")
