"""How well a passage answers a question, in [0, 1]: a logistic of what the search knows of it."""

from math import exp

BIAS, COSINE, WORDS = -4.6, 6.5, 6.0


def answerability(cosine: float, words: float, query: str, text: str) -> float:
    """The score of a passage. cosine: of query and passage. words: BM25 as a share of its most."""
    return 1.0 / (1.0 + exp(-(BIAS + COSINE * cosine + WORDS * words)))
