"""Arguments as a small model wrote them, less what nobody said.

What is left of a call are values that were stated. A required one that was not is missing, and is asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import takewhile
from typing import Any

from vivavoce.core.language.codes import is_measure, names_of
from vivavoce.core.language.days import day_named
from vivavoce.core.language.stems import stem
from vivavoce.core.language.words import words
from vivavoce.core.messages import ToolSpec
from vivavoce.model.embedded.calling.said_times import clock, name_and_time, time_of, without_times
from vivavoce.model.embedded.calling.stated import FUNCTION, TODAY, Stated, with_numbers
from vivavoce.model.embedded.schemas import options_of, properties_of, required_of, resolved, words_of_name

DEFAULT = re.compile(
    r"\b(?:default(?:s| value)?(?: is| to|:)?|by default) "
    r"(?:['\"](?P<text>[^'\"]{1,60})['\"]|(?P<word>-?\d+(?:\.\d+)?|\w+))",
    re.IGNORECASE,
)
SWITCH = frozenset(("on", "enabled", "enable", "active", "power", "state", "status"))
PER_CENT = re.compile(r"percent|per cent|%", re.IGNORECASE)
DAY_WORDS = frozenset(("date", "day"))
DAY_FORMS = {"yyyy-mm-dd": "%Y-%m-%d", "mm/dd/yyyy": "%m/%d/%Y", "dd/mm/yyyy": "%d/%m/%Y", "dd.mm.yyyy": "%d.%m.%Y"}
WORDED = frozenset(  # names of free words
    ("text", "message", "body", "content", "note", "query", "question", "title", "subject", "words", "sentence", "song")
)
DIGITAL = re.compile(r"\bHH|24.hour|\d\d:\d\d")
PER = frozenset(("a", "an", "per", "each", "of"))  # behind them stands no thing that is counted
NO_COUNTED = frozenset(map(stem, ("day", "date", "year", "number", "num", "count")))
NOTHING = object()
Value = Any  # any JSON, or NOTHING


@dataclass(frozen=True, slots=True)
class Grounded:
    """arguments: what was stated. missing: required parameters that were not."""

    arguments: Mapping[str, Any]
    missing: tuple[str, ...] = ()


def grounded(written: Mapping[str, Any], name: str, schema: Mapping[str, Any], stated: Stated) -> Grounded:
    """Keep of the arguments of a tool (or of an object in them) what was stated.

    name: of the tool. schema: JSON schema of its parameters.
    """
    parameters = {key: Parameter(name, key, about) for key, about in properties_of(schema).items()}
    kept = {key: one.kept(written.get(key), stated) for key, one in parameters.items()}
    kept = {key: value for key, value in kept.items() if value is not NOTHING}
    for key in _said_for_another(kept, parameters, stated):
        kept.pop(key)
    kept |= _counted(kept, parameters, stated)
    kept |= _mended(written, kept, parameters, stated)
    kept |= {key: unit for key, one in parameters.items() if key not in kept and (unit := one.unit(stated))}
    kept = _without_hours(kept, parameters, stated)
    for key in _hours_that_are_counts(kept, stated):
        kept.pop(key)
        kept |= {key: clock(*stated.times)} if len(stated.times) == 1 else {}
    kept |= _without_times(kept, parameters, stated)
    required = [key for key in required_of(schema) if key not in kept]
    defaults = {key: parameters[key].default() for key in required}
    kept |= {key: value for key, value in defaults.items() if value is not NOTHING}
    return Grounded(kept, tuple(key for key in required if key not in kept))


def without_unstated(tool: ToolSpec, stated: Stated) -> ToolSpec:
    """The tool without optional parameters that nothing was said for: they would be written, and taken out again."""
    required = required_of(tool.parameters)
    known = properties_of(tool.parameters)
    kept = {
        key: about
        for key, about in (tool.parameters.get("properties") or {}).items()
        if key in required or Parameter(tool.name, key, known[key]).may_be_stated(stated)
    }
    return replace(tool, parameters={**tool.parameters, "properties": kept})


def _counted(kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated) -> dict[str, Value]:
    """Numbers that were said with the word that a parameter is called by: "one tablet three times a day", "a bag"."""
    found: dict[str, Value] = {}
    for key, one in parameters.items():
        counted = one.counted(stated)
        if key in kept and len(counted) == 1 and kept[key] not in counted:
            found[key] = counted.pop()
    return found


def _mended(
    written: Mapping[str, Any], kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated
) -> dict[str, Value]:
    """The one number that was said and not used, for one that was miswritten: 50 for 50,000, a share for a share."""
    invented = {key: written[key] for key in parameters if key not in kept and _is_number(written.get(key))}
    if len(invented) != 1:
        return {}
    ((key, value),) = invented.items()
    used = {abs(value) for value in kept.values() if _is_number(value)}
    left = set(stated.shares if 0 < value < 1 else stated.amounts) - used - {100 * value for value in used}
    said = left.pop() if len(left) == 1 else None
    if said is None or not (0 < value < 1 or _digits(value).startswith(_digits(said))):
        return {}
    mended = parameters[key].kept(said, stated)
    return {} if mended is NOTHING else {key: mended}


def _digits(value: float) -> str:
    return f"{abs(value):.9g}".rstrip("0").replace(".", "") or "0"


def _said_for_another(kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated) -> list[str]:
    """Parameters whose text was said once, and for another one: the one that is named where it was said, else the first."""
    texts = {key: value for key, value in kept.items() if isinstance(value, str) and not parameters[key].is_choice}
    chosen = {str(value).lower() for key, value in kept.items() if parameters[key].is_choice}
    surplus = [key for key, value in texts.items() if value.lower() in chosen and stated.count(value) == 1]
    for value in set(texts.values()):
        keys = [key for key in texts if texts[key] == value]
        keys.sort(key=lambda key: (not parameters[key].is_led(value, stated), -parameters[key].named(stated)))
        surplus += keys[max(1, stated.count(value)) :]
    return surplus


def _hours_that_are_counts(kept: Mapping[str, Value], stated: Stated) -> list[str]:
    """Times of day for which only a number speaks that is another argument: of "for four people", four o'clock."""
    counts = {60 * (value % 12) for value in kept.values() if _is_number(value)}
    times = {key: time_of(with_numbers(value)) for key, value in kept.items() if isinstance(value, str)}
    return [key for key, time in times.items() if time is not None and time not in stated.times and time in counts]


