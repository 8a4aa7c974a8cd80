"""What was stated: whether a value that a small model wrote stands in the words that were said.

Small models fill what nobody said, from their memory of how such calls look. A number, a name or a date that cannot be found
among the words was invented, whatever the model thinks of it.
"""

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import takewhile

from vivavoce.core.language.chinese_numbers import with_digits
from vivavoce.core.language.days import day_phrases
from vivavoce.core.language.stems import are_alike, stem
from vivavoce.core.language.words import IS_CJK, is_in_pairs, words
from vivavoce.model.embedded.calling.said_times import HOURS, time_of, times_in, written_out


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


FREE_WORDS = 4  # a text of more words is worded by the model, and need not be said word by word
ABBREVIATION = 3  # letters of a state or a country behind a city: "Boston, MA"
MEASURED = re.compile(r"(\d+(?:\.\d+)?)(?:st|nd|rd|th)?\s*(%|per cent\b|[a-z]*)", re.IGNORECASE)
SHARE = ("%", "percent", "per cent")
SMALLER = {"hour": (60, 3600), "hours": (60, 3600), "minute": (60,), "minutes": (60,), "day": (24,), "days": (24,)}
COUNTS = {
    **dict.fromkeys(("one", "once", "single", "myself", "first", "alone"), 1.0),
    **dict.fromkeys(("couple", "pair", "both", "twice", "double", "two"), 2.0),
    **dict.fromkeys(("third", "triple"), 3.0),
    "half": 0.5,
    "dozen": 12.0,
    "quarter": 0.25,
    "zero": 0.0,
    "quarterly": 4.0,
    "monthly": 12.0,
}
NO_COUNT = re.compile(
    r"\bone (?:of|for)\b|\b(?:no|this|that|which|another) one\b|万一|一定|十分|一下|一起|一样|一直|第一|一些", re.IGNORECASE
)
ONE = r"\ban? (?:[a-z]+ )?{noun}\b(?!\s*(?:of|is|=|:)?\s*[$€£]?\d)(?! whose)"
AN_HOUR = re.compile(r"\ban? (?=(?:hour|minute|day|week|month|year)\b)", re.IGNORECASE)
TODAY = re.compile(r"\b(?:today|tonight|this (?:morning|afternoon|evening))\b|今天|今晚|今日", re.IGNORECASE)
ON_A_DAY = re.compile(r"\bon (?=\w+day\b|\d|the \d|(?:your|the) way\b)", re.IGNORECASE)
NEGATIONS = _set("no not without dont except never off disable stop mute deactivate cancel")
SWITCHES_OFF = _set("off disable stop mute deactivate shut dont")
SWITCHES_ON = _set("on enable start activate unmute")
MOST_CHARS, MOST_DIGITS, MINUTES = 4000, 15, 60
REACH = 4  # words that a negation denies
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
FIRST_YEAR = 1000
DENIED = re.compile(
    r"\b(?:not|no|never|without|except|(?:don't|do not) (?:want|need|like)|don't|do not|can't|cannot|"
    r"anything but|rather than|instead of|other than)\b"
    rf"(?! (?:just|only)\b)(?:(?! (?:but|and)\b) [\w-]+){{1,{REACH}}}|(?:不要|不是|别)[^，,。]{{1,4}}",
    re.IGNORECASE,
)
FUNCTION = _set(
    """a an the of in on at to for from by with and or is are was were be do does did i me my you your it its this that these
    those please can could would will what which who when where how"""
)


