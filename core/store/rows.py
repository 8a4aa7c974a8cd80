"""Append-only files of rows of one width. What lies beyond the committed rows is left over from a crash and ignored."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.errors import StoreCorrupt, StoreError, reason


class RowFile:
    """Rows of a numpy type and shape. dtype, shape: of one row. advice: what to do about damage."""

    def __init__(self, path: Path, dtype: np.dtype[Any], shape: tuple[int, ...] = (), *, advice: str) -> None:
        self.path = path
        self._dtype, self._shape = dtype, shape
        self._width = int(dtype.itemsize * np.prod(shape, dtype=int))
        self._advice = advice

    def append(self, first: int, rows: NDArray[Any]) -> str:
        """Write rows after the ``first`` committed ones, synced to the disk; the SHA-256 of what was written.

        Raises:
            StoreError: the disk is full or read-only. StoreCorrupt: committed rows are missing.
        """
        data = np.ascontiguousarray(rows, self._dtype).tobytes()
        try:
            with self.path.open("r+b" if self.path.exists() else "w+b") as file:
                if file.seek(0, os.SEEK_END) < first * self._width:
                    raise StoreCorrupt(f"{self.path} is shorter than its {first} rows; {self._advice}")
                file.truncate(first * self._width)
                file.seek(first * self._width)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {reason(error)}; free space or check rights") from error
        return hashlib.sha256(data).hexdigest()

    def read(self, rows: int, first: int = 0) -> NDArray[Any]:
        """Committed rows as a read-only map of the file.

        Raises:
            StoreCorrupt: the file is missing or too short.
        """
        count = rows - first
        if count == 0 or self._width == 0:
            return np.zeros((count, *self._shape), self._dtype)
        try:
            if self.path.stat().st_size < rows * self._width and not self.path.is_dir():
                raise StoreCorrupt(f"{self.path} is cut short; {self._advice}")
            # A plain array over the map: slicing np.memmap costs microseconds each time.
            whole = np.memmap(self.path, self._dtype, "r", offset=first * self._width, shape=(count, *self._shape))
            return np.asarray(whole)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise StoreCorrupt(f"{self.path} is missing; {self._advice}") from error
        except OSError as error:
            raise StoreError(f"cannot read {self.path}: {reason(error)}; check its rights") from error

    def checksum(self, first: int, count: int) -> str:
        """SHA-256 of some committed rows.

        Raises:
            StoreCorrupt: the file is missing or too short.
        """
        return hashlib.sha256(self.read(first + count, first).tobytes()).hexdigest()