def _without_times(kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated) -> dict[str, Value]:
    """Names without the day or the time that stands behind them, which become arguments of their own where they can."""
    days = [key for key, one in parameters.items() if one.is_day]
    times = [key for key, one in parameters.items() if one.is_time]
    found: dict[str, Value] = {}
    for key, value in kept.items():
        if not isinstance(value, str) or key in (*days, *times) or parameters[key].is_choice:
            continue
        name, day, time = name_and_time(value, has_day=bool(days), has_time=bool(times), is_words=parameters[key].is_words)
        if name == value:
            continue
        found[key] = name
        for others, said in ((days, day), (times, time)):
            if said and not any(other in kept for other in others):
                found |= {other: one for other in others[:1] if (one := parameters[other].kept(said, stated)) is not NOTHING}
    return found


def _without_hours(kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated) -> dict[str, Value]:
    """Without numbers that were said as a time of day alone, which is another argument: of "at eight", eight people.

    The one number that was said otherwise takes the place of one: of "at eight for four", four people.
    """
    if not any(one.is_time or one.is_when for one in parameters.values()):
        return dict(kept)
    counted = Stated(without_times(stated.written))
    hours = [key for key, value in kept.items() if _is_number(value) and not counted.has_number(value)]
    used = {value for key, value in kept.items() if _is_number(value) and key not in hours}
    left = counted.amounts - used
    mended = {key: int(value) for key, value in zip(hours, left, strict=False) if len(left) == len(hours) == 1}
    return {key: value for key, value in {**kept, **mended}.items() if key not in hours or key in mended}


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Parameter:
    """A parameter of a tool. about: its schema."""

    def __init__(self, tool: str, key: str, about: Mapping[str, Any]) -> None:
        self._key = key
        self._about = about
        self._named = frozenset(stem(word) for word in words_of_name(key) if word not in FUNCTION)
        self._own = self._named | {
            stem(word) for word in words_of_name(tool)
        }  # words that are no value: the tool is made of them
        self._description = str(about.get("description", ""))

    @property
    def is_choice(self) -> bool:
        """Whether its values are listed."""
        return bool(options_of(self._about))

    def named(self, stated: Stated) -> int:
        """How many words of its name were said."""
        return len(self._named & stated.stems)

    def is_of(self, word: str) -> bool:
        """Whether a word is one of its name, its description or its tool."""
        return stem(word) in self._own or stem(word) in map(stem, words(self._description))

    def is_led(self, value: str, stated: Stated) -> bool:
        """Whether its first word stands before a value: "to Rome" for ``to_city``."""
        return stated.count(f"{words_of_name(self._key)[0]} {value}") > 0 if words_of_name(self._key) else False

    def may_be_stated(self, stated: Stated) -> bool:
        """Whether any value of it can be kept; False where no number, no option or no word of it was said."""
        match self._about:
            case _ if self.is_choice:
                return any(self._text(option, stated) is not NOTHING for option in options_of(self._about))
            case {"type": "integer" | "number"}:
                return bool(stated.numbers)
            case {"type": "boolean"}:
                return self._flag(stated, meant=True) is not NOTHING
            case _:
                return True

    def chosen(self, stated: Stated) -> Value:
        """The one option that was said, or `NOTHING`."""
        said = [option for option in self._about["enum"] if option is not None and self._says(str(option), stated)]
        return said[0] if len(said) == 1 else NOTHING

    def kept(self, value: Value, stated: Stated) -> Value:
        """The value as far as it was stated, or `NOTHING`."""
        match value:
            case bool():
                return self._flag(stated, meant=value)
            case int() | float():
                return self._number(value, stated)
            case str():
                return self._text(value, stated)
            case list():
                item = Parameter("", self._key, resolved(self._about.get("items"), self._about.get("$defs", {})))
                kept = [item.kept(one, stated) for one in value]
                again = [isinstance(one, str) and one in kept[:at] for at, one in enumerate(kept)]
                return [
                    one for one, is_said in zip(kept, again, strict=True) if one is not NOTHING and not is_said
                ] or NOTHING
            case dict():
                return self._object(value, stated)
            case _:
                return NOTHING

    def default(self) -> Value:
        """What the parameter is where nobody says it, as its schema or its description tells; else `NOTHING`."""
        if "default" in self._about:
            return self._about["default"]
        options = options_of(self._about)
        if len(options) == 1:
            return self._about["enum"][0]
        told = DEFAULT.search(self._description)
        if told is None:
            return NOTHING
        text = told["text"] or told["word"]
        match self._about.get("type"):
            case "integer":
                return int(text) if text.lstrip("-").isdecimal() else NOTHING
            case "number":
                return float(text) if text[-1].isdecimal() else NOTHING
            case "boolean":
                return {"true": True, "false": False}.get(text.lower(), NOTHING)
            case _:
                return text if text in options or (told["text"] and not options) else NOTHING

    def counted(self, stated: Stated) -> set[float]:
        """The numbers that were said before the word that it is called by; one for "a"."""
        if self._about.get("type") not in ("integer", "number") or self.is_time:
            return set()
        counted = list(map(stem, takewhile(lambda word: word not in PER, words_of_name(self._key))))
        names = frozenset(counted) - NO_COUNTED
        is_whole = self._about["type"] == "integer"
        said = {
            int(value) if value.is_integer() else value
            for value, unit in stated.measured
            if stem(unit) in names and (value.is_integer() or not is_whole)
        }
        return said or ({1} if stated.says_one(names.intersection(counted[-1:])) else set())

    def unit(self, stated: Stated) -> str:
        """The unit that was said with a number, for a parameter that is one; "" where none was, or several."""
        is_unit = "unit" in self._named and self._about.get("type") == "string" and not self.is_choice
        said = [unit for unit in stated.units if unit not in FUNCTION and is_measure(unit)] if is_unit else []
        return said[0] if len(said) == 1 else ""

    def _flag(self, stated: Stated, *, meant: bool) -> Value:
        """What is named is wanted, unless it is denied or switched off; of what is only described, what the model wants."""
        if not SWITCH.isdisjoint(words_of_name(self._key)) and stated.switches is not None:
            return stated.switches
        if self._named & stated.stems:
            return not (self._named & stated.denied or (stated.switches is False and not meant))
        described = {stem(word) for word in words(self._description) if word not in FUNCTION} - self._own
        return True if meant and described & stated.stems else NOTHING

    def _number(self, value: float, stated: Stated) -> Value:
        if not stated.has_number(value):
            return NOTHING
        is_share = self._about.get("type") == "number" and value in stated.shares
        return value / 100 if is_share and not PER_CENT.search(f"{self._key} {self._description}") else value

    def _text(self, value: str, stated: Stated) -> Value:
        if not value.strip():
            return NOTHING
        if options := options_of(self._about):
            return value if value in options and self._says(value, stated) else self.chosen(stated)
        if self.is_day and len(stated.days) == 1 and (value in stated.days or not stated.has_text(value)):
            return self.as_day(stated.days[0])
        if self.is_time and time_of(with_numbers(value)) is not None and not stated.has_time(value):
            return clock(*stated.times) if len(stated.times) == 1 else NOTHING
        if not stated.has_text(value):
            return NOTHING
        is_own = value[1:].islower() and all(word in FUNCTION or stem(word) in self._own for word in words(value))
        return NOTHING if is_own else value

    def _says(self, option: str, stated: Stated) -> bool:
        """Whether an option was said, by itself or by the name of the code that it is, and not denied."""
        names = names_of(option)
        own = [] if names and option.lower() in FUNCTION else [option.replace("_", " ")]  # "it" is hardly Italian
        return any(map(stated.affirmed.has_all, [*own, *names]))

    @property
    def is_time(self) -> bool:
        """Whether its values are times of day, as far as its name tells."""
        return words_of_name(self._key)[-1:] == ["time"]

    @property
    def is_when(self) -> bool:
        """Whether its values may be times of day, or days."""
        return words_of_name(self._key)[-1:] in (["when"], ["hour"], ["clock"])

    @property
    def is_day(self) -> bool:
        """Whether its values are days, as far as its name and its format tell."""
        return self._about.get("format") == "date" or not DAY_WORDS.isdisjoint(words_of_name(self._key))

    @property
    def is_words(self) -> bool:
        """Whether its values are free words, of which a day may be part: a message, a note."""
        return not WORDED.isdisjoint(words_of_name(self._key))

    @property
    def is_in_digits(self) -> bool:
        """Whether its description shows a time of day in digits."""
        return DIGITAL.search(self._description) is not None

    @property
    def about(self) -> Mapping[str, Any]:
        """Its schema."""
        return self._about

    def as_day(self, said: str) -> str:
        """A day in the form that is asked for, or as it was said."""
        today = date.today()
        day = today if TODAY.fullmatch(said) else day_named(said, today)
        pattern = next((form for form in DAY_FORMS if form in self._description.lower()), "")
        if self._about.get("format") == "date":
            pattern = pattern or "yyyy-mm-dd"
        return said if day is None or not pattern else day.strftime(DAY_FORMS[pattern])

    def _object(self, value: Mapping[str, Any], stated: Stated) -> Value:
        if not self._about.get("properties"):
            kept = {name: Parameter(self._key, name, {}).kept(one, stated) for name, one in value.items()}
            return {name: one for name, one in kept.items() if one is not NOTHING} or NOTHING
        inner = grounded(value, self._key, self._about, stated)
        return dict(inner.arguments) if inner.arguments and not inner.missing else NOTHING
