"""Sentences taken apart for the grounding check: clauses, stems, values (numbers, days, months), names, negations."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from text_to_num import alpha2digit

from vivavoce.core.language.stems import stem


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


REACH = 4  # words behind a negation that it denies, unless a new verb begins: "need not be booked"
AUXILIARIES = _set("is are was were be has have had may can must shall should will would could might")
MAX_CHARS = 4_000  # of one text; a passage has about 120 words
MAX_SENTENCES = 40
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
PERIODS = _set("second minute hour day night week month year")
COLOURS = _set("red blue green yellow orange black white grey gray brown purple pink")
SPANS = {"weekday": DAYS[:5], "weekend": DAYS[5:], "daily": DAYS}
UNITS = _set(
    """second minute hour day week month year time night euro pound dollar cent penny percent degree metre meter kilometre
    kilometer mile litre liter millilitre gram kilogram kilo ton bar page floor person people child storey"""
)
NEGATIONS = _set(
    """not no never nobody none nothing neither nor cannot without hardly nowhere
    不 没 無 无 未 别"""
)
REFUSALS = _set("forbidden banned prohibited refused")  # deny what stands before them
OPPOSITES = tuple(
    tuple(_set(side) for side in pair.split("|"))
    for pair in (
        "open|close closed shut",
        "before earlier|after later",
        "first|last",
        "begin start beginning|end stop finish",
        "arrive arrival|leave depart departure",
        "left|right",
        "north northern|south southern",
        "east eastern|west western",
        "upper top|lower bottom",
        "deep|shallow",
        "front|behind back rear",
        "indoors inside indoor|outdoors outside outdoor",
        "more above|less below fewer",
        "maximum|minimum",
        "adult|child",
        "free|cost charge fee pay",
        "paid|unpaid",
        "require must compulsory|optional",
        "old|new",
        "early|late",
        "full|empty",
        "hot warm|cold cool",
        "wet|dry",
        "large big high|small low",
        "increase rise grow|decrease fall shrink",
        "add|remove",
        "buy|sell",
        "win|lose",
        "same|different",
        "male man husband brother|female woman wife sister",
        "morning am|evening afternoon night pm",
        "summer|winter",
    )
)
FUNCTION = _set(
    """a an and are as at be been being but by did do does doing for from had has have having he her here hers him his i if
    in into is it its itself me my of on or our she so than that the their them then there these they this those to too us
    was we were what when where which while who whom whose why will with would you your about also any can could each every
    may might must shall should some such very just only until till per am m s t d ll re ve up out off over under again
    how because during between both more most other own through after before above below down once get gets got
    yes no not never nor cannot none neither without whereas although though however unless upon
    的 了 是 在 和 有 也 就 都 而 及 与 着 或"""
)
NO_CONTENT = FUNCTION | COLOURS
CLAUSE = re.compile(
    r"[;:,—()]+\s+|\s+(?=(?:but|while|whereas|although|though)\b)"
    r"|(?<=\w\s)(?=and\s+(?:\w+\s+){2,})"
)
SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
TOKEN = re.compile(r"\d+(?::\d\d)|\d+(?:[.,]\d+)*|[\u4e00-\u9fff]|[^\W\d_]+")
REWRITES = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"n['’]t\b", " not"),
        (r"\bcannot\b", "can not"),
        (r"\b([ap])\.\s?m\b\.?", r"\1m"),
        (r"\bper cent\b|%", " percent"),
        (r"£\s?(\d[\d.,]*)", r"\1 pounds"),
        (r"€\s?(\d[\d.,]*)", r"\1 euros"),
        (r"\$\s?(\d[\d.,]*)", r"\1 dollars"),
        (r"\bkm/h\b", "kilometres an hour"),
        (r"\bkm\b", "kilometres"),
        (r"\bkg\b", "kilograms"),
        (r"(?<=[^\W\d])-(?=[^\W\d])", " "),
        (r"\btwice\b", "two times"),
        (r"\bevery other\b", "every two"),
        (r"\bhalf an hour\b", "thirty minutes"),
        (r"\b(a )?quarter of an hour\b", "fifteen minutes"),
        (r"\bnoon\b|\bmidday\b", "twelve"),
    )
)
AFTER_NUMBERS = tuple(
    (re.compile(pattern, re.IGNORECASE), to)
    for pattern, to in (
        (r"(?<=\d),(?=\d{3}\b)", ""),
        (r"\b(\d+) and a half\b", r"\1.5"),
        (r"\bhalf past (\d+)\b", r"\1:30"),
        (r"\b(?:a )?quarter past (\d+)\b", r"\1:15"),
        (r"\b(1[1-9]|20) (\d\d)\b", r"\1\2"),
        (r"\b(\d+) (pound|euro|dollar)s? (\d\d)\b", r"\1.\3 \2s"),
        (r"\b(\d+)(?:st|nd|rd|th)\b", r"\1"),
    )
)


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence.

    stems: of its content words, in order. values: numbers, days and months, canonical. names: capitalised words that do
    not begin the sentence. words: stems of all words. denied: stems of the words that a negation
    reaches. refused: whether it is a question answered by "No".
    """

    stems: tuple[str, ...]
    values: frozenset[str]
    names: frozenset[str]
    words: frozenset[str]
    denied: frozenset[str]
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its clauses, at least one."""

    text: str
    clauses: tuple[Clause, ...]
    whole: Clause


@lru_cache(2_048)
def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text, at least one and at most ``MAX_SENTENCES``; analysed once."""
    parts = [part for part in SENTENCE.split(text[:MAX_CHARS]) if TOKEN.search(part)]
    return tuple(map(sentence, parts[:MAX_SENTENCES] or [""]))


