"""How well the voice bank finds voices: by words, by clip, under conditions, and whether it knows when nothing fits."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import MIN_FIT, Voice, VoiceEntry, VoiceFilters
from vivavoce.eval.lab.statistics import Estimate, bootstrap, equal_error_rate, mean
from vivavoce.eval.voices.queries import VoiceQuery
from vivavoce.voicebank.bank import FolderVoiceBank
from vivavoce.voicebank.embedders import SpeakerEmbedder
from vivavoce.voicebank.store.columns import CATEGORIES, NUMBERS, passes, value_of

HALF_S = 2.0  # the shortest half of a clip that shows who speaks
FILTER_TRIALS = 300
THRESHOLDS = np.round(np.arange(0.0, 1.001, 0.02), 2)


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a query. rank: of the first wanted voice, 0 where none was found. score: of the first hit."""

    query: VoiceQuery
    found: tuple[str, ...]
    rank: int
    score: float

    @property
    def beats_rivals(self) -> bool:
        """Whether a wanted voice comes before every rival."""
        order = {voice: place for place, voice in enumerate(self.found)}
        best = min((order[v] for v in self.query.wanted if v in order), default=len(order))
        return all(order.get(rival, len(order) + 1) > best for rival in self.query.rivals)


@dataclass(frozen=True, slots=True)
class WordsReport:
    """Text to voice. estimates: by group of queries, by measure. asked: each query."""

    estimates: dict[str, dict[str, Estimate]]
    asked: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Shares of queries accepted at each threshold (T,): those with an answer that was found first, and those without one.

    best: where the two are furthest apart, the middle of equals.
    """

    thresholds: NDArray[np.float64]
    answered: NDArray[np.float64]
    unanswerable: NDArray[np.float64]
    best: float
    answered_now: Estimate
    unanswerable_now: Estimate


@dataclass(frozen=True, slots=True)
class ClipsReport:
    """Clip to speaker, on halves of clips that the bank has not heard. Cosines of pairs, for the picture.

    first_recorded: of recorded voices alone, since the voices of one synthesizer are hardly different speakers.
    """

    first: Estimate
    first_recorded: Estimate
    error: Estimate
    threshold: float
    same: NDArray[np.float64]
    other: NDArray[np.float64]


async def ask_all(bank: FolderVoiceBank, queries: Sequence[VoiceQuery], progress: Callable[[], None]) -> WordsReport:
    """Ask every query and compare what is found with what was wanted."""
    asked: list[Asked] = []
    for query in queries:
        hits = await bank.search(query.text, len(bank))
        found = tuple(hit.voice.id for hit in hits)
        rank = next((place for place, voice in enumerate(found, 1) if voice in query.wanted), 0)
        asked.append(Asked(query, found, rank, hits[0].score if hits else 0.0))
        progress()
    answerable = [one for one in asked if one.query.has_answer]
    groups = {"all": answerable} | {
        f"in {language}": [one for one in answerable if one.query.language == language]
        for language in sorted({one.query.language for one in answerable})
    }
    groups["held out"] = [one for one in answerable if one.query.held_out]
    return WordsReport({name: _measures(group) for name, group in groups.items() if group}, tuple(asked))


def _measures(asked: Sequence[Asked]) -> dict[str, Estimate]:
    found = {
        "R@1": mean([one.rank == 1 for one in asked]),
        "R@5": mean([1 <= one.rank <= 5 for one in asked]),
        "MRR": mean([1 / one.rank if one.rank else 0.0 for one in asked]),
    }
    if rivalled := [one.beats_rivals for one in asked if one.query.rivals]:
        found["before all rivals"] = mean(rivalled)
    return found


def calibrate(asked: Sequence[Asked], threshold: float = MIN_FIT) -> Calibration:
    """What a threshold on the first hit's score accepts.

    Raises:
        ConfigError: there are no queries of one of both kinds.
    """
    right = np.array([one.score for one in asked if one.query.has_answer and one.rank == 1])
    none = np.array([one.score for one in asked if not one.query.has_answer])
    if right.size == 0 or none.size == 0:
        raise ConfigError("a threshold needs queries with an answer and queries without one; add some")
    answered = (right[None, :] >= THRESHOLDS[:, None]).mean(axis=1)
    unanswerable = (none[None, :] >= THRESHOLDS[:, None]).mean(axis=1)
    gain = answered - unanswerable
    best = float(np.median(THRESHOLDS[gain >= gain.max() - 1e-9]))
    now = mean((right >= threshold).tolist()), mean((none >= threshold).tolist())
    return Calibration(THRESHOLDS, answered, unanswerable, best, *now)


async def compare_halves(bank: FolderVoiceBank, embedder: SpeakerEmbedder, progress: Callable[[], None]) -> ClipsReport:
    """Keep the first half of every clip that is long enough in a bank of its own; search with the second.

    Raises:
        ConfigError: fewer than two clips are long enough.
    """
    entries = [entry for entry in bank.entries() if entry.duration_s >= 2 * HALF_S]
    if len(entries) < 2:
        raise ConfigError("comparing clips needs two voices of 4 s or more; run `make voices`")
    with tempfile.TemporaryDirectory() as folder:
        halves = FolderVoiceBank(Path(folder), None, embedder, allow_unlicensed=True)
        second: list[tuple[VoiceEntry, Any]] = []
        for entry in entries:
            clip, middle = bank.clip(entry), entry.duration_s / 2
            halves.add(replace(Voice.of(entry, clip.section(0.0, middle)), acoustics=None))
            second.append((entry, clip.section(middle, entry.duration_s)))
            progress()
        speaker = {entry.id: entry.speaker or entry.id for entry in entries}
        right: list[bool] = []
        cosines: list[dict[str, float]] = []
        for entry, clip in second:
            hits = await halves.search(clip, 1)
            right.append(bool(hits) and speaker[hits[0].voice.id] == speaker[entry.id])
            cosines.append(dict(halves.nearest_speakers(embedder.embed(clip), len(entries))))
    return _verified(entries, speaker, right, cosines)


def _verified(
    entries: Sequence[VoiceEntry], speaker: dict[str, str], right: list[bool], cosines: list[dict[str, float]]
) -> ClipsReport:
    """Rates over all pairs; the interval picks voices, since pairs of one voice are not independent."""
    matrix = np.array([[near.get(entry.id, -1.0) for entry in entries] for near in cosines])
    alike = np.array([[speaker[one.id] == speaker[two.id] for two in entries] for one in entries])

    def rate(picked: NDArray[np.int64]) -> float:
        return equal_error_rate(matrix[picked][alike[picked]], matrix[picked][~alike[picked]])[0]

    threshold = equal_error_rate(matrix[alike], matrix[~alike])[1]
    recorded = [one for one, entry in zip(right, entries, strict=True) if not entry.synthetic]
    return ClipsReport(
        mean(right), mean(recorded or right), bootstrap(len(entries), rate), threshold, matrix[alike], matrix[~alike]
    )


async def check_filters(bank: FolderVoiceBank, progress: Callable[[], None]) -> Estimate:
    """How often a search under random conditions finds exactly the voices that meet them, read one by one."""
    entries = list(bank.entries())
    rng = np.random.default_rng(0)
    exact: list[bool] = []
    for _ in range(FILTER_TRIALS):
        filters = _random_filters(rng, entries)
        found = {hit.voice.id for hit in await bank.search("a voice", len(entries), filters)}
        exact.append(found == {entry.id for entry in entries if passes(entry, filters) and entry.has_permission})
        progress()
    return mean(exact)


def _random_filters(rng: np.random.Generator, entries: Sequence[VoiceEntry]) -> VoiceFilters:
    """One to three conditions, taken from voices that are there so that they are often met."""
    values: dict[str, Any] = {}
    for column in rng.choice([*CATEGORIES, *NUMBERS, "synthetic", "may_be_spoken"], int(rng.integers(1, 4)), replace=False):
        entry = entries[int(rng.integers(len(entries)))]
        if column == "may_be_spoken":
            values[column] = not entry.do_not_clone
        elif column in NUMBERS:
            low, high = sorted(float(value_of(entries[int(i)], column) or 0.0) for i in rng.integers(len(entries), size=2))
            values[column] = (low, None) if rng.random() < 0.2 else (low, high)
        else:
            value = value_of(entry, column)
            values[column] = value.split(",")[0].strip() if isinstance(value, str) else value
    return VoiceFilters(**values)
