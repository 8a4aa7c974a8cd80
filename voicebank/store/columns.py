"""The facts of all records as columns, so that filters and rankings are array operations.

On disk a row has a fixed width (append-only, see `core.store.rows`); words stand as codes, whose vocabulary the
catalogue holds. Code 0 is always the empty word.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.store.vector_index import Mask
from vivavoce.core.voice import Acoustics, VoiceEntry, VoiceFacts, VoiceFilters

CATEGORIES = (
    "gender",
    "age",
    "language",
    "accent",
    "style",
    "emotion",
    "pitch",
    "speed",
    "speaker",
    "licence",
    "source",
)
FLAGS = ("synthetic", "do_not_clone", "has_permission")
NUMBERS = ("duration_s", "sample_rate", "f0_hz", "f0_range_st", "rate_hz", "loudness_lufs", "snr_db")
SEVERAL = ("accent", "style", "emotion")  # may hold several words divided by commas
ROW = np.dtype([(c, "<u4") for c in CATEGORIES] + [(f, "<u1") for f in FLAGS] + [(n, "<f4") for n in NUMBERS])
STATED, MEASURED = (frozenset(field.name for field in fields(part)) for part in (VoiceFacts, Acoustics))

Vocabulary = Callable[[str], list[str]]  # words of a category by their codes


def value_of(record: VoiceEntry, column: str) -> Any:  # noqa: ANN401 - a word, a flag or a number
    """What stands in a column for a record; None where unknown."""
    return getattr(record.facts if column in STATED else record.acoustics if column in MEASURED else record, column)


def pack(records: Iterable[VoiceEntry], code: Callable[[str, str], int]) -> NDArray[Any]:
    """Rows (N,) of `ROW`; code: the number of a word of a category."""
    rows: list[tuple[Any, ...]] = []
    for record in records:
        words = [code(column, value_of(record, column)) for column in CATEGORIES]
        flags = [bool(value_of(record, column)) for column in FLAGS]
        numbers = [np.nan if (value := value_of(record, column)) is None else value for column in NUMBERS]
        rows.append((*words, *flags, *numbers))
    return np.array(rows, ROW)


class Columns:
    """Columns in memory, each (R,)."""

    def __init__(self, columns: Mapping[str, NDArray[Any]] | None = None) -> None:
        self._columns = columns or {name: np.zeros(0, ROW[name]) for name in ROW.names or ()}

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._columns[column]

    @property
    def rows(self) -> int:
        """R."""
        return self._columns[FLAGS[0]].size

    def extended(self, rows: NDArray[Any]) -> "Columns":
        """These rows and more."""
        return Columns({name: np.concatenate([old, rows[name]]) for name, old in self._columns.items()})

    def passing(self, filters: VoiceFilters | None, words: Vocabulary, mask: Mask) -> Mask:
        """The rows of ``mask`` that meet exact conditions."""
        if filters is None:
            return mask
        for column in CATEGORIES:
            if wanted := getattr(filters, column):
                met = np.array([_meets(column, word, wanted) for word in words(column)], bool)
                mask = mask & met[self[column]]
        if filters.synthetic is not None:
            mask = mask & (self["synthetic"] == filters.synthetic)
        if filters.may_be_spoken is not None:
            mask = mask & (self["do_not_clone"] != filters.may_be_spoken)
        for column in NUMBERS:
            if (bounds := getattr(filters, column)) is not None:
                mask = mask & _within(self[column], *bounds)
        return mask


def passes(record: VoiceEntry, filters: VoiceFilters) -> bool:
    """Whether one record meets exact conditions: the same rules, without arrays."""
    words: Mapping[str, str] = {column: getattr(filters, column) for column in CATEGORIES}
    if any(wanted and not _meets(column, value_of(record, column), wanted) for column, wanted in words.items()):
        return False
    if filters.synthetic not in (None, record.synthetic) or filters.may_be_spoken not in (None, not record.do_not_clone):
        return False
    for column in NUMBERS:
        if (bounds := getattr(filters, column)) is not None:
            value = value_of(record, column)
            if value is None or not _within(np.array([value], np.float32), *bounds)[0]:
                return False
    return True


def _meets(column: str, word: str, wanted: str) -> bool:
    word, wanted = word.lower(), wanted.lower().strip()
    if column == "language":
        return word == wanted or word.startswith(f"{wanted}-")
    if column in SEVERAL:
        return wanted in [part.strip() for part in word.split(",")]
    return word == wanted


def _within(values: NDArray[Any], low: float | None, high: float | None) -> Mask:
    known = ~np.isnan(values)
    if low is not None:
        known &= values >= np.float32(low)
    if high is not None:
        known &= values <= np.float32(high)
    return known