class Stated:
    """What a user said, to check values against. text: of one or more turns."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def written(self) -> str:
        """The text with numbers as digits."""
        return with_numbers(self.text[:MOST_CHARS])

    @cached_property
    def stems(self) -> frozenset[str]:
        """Of all words, as they were said and with numbers as digits."""
        return frozenset(map(stem, [*words(self.text), *words(self.written)]))

    @cached_property
    def denied(self) -> frozenset[str]:
        """Stems of the words behind a negation."""
        said = words(self.text)
        return frozenset(stem(w) for at, no in enumerate(said) if no in NEGATIONS for w in said[at + 1 : at + 1 + REACH])

    @cached_property
    def affirmed(self) -> "Stated":
        """What was said, without what was denied: of "a flight, not in business class" only the flight."""
        return Stated(DENIED.sub(" ", self.text))

    @cached_property
    def numbers(self) -> frozenset[float]:
        """All that are named: as digits, in words, as a share ("5 %" is 5 and .05), with a scale ("3 million")."""
        said = set(words(NO_COUNT.sub(" ", self.text)))
        found = {value for word, value in COUNTS.items() if word in said}
        for value, unit in self.measured:
            found |= {value, *(value * smaller for smaller in SMALLER.get(unit, ()))}
            if unit == "pm" and value < HOURS:
                found.add(value + HOURS)
        return frozenset(found | {share / 100 for share in self.shares})

    @cached_property
    def amounts(self) -> frozenset[float]:
        """Numbers that were said as such, in digits or in words, without further readings."""
        return frozenset(value for value, _ in self.measured)

    @cached_property
    def units(self) -> frozenset[str]:
        """The words behind numbers."""
        return frozenset(unit for _, unit in self.measured)

    @cached_property
    def shares(self) -> frozenset[float]:
        """Numbers that were said as per cent."""
        return frozenset(value for value, unit in self.measured if unit in SHARE)

    @cached_property
    def measured(self) -> list[tuple[float, str]]:
        """Numbers with the word behind them."""
        text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", self.written)
        return [(float(found[1][:MOST_DIGITS]), found[2].lower()) for found in MEASURED.finditer(text)]

    @cached_property
    def times(self) -> frozenset[int]:
        """Times of day that may be meant, see `times_in`."""
        return times_in(self.written)

    @cached_property
    def _names_year(self) -> bool:
        return any(value >= FIRST_YEAR for value in self.amounts)

    @cached_property
    def switches(self) -> bool | None:
        """Whether something is switched on, or off; None where neither is said."""
        said = set(words(ON_A_DAY.sub(" ", self.text)))
        if said & SWITCHES_OFF or re.search("关[闭掉上了]|关(?=.)|停", self.text):
            return False
        return True if said & SWITCHES_ON or re.search("打开|开启|开(?=.)|启动", self.text) else None

    @cached_property
    def days(self) -> tuple[str, ...]:
        """The days that are named: "tomorrow", "next Friday"."""
        found = day_phrases(self.text)
        named = [self.text[start:end] for start, end, kind in found if kind != "length"]
        return tuple(dict.fromkeys([*named, *TODAY.findall(self.text)]))

    def says_one(self, stems: frozenset[str]) -> bool:
        """Whether there is "a" such thing: "a bag", "a large bag", and not "a width of 20"."""
        nouns = [word for word in words(self.text) if stem(word) in stems]
        return any(re.search(ONE.format(noun=re.escape(noun)), self.text.lower()) for noun in nouns)

    def has_number(self, value: float) -> bool:
        """Whether a number was named, whatever its sign."""
        try:
            size = abs(float(value))
        except OverflowError:
            return False
        return any(abs(size - known) <= 1e-9 * max(1.0, known) for known in self.numbers)

    def has_text(self, value: str) -> bool:
        """Whether the words of a value were said: most of a name, half of a longer text, and of numbers each kind."""
        if self.count(value) or self.has_time(value):
            return True
        if IS_CJK.search(value):
            return self._has_characters([c for c in value if IS_CJK.match(c)])
        found = [word for word in words(value) if word not in FUNCTION] or words(value)
        if not found:
            return False
        if self._has_initials(words(value)):
            return True
        said = sum(map(self._has_word, found))
        if ISO_DAY.fullmatch(value) and not self.days:
            return float(value[-2:]) in self.amounts and (float(value[:4]) in self.amounts or not self._names_year)
        if any(word.isdigit() for word in found):
            return 2 * said >= len(found) and any(self._has_word(word) for word in found if word.isdigit())
        if len(found) == 2 and len(found[1]) <= ABBREVIATION:
            return self._has_word(found[0])
        return 2 * said >= len(found) if len(found) > FREE_WORDS else 2 * said > len(found)

    def has_time(self, value: str) -> bool:
        """Whether a value is a time of day that was said, or a number that may be an hour: "an alarm for six"."""
        time = time_of(with_numbers(value))
        if time is None:
            return False
        return time in self.times or (time % MINUTES == 0 and (time // MINUTES or HOURS) in self.amounts)

    def _has_characters(self, characters: Sequence[str]) -> bool:
        said = sum(c in self.text for c in characters)
        return said == len(characters) or (len(characters) > ABBREVIATION and 3 * said >= 2 * len(characters))

    def _has_initials(self, found: Sequence[str]) -> bool:
        """Whether the first words of a name stand as their initials: "L.A. Lakers" for Los Angeles Lakers."""
        joined = set(words(self.text.replace(".", "")))
        found = list(takewhile(str.isalpha, found))
        return any("".join(word[0] for word in found[:end]) in joined for end in range(2, len(found) + 1))

    def has_all(self, value: str) -> bool:
        """Whether each word of a value was said that says something."""
        if IS_CJK.search(value) or not words(value):
            return value in self.text
        return all(map(self._has_word, [word for word in words(value) if word not in FUNCTION]))

    def count(self, value: str) -> int:
        """How often a text was said as it is."""
        return len(re.findall(_whole(value), self.text.lower()))

    def _has_word(self, word: str) -> bool:
        if word.isascii() and word.isdigit():  # "an alarm" says nothing of the first of a month
            return float(word[:MOST_DIGITS]) in self.amounts | {
                HOURS + value for value, unit in self.measured if unit == "pm"
            }
        own = stem(word)
        return own in self.stems or any(are_alike(own, other) for other in self.stems)


def with_numbers(text: str) -> str:
    """A text with its numbers as digits."""
    text = AN_HOUR.sub("one ", NO_COUNT.sub(" ", text))
    if is_in_pairs(text):
        return with_digits(text)
    from text_to_num import alpha2digit

    return written_out(alpha2digit(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text, flags=re.IGNORECASE), "en", threshold=0))


def _whole(value: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(value.lower())}(?![a-z0-9])"
