"""Values that were said side by side: "for 15, 20 and 30 years", "Microsoft and Apple on the first and the third".

A small model writes a call for some of them and stops. What it wrote shows which parameter such values belong to; the calls
for the others follow from it.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NUMBER = r"(?<![\d,])[$€£]?\d[\d,]*(?:\.\d+)?(?:-\d+)*%?(?:\s(?!and\b|or\b)[a-z]+)?"
NAME = r"[A-Z][\w'’&-]*(?:[ ][A-Z][\w'’&-]*){0,3}(?:,\s[A-Z]{2}\b)?"
QUOTED = r"'[^'\n]{1,60}'|\"[^\"\n]{1,60}\""
LISTS = [
    re.compile(rf"(?:{item})(?:,\s+(?:{item}))*,?\s+(?:and|or|&)\s+(?:{item})(?!\w)") for item in (NUMBER, NAME, QUOTED)
]
BETWEEN = re.compile(r",?\s+(?:and|or|&)\s+|,\s+(?![A-Z]{2}\b)")
A_RANGE = re.compile(r"\b(?:between|from)\s+(?:the\s+)?$", re.IGNORECASE)
PAIRED = re.compile(r"\brespectively\b", re.IGNORECASE)
SENTENCE = re.compile(r"(?<=[.?!])\s+")
UNIT = re.compile(r"\s[a-z]+$")
MOST_CALLS = 8
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """values: what stands side by side, in one form. at: the sentence that it is said in."""

    values: tuple[str, ...]
    at: int


def enumerations(text: str) -> list[Enumeration]:
    """The numbers, names and quoted texts that a text enumerates. A range of two ends is none."""
    found: list[Enumeration] = []
    for at, sentence in enumerate(SENTENCE.split(text)):
        for match in (one for kind in LISTS for one in kind.finditer(sentence)):
            values = tuple(dict.fromkeys(map(_plain, BETWEEN.split(match[0]))))
            is_range = len(values) == 2 and A_RANGE.search(sentence[: match.start()])
            if len(values) > 1 and not is_range:
                found.append(Enumeration(values, at))
    return found


def distributed(written: Sequence[Arguments], text: str, taken: Collection[str] = ()) -> list[Arguments]:
    """The arguments of a tool's calls, and those for the values that stand beside the written ones.

    taken: values that calls of other tools have.
    """
    used = frozenset(map(_form, taken))
    listed = enumerations(text)
    calls = list(written)
    if not listed or PAIRED.search(text):
        return calls
    for key in dict.fromkeys(key for call in written for key in call):
        for call in list(calls):
            calls += [one for one in _beside(call, key, listed, used) if one not in calls and len(calls) < MOST_CALLS]
    return calls


def _beside(call: Arguments, key: str, listed: Sequence[Enumeration], taken: frozenset[str]) -> Iterator[Arguments]:
    """A call with each of the other values instead; none where it uses them otherwise already."""
    value = call.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return
    for one in listed:
        if _form(value) not in map(_form, one.values):
            continue
        others = [other for other in one.values if _form(other) != _form(value)]
        if set(map(_form, others)) & (taken | {_form(used) for name, used in call.items() if name != key}):
            return
        for other in others:
            if (given := _as(type(value), other)) is not None:
                yield {**call, key: given}
        return


def _form(value: Any) -> str:  # noqa: ANN401 - any JSON
    text = str(value).lower()
    number = _as(float, text)
    return text if number is None else f"{number:.9g}"


def _as(kind: type, text: str) -> str | float | int | None:
    """A value that was said, of the type of the one that was written."""
    if kind is str:
        return text
    try:
        number = float(text.strip("$€£%").replace(",", ""))
    except ValueError:
        return None
    if kind is int:
        return int(number) if number.is_integer() else None
    return number


def _plain(text: str) -> str:
    text = text.strip("'\" ")
    return UNIT.sub("", text) if text[:1].isdigit() or text[:1] in "$€£" else text
