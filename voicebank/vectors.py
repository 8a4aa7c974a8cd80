"""Vectors kept beside the manifest, so that a search embeds only the query.

A file is a numpy archive (no pickle) of keys, vectors, the embedder's id and a checksum. It is a cache: whatever is
wrong with it, it is made again.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import StoreError

CACHE_VERSION = "1"

Matrix = NDArray[np.float32]


def cached_vectors(
    path: Path, embedder: str, dimension: int, keys: Sequence[str], compute: Callable[[Sequence[int]], Matrix]
) -> Matrix:
    """One row per key, float32 (len(keys), dimension).

    keys: content hashes of what is embedded. compute: vectors for the positions that the cache does not know.
    """
    known = _read(path, embedder, dimension)
    missing = [position for position, key in enumerate(keys) if key not in known]
    if missing:
        for position, row in zip(missing, compute(missing), strict=True):
            known[keys[position]] = row
    matrix = np.asarray([known[key] for key in keys], np.float32).reshape(len(keys), dimension)
    if missing:
        # A bank on a read-only disk can still be searched, only slower.
        with suppress(StoreError):
            write_atomic(path, _pack(embedder, keys, matrix))
    return matrix


def _pack(embedder: str, keys: Sequence[str], matrix: Matrix) -> bytes:
    buffer = io.BytesIO()
    names = np.asarray([CACHE_VERSION, embedder, _checksum(keys, matrix)])
    np.savez(buffer, header=names, keys=np.asarray(keys), vectors=matrix)
    return buffer.getvalue()


def _read(path: Path, embedder: str, dimension: int) -> dict[str, Matrix]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            header, keys, matrix = (archive[name] for name in ("header", "keys", "vectors"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}
    names = [str(key) for key in keys]
    if matrix.dtype != np.float32 or matrix.shape != (len(names), dimension):
        return {}
    if [str(item) for item in header] != [CACHE_VERSION, embedder, _checksum(names, matrix)]:
        return {}
    return dict(zip(names, matrix, strict=True))


def _checksum(keys: Sequence[str], matrix: Matrix) -> str:
    return hashlib.sha256("\n".join(keys).encode() + matrix.tobytes()).hexdigest()
