"""How well voices meet a query, as arrays over candidate rows.

Rankers: ``facts`` (what is said of a voice), ``sound`` (what was measured), ``meaning`` (likeness of descriptions),
``words`` (rare words in common), ``voice`` (likeness to a clip). Their orders are fused by reciprocal ranks (Cormack,
Clarke and Buettcher 2009).
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.store.vector_index import Rows
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.search.lexicon import Wish
from vivavoce.voicebank.search.query import NEAR_AGES, UNKNOWN, Wishes, fits
from vivavoce.voicebank.store.view import BankView

FUSION = 10.0  # the constant of reciprocal rank fusion; the usual 60 is for lists of thousands
RANKER_WEIGHTS = {"facts": 3.0, "sound": 1.0, "meaning": 1.0, "words": 1.0, "voice": 3.0}
WEIGHTS = {
    "gender": 4.0,
    "age": 2.5,
    "style": 3.0,
    "accent": 2.0,
    "language": 3.0,
    "kind": 2.0,
    "pitch": 1.5,
    "speed": 1.0,
    "range": 1.0,
    "level": 0.7,
    "noise": 0.7,
}
REMEMBERED = 64  # wishes whose scores are kept for the next search
MIDDLE_HZ = {"male": 115.0, "female": 195.0, "child": 280.0, "": 165.0}  # between low and high voices of a kind
CONFLICT = 0.25  # what remains of the score of a voice of the other sex
MISSED = 0.5  # and of one of another age or language
FACTS_SHARE = 0.75  # of the score, where the query states facts; the rest is likeness of meaning
SAME_SPEAKER = 0.95  # cosine of two clips of one voice
OTHER_SPEAKER = 0.55  # mean cosine of clips of different voices

Scores = NDArray[np.float32]

# Measured kinds of wishes: column, word that wants much of it, middle, and how steep the step is.
MEASURED: dict[str, tuple[str, str, float, float]] = {
    "speed": ("rate_hz", "fast", 4.6, 1.5),
    "range": ("f0_range_st", "wide", 9.0, 0.5),
    "level": ("loudness_lufs", "loud", -22.0, 0.4),
    "noise": ("snr_db", "clean", 30.0, 0.15),
}
# Columns in which a word may meet a wish about words; the best counts.
WORDED: dict[str, tuple[str, ...]] = {
    "gender": ("gender",),
    "age": ("age",),
    "style": ("style", "emotion"),
    "accent": ("accent", "language"),
    "language": ("language", "accent"),
    "pitch": ("pitch",),
    "speed": ("speed", "style"),
}


@dataclass(frozen=True, slots=True)
class Met:
    """How candidates meet wishes, (N,) each. by_wish: in [0, 1]. facts, sound: weighted means, None without such wishes.

    conflict: of the other sex than wished, or what was ruled out. missed: of another age or language than wished.
    """

    by_wish: dict[Wish, Scores]
    facts: Scores | None
    sound: Scores | None
    whole: Scores
    conflict: NDArray[np.bool_]
    missed: NDArray[np.bool_]


@dataclass(slots=True)
class Rankings:
    """Scores of candidates by ranker, (N,) each; higher is better."""

    rows: Rows
    scores: dict[str, Scores] = field(default_factory=dict[str, Scores])

    def fused(self) -> Scores:
        """Sum of weighted reciprocal ranks; equal scores share the best rank among them.

        Of rankers that say how well a wish is met, the rank counts as much as it is met: where one voice alone is a pirate,
        all others share the second rank, and none of them is nearly a pirate.
        """
        total = np.zeros(self.rows.size, np.float32)
        for ranker, scores in self.scores.items():
            share = np.clip(scores, 0.0, 1.0) if ranker in ("facts", "sound") else np.float32(1)
            total += share * RANKER_WEIGHTS[ranker] / (FUSION + _ranks(scores))
        return total


def _ranks(scores: Scores) -> Scores:
    """1 for the best; equal scores get equal ranks."""
    rounded = np.round(scores, 4)
    order = np.sort(rounded)
    return (1 + rounded.size - np.searchsorted(order, rounded, side="right")).astype(np.float32)


def meet(wishes: Wishes, view: BankView, rows: Rows, *, remember: bool = False) -> Met:
    """Compare candidates with the wishes. remember: these rows are always the same, so keep what is found for each wish."""

    def met(wish: Wish) -> Scores:
        if not remember:
            return satisfaction(wish, wishes, view, rows)
        key = (wish, _middle_hz(wishes) if wish[0] == "pitch" else None)
        return view.remembered("met", key, lambda: satisfaction(wish, wishes, view, rows), REMEMBERED)

    by_wish: dict[Wish, Scores] = {}
    sums = {name: np.zeros(rows.size, np.float32) for name in ("facts", "sound")}
    weights = dict.fromkeys(sums, 0.0)
    conflict, missed = np.zeros(rows.size, bool), np.zeros(rows.size, bool)
    for wish in wishes.all:
        by_wish[wish] = value = met(wish)
        if wish in wishes.unwanted:
            conflict |= value >= 0.9
            value = 1.0 - value
        elif wish[0] in ("age", "language"):
            missed |= value <= NEAR_AGES["adult", "old"]
        part = "sound" if wish[0] in ("pitch", *MEASURED) else "facts"
        sums[part] += WEIGHTS[wish[0]] * value
        weights[part] += WEIGHTS[wish[0]]
    if len(genders := wishes.values("gender")) == 1:
        other = {"male": "female", "female": "male"}[next(iter(genders))]
        conflict |= met(("gender", other)) == 1.0
    parts = {name: sums[name] / weights[name] if weights[name] else None for name in sums}
    whole = (sums["facts"] + sums["sound"]) / max(sum(weights.values()), 1e-6)
    kept = np.where(missed, np.float32(MISSED), np.float32(1))
    facts = parts["facts"] * kept if parts["facts"] is not None else None
    whole = np.where(conflict, CONFLICT, kept) * whole
    return Met(by_wish, facts, parts["sound"], whole.astype(np.float32), conflict, missed)


def satisfaction(wish: Wish, wishes: Wishes, view: BankView, rows: Rows) -> Scores:
    """How well rows meet one wish, (N,) in [0, 1]."""
    kind = wish[0]
    if kind == "kind":
        return (view.columns["synthetic"][rows] == (wish[1] == "synthetic")).astype(np.float32)
    said = np.zeros(rows.size, np.float32)
    for column in WORDED.get(kind, ()):
        said = np.maximum(said, _table(wish, column, view)[view.columns[column][rows]])
    if kind == "pitch":
        return np.maximum(said, _pitch(wish[1], wishes, view.columns["f0_hz"][rows]))
    if kind in MEASURED:
        return np.maximum(said, _measured(wish, view, rows))
    return said


def _table(wish: Wish, column: str, view: BankView) -> Scores:
    """How well each word of a column's vocabulary meets a wish; worked out once for a state of the bank."""

    def work_out() -> Scores:
        return np.array([fits(wish, column, word) for word in view.words(column)], np.float32)

    return view.remembered("table", (wish, column), work_out, REMEMBERED)


