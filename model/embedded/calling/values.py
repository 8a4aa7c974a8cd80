"""The value that a few words are for a parameter, by its type: "half past six", "just two", "the blue one", "Anna"."""

import re

from vivavoce.core.language.days import is_day
from vivavoce.core.language.replies import agrees, refuses
from vivavoce.core.language.words import is_in_pairs, words
from vivavoce.model.embedded.calling.grounding import NOTHING, Parameter, Value
from vivavoce.model.embedded.calling.said_times import HOURS, clock, time_of
from vivavoce.model.embedded.calling.stated import COUNTS, FUNCTION, SMALLER, Stated, with_numbers
from vivavoce.model.embedded.wording.parts import asks

MOST_WORDS, MOST_CHARS = 8, 200
AROUND_NUMBERS = frozenset(("us", "all", "there", "people", "just", "only", "about", "around", "exactly"))
LEAD = re.compile(
    r"^\W*(?:(?:oh|ah|u+[hm]+|erm?|well|okay|ok|yes|yeah|sure|please|just|only|maybe|about|around|i think|i guess|i'd say|"
    r"(?:let's )?say|it's|it is|that's|that is|(?:that|it) would be|there (?:are|will be)|there'll be|we're|we are|we'll be|"
    r"(?:let's )?make (?:it|that)|at|for|on|in|to|from|with|by)\b[\s,]*)+",
    re.IGNORECASE,
)
TAIL = re.compile(r"[\s,]*(?:\b(?:please|thanks|thank you|then|instead)\b)?[\s.!。！]*$", re.IGNORECASE)
THE_ONE = re.compile(r"(?:the|an?) (.+) one", re.IGNORECASE)
PART_OF_DAY = re.compile(r"\s*\b(?:in the (?:morning|afternoon|evening)|at night|tonight|sharp|on the dot)\b", re.IGNORECASE)
LATE = re.compile(r"\bp\.?m\b|\b(?:afternoon|evening|tonight|night)\b|下午|晚上", re.IGNORECASE)
IN_DIGITS = re.compile(r"(\d{1,2}):\d\d")
IS_CLOCK = re.compile(r"\d:\d|o'?clock|\b[ap]\.?m\b|\bpast\b|quarter to\b|[点點]", re.IGNORECASE)
OR = re.compile(r"\w or \w|还是", re.IGNORECASE)
HUM = re.compile(
    r"\W*(?:(?:h+m+|u+[hm]+|erm?|well|okay|ok|oh|let me (?:think|see|check)|good question|dunno|"
    r"i (?:don't|do not) know(?: yet)?|(?:i'm |i am )?not sure(?: yet)?|(?:just )?(?:one|a) (?:moment|second|sec)|hang on|"
    r"hold on|wait|嗯|呃|等一下|等等|我想想)\W*)+",
    re.IGNORECASE,
)
# What is no value, however short: who speaks of somebody, asks, greets or does not know.
NO_VALUE = re.compile(
    r"\b(?:i|i'\w+|you|he|she|they|what|why|how|who|when|where|which|hello|hi|hey|bye|goodbye|thanks|thank|sorry|wait|moment|"
    r"second|idea|know|sure|no|not|nothing|whatever|any|anything|sure|okay|ok|yes|yeah|never|mind|matter|stop|cancel|abort|"
    r"quit|well|me|it|it's|that|that's|this|here|there|same|nobody|none|neither|later|pardon|enough|great|fine|cool|nice|perfect|exactly|right|h+m+|huh|oops|u+[hm]+)\b"
    r"|[?？吗呢]|不|谢谢|你|我|算了|什么|随便|都行",
    re.IGNORECASE,
)


def only_hums(said: str) -> bool:
    """Whether somebody still thinks: "Hmm.", "Let me see."."""
    return HUM.fullmatch(said.replace("\u2019", "'")) is not None


def bare(said: str) -> str:
    """What was said without what leads to a value: "just two, please" is "two", "the blue one" is "blue"."""
    whole = TAIL.sub("", " ".join(said.replace("\u2019", "'").split()))
    rest = LEAD.sub("", whole) or whole
    of_several = THE_ONE.fullmatch(rest)
    return of_several[1] if of_several else rest


def value_of(parameter: Parameter, said: str, before: Value = NOTHING) -> Value:
    """The value that words are, or `NOTHING` where they are more than that, or of another type.

    before: the value that it had, which may tell more than its schema.
    """
    rest = bare(said) if len(said) <= MOST_CHARS else ""
    if not rest or len(words(rest)) > MOST_WORDS or "?" in said or "\uff1f" in said or asks(rest):
        return NOTHING
    stated = Stated(rest)
    if parameter.is_choice:
        return parameter.chosen(stated)
    match parameter.about.get("type", "string"):
        case "boolean":
            return agrees(said) if agrees(said) or refuses(said) else NOTHING
        case "integer" | "number" as kind:
            return _number(parameter, stated, whole=kind == "integer")
        case "string" if parameter.is_time or is_time(before):
            return _time(parameter, rest, before)
        case "string" if parameter.is_day or is_day(str(before)):
            return parameter.as_day(stated.days[0]) if len(stated.days) == 1 else NOTHING
        case "string" if not {"format", "pattern"} & parameter.about.keys():
            return _text(rest)
        case _:
            return NOTHING


def _number(parameter: Parameter, stated: Stated, *, whole: bool) -> Value:
    """The one number that was said, in digits or words, or as "a couple"; in another unit it is none."""
    others = [unit for unit in stated.units if unit in SMALLER and not parameter.named(Stated(unit))]
    numbers = stated.amounts or stated.numbers
    if NO_VALUE.search(stated.text) or len(numbers) != 1 or others or IS_CLOCK.search(stated.text):
        return NOTHING
    known = {*stated.units, *COUNTS, *FUNCTION, *AROUND_NUMBERS}
    if not is_in_pairs(stated.text) and any(
        not (word.isdigit() or word in known or parameter.is_of(word)) for word in words(stated.written)
    ):
        return NOTHING  # more is said than a number: "Anna turns 30"
    kept = parameter.kept(min(numbers), stated)
    if kept is NOTHING or kept != int(kept):
        return NOTHING if whole else kept
    return int(kept)


def is_time(value: Value) -> bool:
    """Whether a value is a time of day."""
    return isinstance(value, str) and bool(Stated(value).times or time_of(with_numbers(value)) is not None)


def _time(parameter: Parameter, said: str, before: Value) -> Value:
    """A time of day as it was said, or in digits where the tool wants them or the value before has them."""
    bare_time = PART_OF_DAY.sub("", said)
    alone = time_of(with_numbers(bare_time))
    times = Stated(said).times or ({alone} if alone is not None else set())
    if len(times) != 1 or NO_VALUE.search(bare_time):
        return NOTHING
    digits = IN_DIGITS.fullmatch(str(before))
    is_late = LATE.search(said) is not None or (digits is not None and int(digits[1]) >= HOURS)
    return clock(*times, late=is_late) if digits or parameter.is_in_digits else said


def _text(said: str) -> Value:
    """Words as they are, unless they are talk, or two to choose from."""
    return NOTHING if OR.search(said) or NO_VALUE.search(said) else said
