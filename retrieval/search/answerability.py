"""How well a passage answers a question, in [0, 1]: a logistic of what the search knows of it.

A question that nothing answers still has a nearest passage. What tells is less how alike they are than what of the question
is nowhere: words that the passage lacks, and names that none of the passages found has.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

from vivavoce.retrieval.words import lexemes

# Fitted by `python -m vivavoce.eval.retrieval.fit`; the bias puts the score from which a passage answers at 0.5.
BIAS = -3.99
WEIGHTS = (5.83, 2.41, -1.70)  # of cosine, coverage and absent names
# Where words alone tell (bias, coverage): few pairs of a Chinese question recur in its answer, most words of an English one.
PAIRS_ALONE, WORDS_ALONE = (-2.1, 15.0), (-3.0, 6.0)
MOST_ABSENT = 2
PART = r"(?:[A-Z0-9][\w'’.-]*\w)"
NAME = re.compile(rf"\b{PART}(?: {PART})*")  # words in a row are one name: of "Harbour Museum" one may have been misheard


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage.

    cosine: to the question; None where there is no embedder or it does not read the question. coverage: share of the
    question's words that the passage has, weighed by what they tell. absent: names of the question that none of the
    passages found has, at most 2. in_pairs: see `is_in_pairs`.
    """

    cosine: float | None
    coverage: float
    absent: float
    in_pairs: bool = False


def answerability(evidence: Evidence) -> float:
    """The score of a passage."""
    if evidence.cosine is None:
        bias, weight = PAIRS_ALONE if evidence.in_pairs else WORDS_ALONE
        return _logistic(bias + weight * evidence.coverage)
    features = (evidence.cosine, evidence.coverage, evidence.absent)
    return _logistic(BIAS + sum(weight * value for weight, value in zip(WEIGHTS, features, strict=True)))


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + exp(-value))


def coverage(text: Sequence[str], weights: Mapping[str, float]) -> float:
    """Of the lexemes of a passage. weights: what each word of the question tells."""
    held = set(text)
    return sum(weight for word, weight in weights.items() if word in held) / max(sum(weights.values()), 1e-6)


def absent_names(question: str, texts: Sequence[Sequence[str]]) -> float:
    """Names of a question that none of the texts has, given as lexemes. A capital tells a name, but at the beginning."""
    held = {word for text in texts for word in text}
    names = [lexemes(name) for name in NAME.findall(question[1:])]
    return float(min(MOST_ABSENT, sum(1 for name in names if name and not held.intersection(name))))
