"""Arguments as a small model wrote them, less what nobody said.

What is left of a call are values that were stated. A required one that was not is missing, and is asked for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vivavoce.core.language.words import words
from vivavoce.model.embedded.choosing.schemas import plain, properties_of, words_of_name
from vivavoce.model.embedded.choosing.stated import FUNCTION, Stated, stem

DEFAULT = re.compile(r"\b(?:default(?:s| value)?(?: is| to|:)?|by default) '?\"?(-?\d+(?:\.\d+)?|[\w-]+)", re.IGNORECASE)
PER_CENT = re.compile(r"percent|per cent|%", re.IGNORECASE)
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
    kept |= _mended(written, kept, parameters, stated)
    required = [key for key in schema.get("required", ()) if key in parameters and key not in kept]
    defaults = {key: parameters[key].default() for key in required}
    kept |= {key: value for key, value in defaults.items() if value is not NOTHING}
    return Grounded(kept, tuple(key for key in required if key not in kept))


def _mended(
    written: Mapping[str, Any], kept: Mapping[str, Value], parameters: Mapping[str, "Parameter"], stated: Stated
) -> dict[str, Value]:
    """The one number that was said and not used, for the one that was invented; a share for a share."""
    invented = {key: written[key] for key in parameters if key not in kept and _is_number(written.get(key))}
    if len(invented) != 1:
        return {}
    ((key, value),) = invented.items()
    used = {abs(value) for value in kept.values() if _is_number(value)}
    left = (stated.shares if 0 < value < 1 else stated.amounts) - used - {100 * value for value in used}
    mended = parameters[key].kept(*left, stated=stated) if len(left) == 1 else NOTHING
    return {} if mended is NOTHING else {key: mended}


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

    def kept(self, value: Value, stated: Stated) -> Value:
        """The value as far as it was stated, or `NOTHING`."""
        match value:
            case bool():
                return self._choice(stated, meant=value)
            case int() | float():
                return self._number(value, stated)
            case str():
                return self._text(value, stated)
            case list():
                item = Parameter("", self._key, plain(self._about.get("items"), self._about.get("$defs", {})))
                kept = [item.kept(one, stated) for one in value]
                return [one for one in kept if one is not NOTHING] or NOTHING
            case dict():
                return self._object(value, stated)
            case _:
                return NOTHING

    def default(self) -> Value:
        """What the parameter is where nobody says it, as its schema or its description tells; else `NOTHING`."""
        if "default" in self._about:
            return self._about["default"]
        options = self._about.get("enum", ())
        if len(options) == 1:
            return options[0]
        told = DEFAULT.search(self._description)
        if told is None:
            return NOTHING
        match self._about.get("type"):
            case "integer":
                return int(told[1]) if told[1].lstrip("-").isdigit() else NOTHING
            case "number":
                return float(told[1]) if told[1][-1].isdigit() else NOTHING
            case "boolean":
                return {"true": True, "false": False}.get(told[1].lower(), NOTHING)
            case _:
                return told[1] if told[1] in (options or [told[1]]) else NOTHING

    def _choice(self, stated: Stated, *, meant: bool) -> Value:
        """What is named is wanted, unless it is denied; of what is only described, the model decides."""
        if self._named & stated.stems:
            return not self._named & stated.denied
        described = {stem(word) for word in words(self._description) if word not in FUNCTION}
        return meant if described & stated.stems else NOTHING

    def _number(self, value: float, stated: Stated) -> Value:
        if not stated.has_number(value):
            return NOTHING
        is_share = self._about.get("type") == "number" and value in stated.shares
        return value / 100 if is_share and not PER_CENT.search(f"{self._key} {self._description}") else value

    def _text(self, value: str, stated: Stated) -> Value:
        if "enum" in self._about:
            return value if stated.has_all(value.replace("_", " ")) else NOTHING
        if not stated.has_text(value):
            return NOTHING
        is_own = all(stem(word) in self._own for word in words(value)) and value[1:].islower()
        return NOTHING if is_own else value

    def _object(self, value: Mapping[str, Any], stated: Stated) -> Value:
        if not self._about.get("properties"):
            kept = {name: Parameter(self._key, name, {}).kept(one, stated) for name, one in value.items()}
            return {name: one for name, one in kept.items() if one is not NOTHING} or NOTHING
        inner = grounded(value, self._key, self._about, stated)
        return dict(inner.arguments) if inner.arguments and not inner.missing else NOTHING
