"""Parameters of tools as their JSON schemas describe them."""

import re
from collections.abc import Mapping
from typing import Any

BORDER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^\w]+|_+")
DESCRIPTION_CHARS = 160


def properties_of(schema: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The schema of each parameter, with references and "or nothing" taken out; none where it is no schema of an object."""
    properties, definitions = schema.get("properties"), schema.get("$defs", {})
    if not isinstance(properties, Mapping) or not isinstance(definitions, Mapping):
        return {}
    return {str(name): resolved(about, definitions) for name, about in properties.items()}


def required_of(schema: Mapping[str, Any]) -> list[str]:
    """The parameters that a call must have."""
    names = schema.get("required")
    return [name for name in names if name in properties_of(schema)] if isinstance(names, list | tuple) else []


def options_of(about: Mapping[str, Any]) -> list[str]:
    """The values that a parameter may have, as texts; none where they are not listed."""
    options = about.get("enum")
    return [str(option) for option in options if option is not None] if isinstance(options, list | tuple) else []


def resolved(about: Any, definitions: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401 - any JSON
    """A schema without its reference, and of several types the first that is not null.

    A reference is followed by one step, as a type may hold itself.
    """
    if not isinstance(about, Mapping):
        return {}
    for options in (about.get("anyOf"), about.get("oneOf"), about.get("allOf")):
        if isinstance(options, list):
            first = next((one for one in options if isinstance(one, Mapping) and one.get("type") != "null"), {})
            return {**resolved(first, definitions), **_own(about)}
    if isinstance(name := about.get("$ref"), str):
        found = definitions.get(name.rsplit("/", 1)[-1])
        return {"$defs": definitions, **(found if isinstance(found, Mapping) else {}), **_own(about)}
    return about


def _own(about: Mapping[str, Any]) -> dict[str, Any]:
    return {key: about[key] for key in ("description", "default") if key in about}


def first_line(text: str) -> str:
    """What a description begins with."""
    return text.strip().split("\n", 1)[0][:DESCRIPTION_CHARS]


def words_of_name(name: str) -> list[str]:
    """Words of an identifier: "newAlarm_time" is new, alarm, time."""
    return [word.lower() for word in BORDER.split(name) if word]
