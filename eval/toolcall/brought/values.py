"""Whether a value is among those that are allowed, as BFCL's check of syntax trees has it (Patil et al. 2025).

Case, punctuation and number words do not count, since what was spoken has none; nor does it whether a number came as text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from text_to_num import alpha2digit

LEFT_OUT = ""  # among the allowed values: the parameter may be left out
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
MARKS = re.compile(r"[\W_]+")
EVERY_NUMBER = 0.0  # "one" and "two" too


def is_allowed(value: Any, options: Sequence[Any]) -> bool:  # noqa: ANN401 - any JSON
    """Whether a value is one of the options."""
    return any(_is(value, option) for option in options)


def _is(value: Any, option: Any) -> bool:  # noqa: ANN401 - any JSON
    match value, option:
        case dict(), dict():
            return _has_fields(value, option)
        case list(), list():
            return len(value) == len(option) and all(map(_is, value, option))
        case (dict() | list(), _) | (_, dict() | list()):
            return False
        case _:
            return canonical(value) == canonical(option)


def _has_fields(value: Mapping[str, Any], option: Mapping[str, Any]) -> bool:
    """Of an object, a list holds the allowed values of a field."""
    listed = {name: allowed if isinstance(allowed, list) else [allowed] for name, allowed in option.items()}
    return not left_out(value, listed) and all(
        name in listed and is_allowed(given, listed[name]) for name, given in value.items()
    )


def left_out(given: Mapping[str, Any], wanted: Mapping[str, Sequence[Any]]) -> list[str]:
    """The names of those that are missing and may not be."""
    return [name for name, options in wanted.items() if name not in given and LEFT_OUT not in options]


def canonical(value: object) -> str:
    """A text, number or truth value in the form that is compared."""
    text = THOUSANDS.sub("", str(value).strip().lower())
    said = str(alpha2digit(text.replace("-", " "), "en", EVERY_NUMBER))
    for each in (text, said):
        try:
            return f"{float(each):.9g}"
        except ValueError:
            continue
    return MARKS.sub("", said)
