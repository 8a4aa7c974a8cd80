"""Exact conditions on voices, as they are written on the command line: ``FACT=VALUE``."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceFilters

FACTS = {field.name: field.default for field in fields(VoiceFilters)}
RANGES = ("duration_s", "sample_rate", "f0_hz", "f0_range_st", "rate_hz", "loudness_lufs", "snr_db")
FLAGS = {"yes": True, "true": True, "no": False, "false": False}


def parse_filters(conditions: Sequence[str], **given: str) -> VoiceFilters:
    """Filters from texts such as ``accent=scottish``, ``synthetic=no`` or ``f0_hz=80..140`` (either end may be open).

    Raises:
        ConfigError: a condition has no such form, names no fact, or its value is not of the fact's kind.
    """
    values: dict[str, Any] = {name: value for name, value in given.items() if value}
    for condition in conditions:
        name, equals, value = (part.strip() for part in condition.partition("="))
        if not equals or not value or name not in FACTS:
            raise ConfigError(f"--where {condition!r}: write FACT=VALUE; facts are {', '.join(FACTS)}")
        values[name] = _value(name, value)
    return VoiceFilters(**values)


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - a word, a flag or a range
    if name in RANGES:
        low, dots, high = text.partition("..")
        try:
            if dots and (low or high):
                return (float(low) if low else None, float(high) if high else None)
        except ValueError:
            pass
        raise ConfigError(f"--where {name}={text}: write a range such as {name}=80..140, {name}=80.. or {name}=..140")
    if FACTS[name] is None:
        if text.lower() not in FLAGS:
            raise ConfigError(f"--where {name}={text}: write yes or no")
        return FLAGS[text.lower()]
    return text
