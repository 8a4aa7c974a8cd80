"""The facts of all entries as columns, so that filters and rankings are array operations.

On disk a row is one fixed-width record (append-only, see `core.store.rows`); words stand as codes, whose vocabulary the
catalogue holds. Code 0 is always the empty word.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.store.vector_index import Mask
from vivavoce.core.voice import VoiceEntry, VoiceFilters

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
RECORD = np.dtype([(c, "<u4") for c in CATEGORIES] + [(f, "<u1") for f in FLAGS] + [(n, "<f4") for n in NUMBERS])

Vocabulary = Callable[[str], list[str]]  # words of a category by their codes


def value_of(entry: VoiceEntry, column: str) -> Any:  # noqa: ANN401 - a word, a flag or a number
    """What stands in a column for an entry; None where unknown."""
    for holder in (entry.facts, entry.acoustics, entry):
        if hasattr(holder, column):
            return getattr(holder, column)
    raise KeyError(column)


def pack(entries: Iterable[VoiceEntry], code: Callable[[str, str], int]) -> NDArray[Any]:
    """Records (N,) of `RECORD`; code: the number of a word of a category."""
    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        words = [code(column, value_of(entry, column)) for column in CATEGORIES]
        flags = [bool(value_of(entry, column)) for column in FLAGS]
        numbers = [np.nan if (value := value_of(entry, column)) is None else value for column in NUMBERS]
        rows.append((*words, *flags, *numbers))
    return np.array(rows, RECORD)


class Columns:
    """Columns in memory, each (R,)."""

    def __init__(self, records: NDArray[Any]) -> None:
        self._columns = {name: np.ascontiguousarray(records[name]) for name in RECORD.names or ()}

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._columns[column]

    def extended(self, records: NDArray[Any]) -> "Columns":
        """These rows and more."""
        longer = Columns(records[:0])
        longer._columns = {name: np.concatenate([old, records[name]]) for name, old in self._columns.items()}
        return longer

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


def passes(entry: VoiceEntry, filters: VoiceFilters) -> bool:
    """Whether one entry meets exact conditions: the same rules, without arrays."""
    words: Mapping[str, str] = {column: getattr(filters, column) for column in CATEGORIES}
    if any(wanted and not _meets(column, value_of(entry, column), wanted) for column, wanted in words.items()):
        return False
    if filters.synthetic not in (None, entry.synthetic) or filters.may_be_spoken not in (None, not entry.do_not_clone):
        return False
    for column in NUMBERS:
        if (bounds := getattr(filters, column)) is not None:
            value = value_of(entry, column)
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
