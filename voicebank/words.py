"""Words as the lexical search compares them: lower case, accents dropped, Chinese and Japanese as pairs of characters."""

import re

from vivavoce.core.language.words import IS_CJK, WORD, words

MOST_WORDS = 60
COMMON = frozenset(
    re.split(
        " ",
        "a an the of to in on at is are was it and or i you me my your he she his her they we this that with for as from by "
        "be have has like please voice voices speak speaks speaking talk sound sounds sounding use want find give who real "
        "synthetic man men woman women male female 的 了 是 我 你 用 一个 声音 请",
    )
)


def lexemes(text: str) -> list[str]:
    """Words of a text in order, without those that are in every other sentence."""
    return [word for word in words(text) if word not in COMMON]


def plain(text: str) -> str:
    """A name as names are compared: lower case, single spaces."""
    return " ".join(WORD.findall(text.lower()))


def phrases(text: str) -> list[str]:
    """Everything in a text that may be a name: up to four words in a row, up to six Chinese characters in a row."""
    runs = WORD.findall(text.lower())[:MOST_WORDS]
    found = [" ".join(runs[i : i + n]) for n in range(1, 5) for i in range(len(runs) - n + 1)]
    for run in runs:
        if IS_CJK.match(run):
            found += [run[i : i + n] for n in range(2, 7) for i in range(len(run) - n + 1)]
    return list(dict.fromkeys(found))
