"""What a sentence and a passage have in common, as numbers: the input of the grounding check's logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.language.stems import stem
from vivavoce.core.protocols import FloatMatrix
from vivavoce.retrieval.grounding.words import OPPOSITES, PERIODS, Clause, Sentence

FEATURES: tuple[str, ...] = (
    "unlike",
    "very unlike",
    "unknown words",
    "unknown answer",
    "absent values",
    "absent periods",
    "values elsewhere",
    "another value",
    "absent names",
    "contradiction",
    "substitution",
    "separated",
)
LIKE, UNLIKE = 0.75, 0.55  # cosines from which a paraphrase is likely, and below which it is not
MANY = 2.0  # counts are capped: three wrong numbers are not worse than two
SIDES = {stem(word): (number, side) for number, pair in enumerate(OPPOSITES) for side in (0, 1) for word in pair[side]}
PAIRS = [frozenset(map(stem, one | other)) for one, other in OPPOSITES]

Row = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence to be checked. asked: the question, taken apart, or None. vector: of both together, (dimension,)."""

    sentence: Sentence
    asked: Sentence | None
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage taken apart. context: stems of its title and headings. vectors: of its sentences, (S, dimension)."""

    sentences: tuple[Sentence, ...]
    context: frozenset[str]
    vectors: FloatMatrix


@dataclass(frozen=True, slots=True)
class Compared:
    """Features (len(FEATURES),), with the first value and the first name that stand against the claim, or "".

    cosine: of the nearest sentence, what a check without any of this would go by.
    """

    row: Row
    cosine: float
    value: str
    name: str


def compare(claim: Claim, evidence: Evidence) -> Compared:
    """Read a claim beside one passage."""
    cosines = evidence.vectors @ claim.vector
    words = evidence.context.union(*(one.whole.words for one in evidence.sentences))
    said = claim.asked.whole.words if claim.asked else frozenset[str]()
    values = frozenset[str]().union(*(one.whole.values for one in evidence.sentences))
    absent_names = sorted(name for name in claim.sentence.whole.names if stem(name.lower()) not in words | said)
    both = [(clause, _place(clause, claim.asked, evidence, cosines)) for clause in claim.sentence.clauses]
    likeness = max(float(cosines.max()), _cosine_of_two(claim.vector, evidence.vectors, cosines))
    nearest = evidence.sentences[int(np.argmax(cosines))]
    here = nearest.whole.values.union(*(at.sentence.whole.values for _, at in both))
    absent, elsewhere = sorted(claim.sentence.whole.values - values), sorted(claim.sentence.whole.values & values - here)
    same = max(0.0, likeness - LIKE) / (1 - LIKE)
    known = said | evidence.context
    row = (
        max(0.0, LIKE - likeness),
        max(0.0, UNLIKE - likeness),
        _mean([1 - _share(clause.stems, at.sentence.whole.words | known) for clause, at in both]),
        1 - _share(claim.sentence.whole.stems, words) if claim.asked else 0.0,
        min(len(set(absent) - PERIODS), MANY),
        min(len(set(absent) & PERIODS), MANY),
        min(len(elsewhere), MANY),
        max(_other_value(clause, at, claim.sentence.whole.values) for clause, at in both),
        min(len(absent_names), MANY),
        max(min(_contradicts(c, at.sentence.whole, known), _contradicts(c, at.clause, known)) for c, at in both),
        max(_substituted(clause, at, words, known) for clause, at in both) * same,
        max(_separated(clause, claim.asked, at.sentence) for clause, at in both) * same,
    )
    against = [*sorted(absent, key=PERIODS.__contains__), *elsewhere, *sorted(claim.sentence.whole.values), ""]
    return Compared(np.array(row), float(cosines.max()), against[0], next(iter(absent_names), ""))


@dataclass(frozen=True, slots=True)
class _Place:
    sentence: Sentence
    clause: Clause


def _place(clause: Clause, asked: Sentence | None, evidence: Evidence, cosines: NDArray[np.float32]) -> _Place:
    """Where a clause is at home: the sentence and clause that share most of its words, the likelier meaning first."""
    own = frozenset(clause.stems) | clause.values
    wanted = own | (frozenset(asked.whole.stems) if asked else frozenset())

    def fit(number: int) -> float:
        items = evidence.sentences[number].whole.words | evidence.sentences[number].whole.values
        return (len(own & items) + len(wanted & items)) / max(len(own) + len(wanted), 1) + cosines[number]

    best = max(range(len(evidence.sentences)), key=fit)
    at = evidence.sentences[best]
    return _Place(at, max(at.clauses, key=lambda near: len(wanted & near.words) + 0.5 * len(clause.values & near.values)))


def _contradicts(claim: Clause, near: Clause, known: frozenset[str]) -> float:
    """How much of a claim stands in a clause where a common word is denied on one side only, or an opposite stands."""
    shared = claim.words & near.words & (frozenset(claim.stems) | SIDES.keys())
    against = sum((one in claim.denied) != (one in near.denied) for one in shared)
    agreed = sum(one in claim.denied and one in near.denied for one in shared)
    here, there = _sides(claim), _sides(near)
    pairs = [pair for pair in here if pair in there and not claim.words & near.words & PAIRS[pair]]
    against += sum(there[pair] != here[pair] for pair in pairs)
    if claim.refused and (agreed or any(there[pair] == here[pair] for pair in pairs)):
        return 0.0
    wanted = frozenset(claim.stems) | claim.values
    return len(wanted & (near.words | near.values | known)) / max(len(wanted), 1) if against > agreed else 0.0


def _sides(clause: Clause) -> dict[int, int]:
    """Of each pair of opposites the side that a clause is on; pairs of which it has both are left out."""
    found: dict[int, set[int]] = {}
    for word in clause.words & SIDES.keys():
        pair, side = SIDES[word]
        found.setdefault(pair, set()).add(side ^ (word in clause.denied))
    return {pair: next(iter(sides)) for pair, sides in found.items() if len(sides) == 1}


def _substituted(claim: Clause, at: _Place, words: frozenset[str], said: frozenset[str]) -> float:
    """How much of a clause is in one clause of a passage, if a word of it is elsewhere and another there instead."""
    wanted = frozenset(claim.stems) | claim.values
    there = at.clause.words | at.clause.values
    other = wanted - there - said
    if not other & words or not frozenset(at.clause.stems) - claim.words:
        return 0.0
    return len(wanted & there) / len(wanted)


def _cosine_of_two(vector: NDArray[np.float32], vectors: FloatMatrix, cosines: NDArray[np.float32]) -> float:
    """Of the two nearest sentences together, for a claim joined from both."""
    nearest = np.argsort(-cosines)[:2]
    both = vectors[nearest].sum(axis=0)
    return float(both @ vector / max(float(np.linalg.norm(both)), 1e-6))


def _other_value(claim: Clause, at: _Place, said: frozenset[str]) -> float:
    """How much of a clause stands in a sentence that has another value than the clause."""
    if not (claim.values - at.sentence.whole.values and at.clause.values - said):
        return 0.0
    return _share(claim.stems, at.sentence.whole.words)


def _separated(claim: Clause, asked: Sentence | None, at: Sentence) -> float:
    """Of the pairs of words and values that a sentence of the passage has, the share that no clause of it has together."""
    wanted = frozenset(claim.stems) | claim.values
    if asked:
        wanted |= frozenset(asked.whole.stems) | asked.whole.values
    pairs = list(combinations(sorted(wanted & (at.whole.words | at.whole.values)), 2))
    rows = [one.words | one.values for one in at.clauses]
    return _mean([not any(a in row and b in row for row in rows) for a, b in pairs]) if pairs else 0.0


def _share(stems: Sequence[str], words: frozenset[str]) -> float:
    return sum(one in words for one in stems) / len(stems) if stems else 1.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 1.0
