"""What was stated: whether a value that a small model wrote stands in the words that were said.

Small models fill what nobody said, from their memory of how such calls look. A number, a name or a date that cannot be found
among the words was invented, whatever the model thinks of it.
"""

import re
from collections.abc import Sequence
from functools import cache, cached_property, lru_cache
from importlib import import_module
from itertools import takewhile
from typing import Any

from vivavoce.core.language.chinese_numbers import with_digits
from vivavoce.core.language.days import day_phrases
from vivavoce.core.language.words import IS_CJK, is_in_pairs, words


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


ALIKE_CHARS = 4  # so many first letters in common make two stems of one word: "compassion" and "compassionate"
FREE_WORDS = 4  # a text of more words is worded by the model, and need not be said word by word
MEASURED = re.compile(r"(\d+(?:\.\d+)?)(?:st|nd|rd|th)?\s*(%|per cent\b|[a-z]*)", re.IGNORECASE)
SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "billion": 1e9, "hundred": 1e2, "dozen": 12.0}
COUNTS = {
    **dict.fromkeys(("one", "once", "single", "myself", "first", "alone"), 1.0),
    **dict.fromkeys(("couple", "pair", "both", "twice", "second", "double", "two"), 2.0),
    **dict.fromkeys(("half",), 0.5),
    **dict.fromkeys(("third", "triple"), 3.0),
    **dict.fromkeys(("dozen",), 12.0),
    **dict.fromkeys(("quarter",), 0.25),
    **dict.fromkeys(("no", "zero", "without"), 0.0),
    **dict.fromkeys(("quarterly",), 4.0),
    **dict.fromkeys(("week",), 7.0),
    **dict.fromkeys(("monthly",), 12.0),
    **dict.fromkeys(("hour",), 60.0),
}
NEGATIONS = _set("no not without dont except never")
REACH = 4  # words that a negation denies
FUNCTION = _set(
    """a an the of in on at to for from by with and or is are was were be do does did i me my you your it its this that these
    those please can could would will what which who when where how"""
)


class Stated:
    """What a user said, to check values against. text: of one or more turns."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _written(self) -> str:
        """The text with numbers as digits."""
        if is_in_pairs(self.text):
            return with_digits(self.text)
        from text_to_num import alpha2digit

        plain = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", self.text, flags=re.IGNORECASE)
        return alpha2digit(plain, "en", threshold=0)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Of all words, as they were said and with numbers as digits."""
        return frozenset(map(stem, [*words(self.text), *words(self._written)]))

    @cached_property
    def denied(self) -> frozenset[str]:
        """Stems of the words behind a negation."""
        said = words(self.text)
        return frozenset(stem(w) for at, no in enumerate(said) if no in NEGATIONS for w in said[at + 1 : at + 1 + REACH])

    @cached_property
    def numbers(self) -> frozenset[float]:
        """All that are named: as digits, in words, as a share ("5 %" is 5 and .05), with a scale ("3 million")."""
        found = {value for word, value in COUNTS.items() if word in words(self.text)}
        for value, unit in self._measured:
            found |= {value, value * SCALES.get(unit, 1.0), value + 12 if unit == "pm" and value < 12 else value}
        return frozenset(found | {share / 100 for share in self.shares})

    @cached_property
    def amounts(self) -> frozenset[float]:
        """Numbers that were said as such, in digits or in words, without further readings."""
        return frozenset(value * SCALES.get(unit, 1.0) for value, unit in self._measured)

    @cached_property
    def shares(self) -> frozenset[float]:
        """Numbers that were said as per cent."""
        return frozenset(value for value, unit in self._measured if unit in ("%", "percent", "per cent"))

    @cached_property
    def _measured(self) -> list[tuple[float, str]]:
        """Numbers with the word behind them."""
        text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", self._written)
        return [(float(found[1]), found[2].lower()) for found in MEASURED.finditer(text)]

    @cached_property
    def days(self) -> tuple[str, ...]:
        """The days that are named: "tomorrow", "next Friday"."""
        found = day_phrases(self.text)
        return tuple(dict.fromkeys(self.text[start:end] for start, end, kind in found if kind != "length"))

    def has_number(self, value: float) -> bool:
        """Whether a number was named, whatever its sign."""
        return any(abs(abs(value) - known) <= 1e-9 * max(1.0, known) for known in self.numbers)

    def has_text(self, value: str) -> bool:
        """Whether the words of a value were said: most of a name, something of a longer text."""
        if self.count(value):
            return True
        characters = [c for c in value if IS_CJK.match(c)]
        if characters:
            return 2 * sum(c in self.text for c in characters) >= len(characters)
        found = [word for word in words(value) if word not in FUNCTION] or words(value)
        if not found:
            return False
        if self._has_initials(words(value)):
            return True
        said = sum(map(self._has_word, found))
        if any(word.isdigit() for word in found):
            return 2 * said >= len(found) and any(self._has_word(word) for word in found if word.isdigit())
        return said > 0 if len(found) > FREE_WORDS else 2 * said > len(found) or (len(found) == 2 and said == 1)

    def _has_initials(self, found: Sequence[str]) -> bool:
        """Whether the first words of a name stand as their initials: "L.A. Lakers" for Los Angeles Lakers."""
        joined = set(words(self.text.replace(".", "")))
        found = list(takewhile(str.isalpha, found))
        return any("".join(word[0] for word in found[:end]) in joined for end in range(2, len(found) + 1))

    def has_all(self, value: str) -> bool:
        """Whether each word of a value was said that says something."""
        if IS_CJK.search(value):
            return value in self.text
        return all(map(self._has_word, [word for word in words(value) if word not in FUNCTION]))

    def count(self, value: str) -> int:
        """How often a text was said as it is."""
        return len(re.findall(_whole(value), self.text.lower()))

    def _has_word(self, word: str) -> bool:
        if word.isdigit():  # "an alarm" says nothing of the first of a month
            return float(word) in self.amounts | {12 + value for value, unit in self._measured if unit == "pm"}
        own = stem(word)
        return own in self.stems or (
            len(own) >= ALIKE_CHARS and any(other[:ALIKE_CHARS] == own[:ALIKE_CHARS] for other in self.stems)
        )


def _whole(value: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(value.lower())}(?![a-z0-9])"


@lru_cache(50_000)
def stem(word: str) -> str:
    """The Snowball stem (Porter 2001) of a word in lower case."""
    return _stemmer().stemWord(word)


@cache
def _stemmer() -> Any:  # noqa: ANN401 - a compiled module without types
    return import_module("Stemmer").Stemmer("english")
