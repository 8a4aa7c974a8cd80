"""The grounding lab: how well the check tells supported sentences from unsupported ones, beside two baselines."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from vivavoce.app.parts import open_embedder
from vivavoce.core.errors import ConfigError
from vivavoce.core.protocols import TextEmbedder
from vivavoce.core.settings import Settings
from vivavoce.eval.grounding.claims import NO_CLAIM, SETS, WRITTEN, LabelledClaim, claims_of
from vivavoce.eval.grounding.report import CHECK, COSINE, OVERLAP, grounding_page
from vivavoce.eval.lab.driver import evenly
from vivavoce.eval.lab.lab import Item, Measure, Options, Result
from vivavoce.eval.lab.page import Page
from vivavoce.retrieval.grounding.check import SentenceGrounding, read
from vivavoce.retrieval.grounding.words import sentences

Claims = Callable[[str, Path], Sequence[LabelledClaim]]


class GroundingLab:
    """Implements `Lab`. claims: those of a set, given a cache. embedder: how it is opened."""

    name = "grounding"
    sets = SETS
    parallel = False

    def __init__(self, claims: Claims = claims_of, embedder: Callable[[Settings], TextEmbedder] = open_embedder) -> None:
        self._claims = claims
        self._embedder = embedder

    def items(self, options: Options) -> Sequence[Item]:
        """See `Lab.items`."""
        claims = self._chosen(options)
        written = [one for one in claims.values() if one.set == WRITTEN and one.kind != NO_CLAIM]
        if not any(one.supported and not one.held_out for one in written) or not any(one.held_out for one in written):
            raise ConfigError("measuring needs written claims for fitting and held-out ones; ask the set written too")
        return [_item(name, claim) for name, claim in claims.items()]

    def _chosen(self, options: Options) -> dict[str, LabelledClaim]:
        """By the ids of items."""
        cache = options.settings.home / "cache" / "eval"
        found: dict[str, LabelledClaim] = {}
        for name in options.sets:
            claims = [(f"{name}/{number}", claim) for number, claim in enumerate(self._claims(name, cache))]
            found |= dict(evenly(claims, options.limit))
        return found

    @asynccontextmanager
    async def open(self, options: Options, folder: Path) -> AsyncGenerator[Measure]:
        """See `Lab.open`."""
        check, claims = SentenceGrounding(self._embedder(options.settings)), self._chosen(options)

        async def measure(item: Item) -> Result:
            return await asyncio.to_thread(judged, item, check, claims[item.id])

        yield measure

    def page(self, results: Sequence[Result], facts: Mapping[str, Any]) -> Page:
        """See `Lab.page`."""
        return grounding_page(results)


def _item(name: str, claim: LabelledClaim) -> Item:
    facts = {
        "set": claim.set,
        "half": "held out" if claim.held_out else "fitted on",
        "kind": claim.kind,
        "question": claim.question,
        "text": claim.text,
        "supported": claim.supported,
    }
    return Item(name, claim.group, facts, {"right": 0.0})


def judged(item: Item, check: SentenceGrounding, claim: LabelledClaim) -> Result:
    """What the check and the baselines say of a claim. Blocking."""
    check.compare("Passages are read before the clock starts.", claim.passages)
    start = perf_counter()
    found = check.check(claim.text, claim.passages, claim.question)
    taken = 1000 * (perf_counter() - start)
    cosine = max(one.cosine for one in check.compare(claim.text, claim.passages, claim.question))
    scores = {"right": float(found.supported == claim.supported)}
    if claim.supported and claim.kind != NO_CLAIM:
        scores["right passage"] = float(found.passage == claim.right)
    record = {
        "support": {CHECK: found.support, COSINE: float(cosine), OVERLAP: _overlap(claim)},
        "passage": found.passage,
        "milliseconds": taken,
    }
    verdict = "supported" if found.supported else "flagged"
    return Result(item.id, item.cluster, item.facts, scores, verdict, found.why, record)


def _overlap(claim: LabelledClaim) -> float:
    """The share of a claim's content words, numbers and dates that the best of its passages has."""
    said, _ = read(claim.text, claim.question)
    items = [*said.whole.stems, *said.whole.values]
    has = [[one.whole.words | one.whole.values for one in sentences(passage.text)] for passage in claim.passages]
    shared = [sum(any(item in words for words in rows) for item in items) for rows in has]
    return max(shared) / len(items) if items else 1.0
