"""Rows of features of which most are zero, without the second that importing scikit-learn takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import mmh3
import numpy as np
from numpy.typing import NDArray

from vivavoce.core.protocols import FloatMatrix
from vivavoce.model.embedded.routing.keeping import Arrays


@dataclass(frozen=True, slots=True)
class SparseRows:
    """width: columns of the matrix. columns, values: of each row those that are not zero, each column once."""

    width: int
    columns: Sequence[NDArray[np.int64]]
    values: Sequence[NDArray[np.float64]]

    @staticmethod
    def hashed(rows: Sequence[Iterable[str]], width: int) -> "SparseRows":
        """Names of features as columns, by signed hashing (Weinberger et al. 2009), as scikit-learn's FeatureHasher does."""
        columns: list[NDArray[np.int64]] = []
        values: list[NDArray[np.float64]] = []
        for names in rows:
            found: dict[int, float] = {}
            for name in names:
                number = mmh3.hash(name.encode("utf-8", "replace"))
                found[abs(number) % width] = found.get(abs(number) % width, 0.0) + (1.0 if number >= 0 else -1.0)
            taken = sorted(found)
            columns.append(np.array(taken, np.int64))
            values.append(np.array([found[column] for column in taken], np.float64))
        return SparseRows(width, columns, values)

    @staticmethod
    def joined(parts: Sequence["SparseRows"]) -> "SparseRows":
        """Rows of one width, one part after the other."""
        columns = [row for part in parts for row in part.columns]
        return SparseRows(parts[0].width, columns, [row for part in parts for row in part.values])

    @staticmethod
    def of(arrays: Arrays, width: int) -> "SparseRows":
        """What was stored of rows of this width.

        Raises:
            KeyError, ValueError: it is not that.
        """
        columns, values = arrays["columns"].astype(np.int64), arrays["values"].astype(np.float64)
        ends = np.cumsum(arrays["lengths"])
        if not ends[-1] == len(columns) == len(values) or np.any((columns < 0) | (columns >= width)):
            raise ValueError("these are no such rows")
        return SparseRows(width, np.split(columns, ends[:-1]), np.split(values, ends[:-1]))

    @property
    def arrays(self) -> Arrays:
        """What `of` reads."""
        columns, values = np.concatenate(self.columns), np.concatenate(self.values)
        lengths = np.array([len(row) for row in self.columns])
        return {"columns": columns.astype(np.int32), "values": values.astype(np.float32), "lengths": lengths}

    def of_length(self, length: float) -> "SparseRows":
        """The same directions; a row of zeros stays as it is."""
        scaled = [row * (length / (float(np.linalg.norm(row)) or 1.0)) for row in self.values]
        return SparseRows(self.width, self.columns, scaled)

    def after(self, dense: FloatMatrix) -> "SparseRows":
        """Further columns, after those of a matrix (rows, its width)."""
        before = [np.flatnonzero(row) for row in dense]
        columns = [np.concatenate([left, dense.shape[1] + right]) for left, right in zip(before, self.columns, strict=True)]
        values = [np.concatenate([row[at], own]) for row, at, own in zip(dense, before, self.values, strict=True)]
        return SparseRows(dense.shape[1] + self.width, columns, values)

    def times(self, weights: FloatMatrix) -> FloatMatrix:
        """The product with weights of labels (labels, width): (rows, labels)."""
        products = [weights[:, row] @ values for row, values in zip(self.columns, self.values, strict=True)]
        return np.asarray(products, np.float32)

    def dense(self) -> FloatMatrix:
        """The same with its zeros: (rows, width)."""
        rows = np.zeros((len(self.columns), self.width), np.float32)
        for row, at, values in zip(rows, self.columns, self.values, strict=True):
            row[at] = values
        return rows

    def matrix(self) -> Any:  # noqa: ANN401 - scipy has no types
        """As scikit-learn learns from it."""
        from scipy.sparse import csr_matrix

        ends = np.cumsum([0, *map(len, self.columns)])
        shape = (len(self.columns), self.width)
        return csr_matrix((np.concatenate(self.values), np.concatenate(self.columns), ends), shape)
