"""BM25, with pairs of words that stand together."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log

import numpy as np

from vivavoce.core.store.vector_index import Vector

K1, B = 1.2, 0.75  # of BM25 (Robertson and Zaragoza 2009)
PAIRS = 0.4  # how much words that stand together count beside words


def idf(passages: int, holding: int) -> float:
    """How much a word tells that ``holding`` of so many passages hold; positive."""
    others = max(0, passages - holding)  # a writer may be ahead of the state that is searched
    return log(1.0 + (others + 0.5) / (holding + 0.5))


def bm25(texts: Sequence[Sequence[str]], weights: Mapping[str, float], query: Sequence[str], mean_length: float) -> Vector:
    """BM25 of texts (N,) given as lexemes, as a share of what a text would get that holds all words often.

    Words that follow each other in the query and in the text count once more (as in Metzler and Croft 2005), with the mean
    of their weights. weights: `idf` of each word of the query. query: its lexemes in order. mean_length: lexemes per
    passage.
    """
    pairs = {
        (one, two): (weights[one] + weights[two]) / 2 for one, two in pairwise(query) if one in weights and two in weights
    }
    most = (K1 + 1.0) * max(sum(weights.values()), 1e-6)
    return np.array([_bm25(text, weights, pairs, mean_length) / most for text in texts], np.float32)


def _bm25(
    text: Sequence[str], weights: Mapping[str, float], pairs: Mapping[tuple[str, str], float], mean_length: float
) -> float:
    counts: dict[str, int] = {}
    together: dict[tuple[str, str], int] = {}
    before = ""
    for word in text:
        if word in weights:
            counts[word] = counts.get(word, 0) + 1
            if (before, word) in pairs:
                together[before, word] = together.get((before, word), 0) + 1
        before = word
    norm = K1 * (1.0 - B + B * len(text) / max(mean_length, 1.0))
    score = sum(weights[word] * n * (K1 + 1.0) / (n + norm) for word, n in counts.items())
    return score + PAIRS * sum(pairs[pair] * n * (K1 + 1.0) / (n + norm) for pair, n in together.items())
