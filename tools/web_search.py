"""Web search: SearXNG where the settings name one, then ddgs, behind a deadline, a cache and a circuit breaker."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from async_lru import alru_cache
from circuitbreaker import CircuitBreaker
from pydantic import BaseModel, ConfigDict, Field

from vivavoce.core.errors import ToolFailed
from vivavoce.core.language import sentences
from vivavoce.core.messages import ToolOutput, ToolSpec
from vivavoce.tools.arguments import parse, schema_of
from vivavoce.tools.examples import WEB
from vivavoce.tools.fetching import get_json
from vivavoce.tools.saying import say

RESULTS, PER_DOMAIN = 4, 2
SNIPPET_CHARS = 260
DEADLINE_S = 6.0
CACHE_S, CACHE_SIZE = 600.0, 128
FAILURES_TO_OPEN, OPEN_S = 3, 60.0
MAX_BYTES = 500_000
DESCRIPTION = "Search the web for news, prices, results and other current facts.\n联网搜索新闻、价格、比分等最新信息。"


class WebArguments(BaseModel):
    """What is searched."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=300, description="a few search words")


@dataclass(frozen=True, slots=True)
class WebHit:
    """One result."""

    title: str
    url: str
    snippet: str


Provider = Callable[[str], Awaitable[Sequence[WebHit]]]


class WebSearchTool:
    """``web_search``. providers: asked in turn; by default SearXNG at ``searxng_url`` if given, then ddgs."""

    def __init__(self, searxng_url: str | None = None, providers: Sequence[Provider] | None = None) -> None:
        if providers is None:
            own = [searxng(searxng_url)] if searxng_url else []
            providers = [*own, ddgs_text]
        self._providers = [
            (provider, CircuitBreaker(FAILURES_TO_OPEN, OPEN_S, (ToolFailed, TimeoutError))) for provider in providers
        ]
        self._search = alru_cache(CACHE_SIZE, ttl=CACHE_S)(self._ask_providers)
        self.spec = ToolSpec(
            "web_search", DESCRIPTION, schema_of(WebArguments), WEB, idempotent=True, timeout_s=DEADLINE_S + 2.0
        )

    async def call(self, arguments: str) -> ToolOutput:
        """Titles and snippets of the best results.

        Raises:
            ToolFailed: no provider could be reached.
        """
        query = " ".join(parse(arguments, WebArguments).query.lower().split())
        hits = await self._search(query)
        if not hits:
            return ToolOutput("nothing found", spoken=say(sentences.WEB_FOUND_NOTHING))
        lines = [f"{hit.title} ({_domain(hit.url)}): {hit.snippet}" for hit in hits]
        return ToolOutput("\n".join(lines), sources=tuple(dict.fromkeys(_domain(hit.url) for hit in hits)))

    async def _ask_providers(self, query: str) -> tuple[WebHit, ...]:
        for provider, breaker in self._providers:
            if breaker.opened:
                continue
            try:
                with breaker:
                    async with asyncio.timeout(DEADLINE_S):
                        hits = await provider(query)
            except (ToolFailed, TimeoutError):
                continue
            return distinct(hits)
        raise ToolFailed(say(sentences.WEB_UNREACHABLE))


def distinct(hits: Sequence[WebHit]) -> tuple[WebHit, ...]:
    """The first few hits, each page once and no domain more than twice."""
    pages: set[str] = set()
    domains: Counter[str] = Counter()
    kept: list[WebHit] = []
    for hit in hits:
        page, domain = canonical(hit.url), _domain(hit.url)
        if not domain or page in pages or domains[domain] >= PER_DOMAIN:
            continue
        pages.add(page)
        domains[domain] += 1
        kept.append(WebHit(hit.title[:120], hit.url, hit.snippet[:SNIPPET_CHARS]))
    return tuple(kept[:RESULTS])


def canonical(url: str) -> str:
    """An address without scheme, ``www``, query, fragment and trailing slash."""
    return _domain(url) + urlsplit(url).path.rstrip("/")


def _domain(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


async def ddgs_text(query: str) -> Sequence[WebHit]:
    """Search through ddgs. Its own time limit is no hard bound, so a daemon thread does the work and is left behind.

    Raises:
        ToolFailed: it found no way out.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[dict[str, str]]] = loop.create_future()

    def deliver(found: list[dict[str, str]], error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found)
        else:
            answer.set_exception(ToolFailed(say(sentences.WEB_UNREACHABLE)))

    def work() -> None:
        found: list[dict[str, str]] = []
        failure: Exception | None = None
        try:
            from ddgs import DDGS

            found = DDGS(timeout=4).text(query, max_results=8)
        except Exception as error:  # noqa: BLE001 - its engines raise anything; all of it means no results
            failure = error
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, found, failure)

    threading.Thread(target=work, name="ddgs", daemon=True).start()
    return [WebHit(hit.get("title", ""), hit.get("href", ""), hit.get("body", "")) for hit in await answer]


def searxng(base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> Provider:
    """A provider over a SearXNG server of the user's own."""

    async def search(query: str) -> Sequence[WebHit]:
        async with httpx.AsyncClient(transport=transport, timeout=4.0) as client:
            found = await get_json(
                client,
                f"{base_url.rstrip('/')}/search",
                {"q": query, "format": "json"},
                service=sentences.SEARCH_SERVER,
                max_bytes=MAX_BYTES,
            )
        try:
            return [WebHit(str(hit["title"]), str(hit["url"]), str(hit.get("content") or "")) for hit in found["results"]]
        except (AttributeError, KeyError, TypeError) as error:
            raise ToolFailed(say(sentences.WEB_UNREACHABLE)) from error

    return search
