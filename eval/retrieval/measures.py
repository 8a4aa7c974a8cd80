"""What came of questions, and the measures of it: ranks, differences of systems, what the score says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vivavoce.core.errors import ConfigError
from vivavoce.core.passage import Passage
from vivavoce.eval.lab.statistics import Division, Estimate, area_under_roc, divide, mean, paired_difference
from vivavoce.eval.retrieval.questions import Question
from vivavoce.tools.text_search import PASSAGES

Table = dict[str, dict[str, dict[str, Estimate]]]  # by group of questions, system or pair of systems, and measure

DEPTH = 20  # passages asked for; a right one behind them counts as not found
BINS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question.

    document, passage: places of the first right document (each counted once) and of the first right passage, 0 where none
    was found. score: the highest of the passages that an answer is made from, 0 where there was none. found: the
    sources of these.
    """

    question: Question
    document: int
    passage: int
    score: float
    found: tuple[str, ...]

    @staticmethod
    def of(question: Question, record: Mapping[str, Any] | None) -> "Asked":
        """From `as_record`; the worst that can be where the search failed."""
        if record is None:
            return Asked(question, 0, 0, 0.0 if question.has_answer else 1.0, ())
        return Asked(question, record["document"], record["passage"], record["score"], tuple(record["found"]))

    def as_record(self) -> dict[str, Any]:
        """As JSON values, without the question."""
        return {"document": self.document, "passage": self.passage, "score": self.score, "found": list(self.found)}

    @property
    def is_right(self) -> bool:
        """Whether an answer could be read out of the first passages."""
        return 0 < self.passage <= PASSAGES

    @property
    def measures(self) -> dict[str, float]:
        """By name. Documents are measured apart only where a place is less than a document."""
        values = _by_rank(self.passage)
        if any(place.words for place in self.question.places):
            values |= {f"document {measure}": value for measure, value in _by_rank(self.document).items()}
        return values


def _by_rank(rank: int) -> dict[str, float]:
    recalls = {f"R@{k}": float(0 < rank <= k) for k in (1, 5, 10)}
    return recalls | {"MRR": 1 / rank if rank else 0.0}


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the score says, where an answerable question should score high and another low.

    area: under the ROC curve, of all questions without an answer and by their kind. division: what thresholds let through.
    at_threshold: shares at the threshold in use, and how often what was let through could be answered. bins: (mean score,
    share that was answerable and found, how many) by score. error: expected calibration error, the mean distance of the
    two weighted by how many (Naeini et al. 2015).
    """

    threshold: float
    area: dict[str, Estimate]
    division: Division
    at_threshold: dict[str, Estimate]
    bins: tuple[tuple[float, float, int], ...]
    error: float


def judged(question: Question, passages: Sequence[Passage]) -> Asked:
    """What was found, compared with the places that answer the question."""
    sources = list(dict.fromkeys(passage.source for passage in passages))
    of = (rank for rank, source in enumerate(sources, 1) if any(place.is_of(source) for place in question.places))
    within = (rank for rank, passage in enumerate(passages, 1) if any(place.is_in(passage) for place in question.places))
    score = max((passage.score for passage in passages[:PASSAGES]), default=0.0)
    return Asked(question, next(of, 0), next(within, 0), score, tuple(p.source for p in passages[:PASSAGES]))


def compare(systems: Mapping[str, Sequence[Asked]], pairs: Sequence[tuple[str, str]]) -> tuple[Table, Table]:
    """Estimates by group, system and measure, and paired differences of systems by group, pair and measure."""
    questions = [one.question for one in next(iter(systems.values()))]
    groups = {"all": [row for row, question in enumerate(questions) if question.has_answer]}
    groups["held out"] = [row for row in groups["all"] if questions[row].held_out]
    values = {
        group: {name: _values([asked[row] for row in rows]) for name, asked in systems.items()}
        for group, rows in groups.items()
        if rows
    }
    estimates = {
        group: {name: {measure: mean(column) for measure, column in columns.items()} for name, columns in by_system.items()}
        for group, by_system in values.items()
    }
    differences = {
        group: {
            f"{one} - {other}": {
                measure: paired_difference(column, by_system[other][measure]) for measure, column in by_system[one].items()
            }
            for one, other in pairs
        }
        for group, by_system in values.items()
    }
    return estimates, differences


def _values(asked: Sequence[Asked]) -> dict[str, list[float]]:
    """A value of each question by measure."""
    return {measure: [one.measures[measure] for one in asked] for measure in asked[0].measures}


def calibrate(asked: Sequence[Asked], threshold: float) -> Calibration:
    """What the score says about whether the corpus answers.

    Raises:
        ConfigError: there are no questions of one of both kinds.
    """
    answerable = [one.score for one in asked if one.question.has_answer]
    others = [one.score for one in asked if not one.question.has_answer]
    if not (answerable and others):
        raise ConfigError("a threshold needs questions with an answer and questions without one; add some")
    kinds = {kind: [one.score for one in asked if one.question.kind == kind] for kind in ("near", "far")}
    area = {"all": area_under_roc(answerable, others)}
    area |= {kind: area_under_roc(answerable, scores) for kind, scores in kinds.items() if scores}
    bins = _bins(asked)
    error = sum(abs(score - share) * count for score, share, count in bins) / len(asked)
    shares = _shares(asked, threshold)
    return Calibration(threshold, area, divide(answerable, others), shares, bins, error)


def _shares(asked: Sequence[Asked], threshold: float) -> dict[str, Estimate]:
    """What happens at one threshold, by name."""
    kept = [one for one in asked if one.score >= threshold]
    found = {
        "answered of answerable": [one.score >= threshold for one in asked if one.question.has_answer],
        "answered rightly of answerable": [
            one.score >= threshold and one.is_right for one in asked if one.question.has_answer
        ],
        "refused of near misses": [one.score < threshold for one in asked if one.question.kind == "near"],
        "refused of far questions": [one.score < threshold for one in asked if one.question.kind == "far"],
        "right of answered": [one.is_right for one in kept],
    }
    return {name: mean(values) for name, values in found.items() if values}


def _bins(asked: Sequence[Asked]) -> tuple[tuple[float, float, int], ...]:
    """Equally many questions in each bin, from the lowest scores to the highest."""
    order = sorted(asked, key=lambda one: one.score)
    parts = [part.tolist() for part in np.array_split(np.arange(len(order)), BINS) if part.size]
    return tuple(
        (
            float(np.mean([order[row].score for row in part])),
            float(np.mean([order[row].is_right for row in part])),
            len(part),
        )
        for part in parts
    )
