"""Audio search over one committed state: candidates, rankings, fusion, explanation."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.store.vector_index import Mask, Rows, Vector, best
from vivavoce.core.voice import VoiceEntry, VoiceHit
from vivavoce.voicebank.search.query import Wishes, parse_wishes, unread
from vivavoce.voicebank.search.ranking import FACTS_SHARE, Met, Rankings, Scores, likeness, meet
from vivavoce.voicebank.store.columns import CATEGORIES
from vivavoce.voicebank.store.view import BankView
from vivavoce.voicebank.words import lexemes, phrases

RANK_ALL = 8_192  # voices that may be found; of no more, all are ranked
NEAREST = 256  # candidates that each ranker brings in a large bank
NEAREST_ALONE = 40  # the same where there is one ranking: it needs hardly more than the hits
FITTING = 1_024  # rows that meet the facts best, of which the nearest in meaning are taken
COMMON_WORD = 2_000  # a word in more records than this says nothing
MAX_WORDS = 32  # of a query
GROUPED = (*(c for c in CATEGORIES if c not in ("speaker", "licence", "source")), "synthetic")


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: words, their embedding (D,), and the speaker embedding (D,) of an example clip."""

    text: str = ""
    meaning: Vector | None = None
    voice: Vector | None = None

    @property
    def wishes(self) -> Wishes:
        """What the words state."""
        return parse_wishes(self.text)


def find(view: BankView, query: Query, k: int, allowed: Mask, rank_all: int = RANK_ALL) -> list[VoiceHit]:
    """The ``k`` best of the allowed rows (R,), best first. rank_all: of no more rows, all are ranked."""
    wishes = query.wishes
    words = _word_scores(view, unread(query.text))
    if np.count_nonzero(allowed) <= rank_all:
        rows = np.flatnonzero(allowed)
    else:
        rows = _candidates(view, query, wishes, words, max(k, NEAREST if query.text else NEAREST_ALONE), allowed)
    if rows.size == 0:
        return []
    met = meet(wishes, view, rows)
    rankings = _rankings(view, query, met, words, rows)
    named = _named(view, query.text, rows) & ~met.conflict & ~met.missed
    order = np.lexsort((rows, -rankings.fused(), met.conflict, ~named))
    scores = _confidence(query, wishes, rankings, met, named)
    return _hits(view, rankings, met, wishes, scores, named, order, k)


def _candidates(view: BankView, query: Query, wishes: Wishes, words: dict[int, float], count: int, allowed: Mask) -> Rows:
    """Of the allowed rows, the best of each ranker."""
    found = [np.fromiter((row for row in words if allowed[row]), np.int64)]
    for space, vector in (("description", query.meaning), ("speaker", query.voice)):
        if vector is not None:
            found.append(view.index(space).search(vector, count, allowed)[0])
    if wishes.all:
        fitting = _fitting(view, wishes, allowed)
        if query.meaning is not None:
            fitting = best(fitting, view.vectors["description"][fitting] @ query.meaning, count)[0]
        found.append(fitting[:count])
    return np.unique(np.concatenate(found))


def _fitting(view: BankView, wishes: Wishes, allowed: Mask) -> Rows:
    """At least `FITTING` allowed rows that meet the wishes best, where there are as many.

    Rows of the same facts (and of pitch within a third of an octave) are judged together, by one of them.
    """
    firsts, order, starts = _groups(view)
    met = meet(wishes, view, firsts, remember=True)
    misfit = met.conflict - met.whole
    found: list[Rows] = []
    count = 0
    for group in _best_first(misfit):
        rows = order[starts[group] : starts[group + 1]]
        rows = rows[allowed[rows]]
        found.append(rows)
        count += rows.size
        if count >= FITTING:
            break
    return np.concatenate(found)


def _best_first(misfit: Scores) -> Iterator[int]:
    """Positions by rising value; the whole order is only worked out when its beginning was not enough."""
    yield from (leading := best(np.arange(misfit.size), -misfit, FITTING)[0])
    yield from np.argsort(misfit, kind="stable")[leading.size :]


def _groups(view: BankView) -> tuple[Rows, Rows, Rows]:
    """(a row of each group, rows group by group, where each group starts and the last ends); worked out once."""

    def work_out() -> tuple[Rows, Rows, Rows]:
        with np.errstate(invalid="ignore", divide="ignore"):
            third = np.nan_to_num(3 * np.log2(view.columns["f0_hz"] / 50.0), nan=-1.0).astype(np.int64)
            rate = np.nan_to_num(view.columns["rate_hz"], nan=-1.0).astype(np.int64)
        factors = np.random.default_rng(0).integers(1, 2**62, len(GROUPED) + 2) | 1
        columns = [*(view.columns[name].astype(np.int64) for name in GROUPED), third, rate]
        with np.errstate(over="ignore"):
            keys = np.sum([column * factor for column, factor in zip(columns, factors, strict=True)], axis=0)
        order = np.argsort(keys, kind="stable")
        changes = np.flatnonzero(np.diff(keys[order])) + 1
        starts = np.concatenate([[0], changes, [keys.size]])
        return order[starts[:-1]], order, starts

    return view.remembered("groups", "", work_out, 1)