def _pitch(wanted: str, wishes: Wishes, f0_hz: NDArray[Any]) -> Scores:
    """A soft step on the octave scale, around the middle of the wished sex or age."""
    with np.errstate(invalid="ignore", divide="ignore"):
        high = 1.0 / (1.0 + np.exp(-4.0 * np.log2(f0_hz / _middle_hz(wishes))))
    return np.where(np.isnan(f0_hz), UNKNOWN, high if wanted == "high" else 1.0 - high).astype(np.float32)


def _middle_hz(wishes: Wishes) -> float:
    kinds = ["child"] if "child" in wishes.values("age") else sorted(wishes.values("gender"))
    return MIDDLE_HZ[kinds[0]] if len(kinds) == 1 else MIDDLE_HZ[""]


def _measured(wish: Wish, view: BankView, rows: Rows) -> Scores:
    column, much, middle, steepness = MEASURED[wish[0]]
    values = view.columns[column][rows]
    share = 1.0 / (1.0 + np.exp(-steepness * (values - middle)))
    return np.where(np.isnan(values), UNKNOWN, share if wish[1] == much else 1.0 - share).astype(np.float32)


def likeness(cosines: Scores) -> Scores:
    """Speaker cosines as scores: 0 as unlike as two random voices, 1 the same voice."""
    return np.clip((cosines - OTHER_SPEAKER) / (SAME_SPEAKER - OTHER_SPEAKER), 0.0, 1.0)


def described(record: VoiceEntry) -> str:
    """The text whose embedding stands for a voice."""
    facts = record.facts
    known = (facts.gender, facts.age, facts.accent, facts.style, facts.emotion, pitch_word(record.acoustics.f0_hz))
    return f"{record.name}. {record.description} {', '.join(word for word in known if word)}"


def pitch_word(f0_hz: float | None) -> str:
    """How a listener would call a pitch."""
    if f0_hz is None:
        return ""
    bounds = ((95, "very deep"), (130, "deep"), (180, "medium pitch"), (240, "high"))
    return next((word for limit, word in bounds if f0_hz < limit), "very high")
