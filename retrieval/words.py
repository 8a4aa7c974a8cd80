"""What the lexical side of the search compares: stems of words, without those that are in every other sentence."""

import re
from functools import cache
from importlib import import_module
from typing import Any

from vivavoce.core.language.words import words

COMMON = frozenset(
    re.split(
        " ",
        "a an and are as at be by can could did do does for from had has have how i if in into is it its me my of on or our "
        "say shall should so that the their there these they this those to was we were what when where which who whom whose "
        "why will with would you your 的 了 是 我 你 吗 呢 啊 在 和 有 就 都 也 与 及 吧",
    )
)

BRITISH_OUR, BRITISH_RE = re.compile(r"(?<=[a-z]{3})our"), re.compile(r"(?<=[a-z]{2}t)re$")  # harbour, centre


def lexemes(text: str) -> list[str]:
    """Stems in order (Snowball's English stemmer; other scripts stay as they are). Empty where all words are common.

    British and American spellings are one: who speaks of the harbour museum may be written down as of the harbor museum.
    """
    kept = (word for word in words(text) if word not in COMMON)
    return _stemmer().stemWords([BRITISH_RE.sub("er", BRITISH_OUR.sub("or", word)) for word in kept])


@cache
def _stemmer() -> Any:  # noqa: ANN401 - a compiled module without types
    return import_module("Stemmer").Stemmer("english")
