"""How well a passage answers a question, in [0, 1]: a logistic of what the search knows of it.

A question that nothing answers still has a nearest passage. What tells is less how alike they are than what of the question
is nowhere: words that the passage lacks, and names that none of the passages found has.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from math import exp

from vivavoce.retrieval.lexemes import lexemes

# Fitted by `python -m vivavoce.eval.retrieval_fit`; the bias puts the score from which a passage answers at 0.5.
BIAS = -3.50
WEIGHTS = (5.31, 2.35, -2.44)  # in the order of `Evidence`
MOST_ABSENT = 2
NAME = re.compile(r"\b[A-Z0-9][\w'’.-]*\w|\b[A-Z]{2,}\b")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a passage.

    cosine: to the question. coverage: share of the question's words that the passage has, weighed by what they tell.
    absent: names of the question that none of the passages found has, at most 2.
    """

    cosine: float
    coverage: float
    absent: float


def answerability(evidence: Evidence) -> float:
    """The score of a passage."""
    return 1.0 / (1.0 + exp(-(BIAS + sum(w * x for w, x in zip(WEIGHTS, astuple(evidence), strict=True)))))


def coverage(text: Sequence[str], weights: Mapping[str, float]) -> float:
    """Of the lexemes of a passage. weights: what each word of the question tells."""
    held = set(text)
    return sum(weight for word, weight in weights.items() if word in held) / max(sum(weights.values()), 1e-6)


def absent_names(question: str, texts: Sequence[Sequence[str]]) -> float:
    """Names of a question that none of the texts has, given as lexemes. A capital tells a name, but at the beginning."""
    held = {word for text in texts for word in text}
    names = [lexemes(name) for name in NAME.findall(question[1:])]
    return float(min(MOST_ABSENT, sum(1 for name in names if name and not held.intersection(name))))