def sentence(text: str) -> Sentence:
    """One sentence taken apart; numbers in words become digits."""
    plain = normalised(text)
    parts = [part for part in CLAUSE.split(plain) if part and TOKEN.search(part)]
    clauses = tuple(_clause(part, starts=not number) for number, part in enumerate(parts or [""]))
    denied = frozenset[str]().union(*(clause.denied for clause in clauses))
    return Sentence(text.strip(), clauses, replace(_clause(plain, starts=True), denied=denied))


def normalised(text: str) -> str:
    """Numbers, times and amounts written in one way: "half past six" is 6:30, "five pounds fifty" is 5.50 pounds."""
    for pattern, to in REWRITES:
        text = pattern.sub(to, text)
    text = alpha2digit(text, "en", threshold=0)
    for pattern, to in AFTER_NUMBERS:
        text = pattern.sub(to, text)
    return text


def _clause(text: str, *, starts: bool) -> Clause:
    tokens = TOKEN.findall(text)
    lower = [token.lower() for token in tokens]
    values = frozenset(_values(tokens, lower))
    stems = tuple(stem(word) for word in lower if not (word in NO_CONTENT or word[0].isdigit() or _date(word)))
    names = frozenset(
        word
        for place, word in enumerate(tokens)
        if word[0].isupper() and (place or not starts) and word.lower() not in FUNCTION and not _date(word.lower())
    )
    return Clause(stems, values, names, frozenset(map(stem, lower)), frozenset(_denied(lower)))


def _denied(lower: list[str]) -> Iterator[str]:
    """What a negation reaches: the next words, or those before it where it ends the clause ("but candles are not")."""
    for place, word in enumerate(lower):
        if word in REFUSALS:
            yield from map(stem, lower[max(0, place - 2 * REACH) : place])
        elif word in NEGATIONS:
            reached = lower[place + 1 : place + 1 + REACH]
            verb = (n for n, one in enumerate(reached) if n and one in AUXILIARIES and reached[n - 1] not in FUNCTION)
            reached = reached[: next(verb, REACH)]
            yield from map(stem, reached if set(reached) - FUNCTION else lower[max(0, place - REACH) : place])


def _values(tokens: list[str], lower: list[str]) -> Iterator[str]:
    """Numbers, days and months; of a span of days or months all members."""
    for place, word in enumerate(lower):
        if word[0].isdigit():
            after = lower[place + 1] if place + 1 < len(lower) else ""
            if word != "1" or after in UNITS or after.removesuffix("s") in UNITS:
                yield _number(word)
        elif word in COLOURS or word == "midnight" or word.removesuffix("s") in PERIODS:
            yield word.removesuffix("s")
        elif word.removesuffix("s") in SPANS:
            yield from SPANS[word.removesuffix("s")]
        elif (name := _date(word)) and tokens[place][0].isupper():
            yield name
            if place + 2 < len(lower) and lower[place + 1] in ("to", "through", "until", "till"):
                yield from _between(name, _date(lower[place + 2]))


def _date(word: str) -> str:
    name = word.removesuffix("s") if word.endswith("days") else word
    return name if name in DAYS or (name in MONTHS and name != "may") else ""


def _between(first: str, last: str) -> Iterator[str]:
    for cycle in (DAYS, MONTHS):
        if first in cycle and last in cycle:
            place, end = cycle.index(first), cycle.index(last)
            yield from (cycle[(place + step) % len(cycle)] for step in range((end - place) % len(cycle) + 1))


def _number(text: str) -> str:
    """6, 6:30 or 1.8; an hour of the 24-hour clock becomes one of twelve."""
    if ":" in text:
        hour, minute = text.split(":")
        hour = str(int(hour) - 12 if 12 < int(hour) < 24 else int(hour))
        return hour if minute == "00" else f"{hour}:{minute}"
    try:
        return f"{float(text):.10g}"
    except ValueError:  # 1.2.3, a version
        return text
