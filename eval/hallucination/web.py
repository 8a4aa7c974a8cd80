"""The web as it is searched in an arm: recorded before, or made of the set's own passages; by the tool's own HTTP client.

A cassette is a JSONL file with what was answered to each query. The arm `web-live` makes one; where there is none, the
passages of the set take the place of the web, found by BM25 with the query that the model wrote.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, Field, ValidationError

from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.eval.hallucination.words import overlap, words
from vivavoce.eval.lab.set_files import lines_of, text_of
from vivavoce.tools.web_search import Provider, WebHit, ddgs_text, searxng

SERVER = "http://recorded.invalid"  # never asked: the transport answers in its place
ALIKE = 0.6  # F1 of words from which another query's results are taken for this one's
HITS = 8
HOSTS = tuple(f"encyclopedia-{letter}.example" for letter in "abcd")
MAX_BYTES = 100_000_000

Field_ = Annotated[str, Field(max_length=20_000)]
Answer = Callable[[str], Awaitable[Sequence[WebHit]]]


class _Hit(BaseModel):
    title: Field_
    url: Field_
    content: Field_


class _Recorded(BaseModel):
    query: Field_
    results: Annotated[list[_Hit], Field(max_length=100)]


def replayed(answer: Answer) -> Provider:
    """The tool's provider over a SearXNG server, answered in this process. answer: to a query."""

    async def respond(request: httpx.Request) -> httpx.Response:
        hits = await answer(request.url.params["q"])
        return httpx.Response(200, json={"results": [_as_json(hit) for hit in hits]})

    return searxng(SERVER, httpx.MockTransport(respond))


def cassette(path: Path, most_bytes: int = MAX_BYTES) -> Answer:
    """What was recorded for a query, or for one of much the same words; nothing for others.

    Raises:
        ConfigError: the file cannot be read, or a line of it is no recording.
    """
    recorded = {
        key(one.query): [WebHit(hit.title, hit.url, hit.content) for hit in one.results] for one in _read(path, most_bytes)
    }
    known = {query: words(query) for query in recorded}

    async def answer(query: str) -> Sequence[WebHit]:
        wanted = words(query)
        nearest = max(known, key=lambda one: (one == key(query), overlap(known[one], wanted)), default=None)
        if nearest is None or (nearest != key(query) and overlap(known[nearest], wanted) < ALIKE):
            return []
        return recorded[nearest]

    return answer


def closed_web(search: Callable[[str, int], Awaitable[Sequence[Passage]]], title: str) -> Answer:
    """The passages of a set as pages of the web."""

    async def answer(query: str) -> Sequence[WebHit]:
        found = await search(query, HITS)
        return [
            WebHit(title, f"https://{HOSTS[rank % len(HOSTS)]}/{passage.source}", passage.text)
            for rank, passage in enumerate(found)
        ]

    return answer


def live(searxng_url: str | None, path: Path) -> list[Provider]:
    """The product's providers; what they find is recorded in ``path``."""
    return [_recording(provider, path) for provider in ([searxng(searxng_url)] if searxng_url else []) + [ddgs_text]]


def key(query: str) -> str:
    """A query as the tool compares it."""
    return " ".join(query.lower().split())


def _recording(provider: Provider, path: Path) -> Provider:
    async def search(query: str) -> Sequence[WebHit]:
        hits = await provider(query)
        line = {"query": key(query), "results": [_as_json(hit) for hit in hits]}
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        return hits

    return search


def _read(path: Path, most_bytes: int) -> list[_Recorded]:
    text = text_of(path, most_bytes, f"the recorded web {path} cannot be read", "record it anew with web-live")
    found: list[_Recorded] = []
    for where, line in lines_of(text, path):
        try:
            found.append(_Recorded.model_validate_json(line))
        except ValidationError as error:
            raise ConfigError(f"{where}: no recorded search; remove the line") from error
    return found


def _as_json(hit: WebHit) -> Mapping[str, Any]:
    return {"title": hit.title, "url": hit.url, "content": hit.snippet}
