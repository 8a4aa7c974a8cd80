"""Stems of English words, so that forms of one word are alike."""

from functools import cache, lru_cache
from importlib import import_module
from typing import Any


@lru_cache(50_000)
def stem(word: str) -> str:
    """The Snowball stem (Porter 2001) of a word in lower case."""
    return _stemmer().stemWord(word)


@cache
def _stemmer() -> Any:  # noqa: ANN401 - a compiled module without types
    return import_module("Stemmer").Stemmer("english")
