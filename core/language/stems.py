"""Stems of English words, so that forms of one word are alike."""

from functools import cache, lru_cache
from importlib import import_module
from itertools import takewhile
from typing import Any

ALIKE_CHARS = 4  # so many first letters in common make two stems of one word,
ALIKE_SHARE = 2 / 3  # if they are so much of the longer one


@lru_cache(50_000)
def stem(word: str) -> str:
    """The Snowball stem (Porter 2001) of a word in lower case."""
    return _stemmer().stemWord(word)


@cache
def _stemmer() -> Any:  # noqa: ANN401 - a compiled module without types
    return import_module("Stemmer").Stemmer("english")


def are_alike(one: str, other: str) -> bool:
    """Whether two stems are of one word, as far as their letters tell: "compassion" and "compassionate"."""
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    is_word = one.isalpha() and other.isalpha()
    return is_word and common >= ALIKE_CHARS and common >= ALIKE_SHARE * max(len(one), len(other))
