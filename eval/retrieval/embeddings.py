"""Embeddings that are computed once: a measurement that is repeated should not wait ten minutes for the same vectors."""

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

import numpy as np

from vivavoce.core.errors import StoreError, reason
from vivavoce.core.protocols import FloatMatrix, TextEmbedder

AT_ONCE = 512


class CountingEmbedder(TextEmbedder, Protocol):
    """An embedder that tells how long a text is for it; cutting documents into passages asks."""

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without those that the model adds."""
        ...

    def reads(self, text: str) -> bool:
        """Whether it understands a text."""
        ...


class RememberingEmbedder:
    """Implements `CountingEmbedder` by another one, whose vectors are kept in a file by hash of the text.

    Vectors of another embedder are not mixed in: its id is part of the hash.
    """

    def __init__(self, embedder: CountingEmbedder, path: Path) -> None:
        self._embedder = embedder
        self._path = path

    @property
    def id(self) -> str:
        """That of the embedder behind it, since its vectors are the same."""
        return self._embedder.id

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._embedder.dimension

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """See `TextEmbedder.embed`.

        Raises:
            StoreError: the file cannot be read or written.
        """
        keys = [self._key(text) for text in texts]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=30.0)) as kept:
                kept.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")
                known = {key: found for key in keys if (found := self._known(kept, key)) is not None}
                self._add(kept, {key: text for key, text in zip(keys, texts, strict=True) if key not in known}, known)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"embeddings cannot be kept in {self._path}: {reason(error)}; delete it and try again"
            ) from error
        return np.stack([known[key] for key in keys]) if keys else np.zeros((0, self.dimension), np.float32)

    def count_tokens(self, text: str) -> int:
        """See `CountingEmbedder.count_tokens`."""
        return self._embedder.count_tokens(text)

    def reads(self, text: str) -> bool:
        """See `CountingEmbedder.reads`."""
        return self._embedder.reads(text)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._embedder.id}\0{text}".encode(errors="surrogatepass")).digest()

    def _known(self, kept: sqlite3.Connection, key: bytes) -> FloatMatrix | None:
        row = kept.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        vector = np.frombuffer(row[0], np.float32) if row else None
        return vector if vector is not None and vector.size == self.dimension else None

    def _add(self, kept: sqlite3.Connection, missing: dict[bytes, str], known: dict[bytes, FloatMatrix]) -> None:
        # By length, since a batch takes as long as its longest text asks for.
        waiting = sorted(missing.items(), key=lambda item: len(item[1]))
        for start in range(0, len(waiting), AT_ONCE):
            batch = waiting[start : start + AT_ONCE]
            vectors = self._embedder.embed([text for _, text in batch])
            known.update(zip([key for key, _ in batch], vectors, strict=True))
            rows = [(key, vector.tobytes()) for (key, _), vector in zip(batch, vectors, strict=True)]
            kept.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            kept.commit()
