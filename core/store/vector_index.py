"""The nearest of unit vectors. Exact here; indexes for many vectors come from `LargeIndexes`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]
Found = tuple[Rows, Vector]  # rows and cosines, best first
Progress = Callable[[str], None]  # told what is being done


@dataclass(frozen=True, slots=True)
class Probing:
    """How many lists of an inverted file a search looks into.

    few: enough for what lies close to vectors that are there, as another clip of one of the speakers. many: enough for
    what lies between them, as a clip of nobody in the bank. sure: cosine of the tenth hit from which few were enough.
    """

    few: int
    many: int
    sure: float


class VectorIndex(Protocol):
    """Finds the nearest of unit vectors. A remote index would be another implementation."""

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """The ``k`` nearest of the rows where ``allowed`` (R,) is true, fewer when there are fewer. query: (D,)."""
        ...

    def cosines(self, query: Vector, rows: Rows) -> Vector:
        """Inner products with the vectors of some rows, (N,)."""
        ...


class LargeIndexes(Protocol):
    """Makes indexes of many vectors and reads them back from files; `vivavoce.vectors` does it by FAISS."""

    @property
    def exact_rows(self) -> int:
        """Up to so many rows a scan is as fast."""
        ...

    def build(self, vectors: Matrix, allowed: Mask, progress: Progress | None = None) -> tuple[Any, Probing, float]:
        """An index over all rows, the lists to look into, and the recall at 10 that was measured with them."""
        ...

    def extend(self, index: Any, vectors: Matrix) -> None:  # noqa: ANN401 - its own kind
        """Take in the rows that an index does not have yet."""
        ...

    def serialised(self, index: Any) -> bytes:  # noqa: ANN401
        """An index as the bytes of its file."""
        ...

    def read(self, path: Path) -> Any:  # noqa: ANN401
        """An index from its file, whose checksum the caller has compared.

        Raises:
            RuntimeError: it cannot be read.
        """
        ...

    def searcher(self, vectors: Matrix, index: Any, probing: Probing, lock: Lock) -> VectorIndex:  # noqa: ANN401
        """What searches an index and, exactly, the rows behind its last. lock: held while the index is extended."""
        ...


class ExactIndex:
    """Compares with every allowed vector. vectors: unit, float32 (R, D); may be a map of a file."""

    def __init__(self, vectors: Matrix) -> None:
        self._vectors = vectors

    def search(self, query: Vector, k: int, allowed: Mask) -> Found:
        """See `VectorIndex`."""
        rows = np.flatnonzero(allowed)
        return best(rows, self.cosines(query, rows), k)

    def cosines(self, query: Vector, rows: Rows) -> Vector:
        """See `VectorIndex`."""
        if rows.size * 4 > self._vectors.shape[0]:  # reading all in order beats gathering most of them
            return (self._vectors @ query)[rows]
        return self._vectors[rows] @ query


def best(rows: Rows, scores: Vector, k: int) -> Found:
    """The ``k`` rows of the highest score, best first, equal ones by row."""
    if rows.size > 4 * k:
        kept = np.argpartition(-scores, k)[: k + 1]
        kept = np.flatnonzero(scores >= scores[kept].min())  # all that tie with the last
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]