def _word_scores(view: BankView, text: str) -> dict[int, float]:
    """By row, the summed rarity of the words it shares with the query."""
    scores: dict[int, float] = {}
    common: set[str] = view.memory.setdefault("common words", set())
    for word in dict.fromkeys(lexemes(text)[:MAX_WORDS]):
        rows = [] if word in common else view.catalogue.rows_with(word, COMMON_WORD + 1)
        if len(rows) > COMMON_WORD:
            common.add(word)
            continue
        if not rows:
            continue
        rarity = log(1 + view.state.rows / len(rows))
        for row in rows:
            if row < view.state.rows:
                scores[row] = scores.get(row, 0.0) + rarity
    return scores


def _rankings(view: BankView, query: Query, met: Met, words: dict[int, float], rows: Rows) -> Rankings:
    rankings = Rankings(rows)
    if met.facts is not None:
        rankings.scores["facts"] = np.where(met.conflict, met.facts - 1.0, met.facts)
    if met.sound is not None:
        rankings.scores["sound"] = met.sound
    if query.meaning is not None:
        rankings.scores["meaning"] = view.index("description").cosines(query.meaning, rows)
    if query.voice is not None:
        rankings.scores["voice"] = view.index("speaker").cosines(query.voice, rows)
    if words:
        rankings.scores["words"] = np.fromiter((words.get(int(row), 0.0) for row in rows), np.float32, rows.size)
    return rankings


def _named(view: BankView, text: str, rows: Rows) -> Mask:
    """Which voices the query calls by name or id, such as "use the Dickens Reader"."""
    return np.isin(rows, np.asarray(view.catalogue.rows_named(phrases(text)), np.int64))


def _confidence(query: Query, wishes: Wishes, rankings: Rankings, met: Met, named: Mask) -> Scores:
    """How well each candidate fits, in [0, 1], on a scale that a threshold can be set on."""
    parts: list[NDArray[Any]] = []
    if query.text:
        meaning = np.clip(rankings.scores.get("meaning", np.zeros(named.size, np.float32)), 0.0, 1.0)
        parts.append(FACTS_SHARE * met.whole + (1 - FACTS_SHARE) * meaning if wishes.all else meaning)
        parts[0] = np.where(named, np.float32(1), parts[0])
    if query.voice is not None:
        parts.append(likeness(rankings.scores["voice"]))
    return np.mean(parts, axis=0)


def _hits(
    view: BankView, rankings: Rankings, met: Met, wishes: Wishes, scores: Scores, named: Mask, order: Rows, k: int
) -> list[VoiceHit]:
    """The first ``k`` in order that are still in the catalogue."""
    hits: list[VoiceHit] = []
    for first in range(0, order.size, max(k, 16)):
        positions = order[first : first + max(k, 16)]
        records = view.catalogue.records([int(rankings.rows[i]) for i in positions])
        for i in positions:
            record = records.get(int(rankings.rows[i]))
            if record is not None and len(hits) < k:
                each = tuple((ranker, round(float(values[i]), 4)) for ranker, values in rankings.scores.items())
                reason = _reason(record, met, wishes, dict(each), bool(named[i]), int(i))
                hits.append(VoiceHit(record, round(float(scores[i]), 4), reason, each))
        if len(hits) >= k:
            break
    return hits


def _reason(record: VoiceEntry, met: Met, wishes: Wishes, scores: dict[str, float], named: bool, i: int) -> str:
    def words(kinds: list[tuple[str, str]]) -> str:
        return ", ".join(f"{value} {kind}" if kind in ("pitch", "range") else value for kind, value in kinds)

    wanted = [wish for wish in wishes.all if wish in wishes.wanted]
    fulfilled = [wish for wish in wanted if met.by_wish[wish][i] >= 0.5]
    missing = [wish for wish in wanted if met.by_wish[wish][i] < 0.5]
    clauses = ["named in the request"] if named else []
    if wanted:
        clauses.append(words(fulfilled) or "nothing stated is met")
    if missing:
        clauses.append(f"but not {words(missing)}")
    if "voice" in scores:
        clauses.append(f"speaker similarity {scores['voice']:.2f}")
    if not clauses and "meaning" in scores:
        clauses.append(f"description similarity {max(scores['meaning'], 0.0):.2f}")
    if scores.get("words", 0.0) > 0:
        clauses.append("shares words with the request")
    if wanted and record.acoustics.f0_hz is not None:
        clauses.append(f"median pitch {record.acoustics.f0_hz:.0f} Hz")
    return "; ".join(clauses) or "no ranking applies"
