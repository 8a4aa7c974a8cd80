"""What was added and removed, one line each: the second copy of a catalogue, from which it can be made again.

A line is a checksum, a space and JSON. A commit line closes a batch; lines after the last one do not count.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vivavoce.core.errors import StoreError, reason
from vivavoce.core.store.manifest import Embedding


@dataclass(frozen=True, slots=True)
class Commit:
    """One batch. first: number of its first row. added: JSON of each row. removed: rows that left.

    heads: JSON of what stands for no row, such as the documents that rows belong to. sums: SHA-256 of the rows by file.
    models: what made the vectors, by space.
    """

    number: int
    first: int
    added: tuple[str, ...] = ()
    removed: tuple[int, ...] = ()
    sums: dict[str, str] = field(default_factory=dict[str, str])
    models: dict[str, Embedding] = field(default_factory=dict[str, Embedding])
    heads: tuple[str, ...] = ()


def checksum(text: str) -> str:
    """The first 16 hex digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def append(path: Path, at: int, commit: Commit) -> int:
    """Write a batch after the ``at`` committed bytes, synced; the new length.

    Raises:
        StoreError: the disk is full or read-only.
    """
    data = "".join(f"{checksum(line)} {line}\n" for line in _lines(commit)).encode()
    try:
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise StoreError(f"cannot write {path}: {reason(error)}; free space or check rights") from error
    return at + len(data)


def _lines(commit: Commit) -> Iterator[str]:
    yield from commit.heads
    yield from commit.added
    models = {space: [made_by.model, made_by.dimension] for space, made_by in commit.models.items()}
    closing: dict[str, Any] = {
        "commit": commit.number,
        "first": commit.first,
        "removed": commit.removed,
        "sums": commit.sums,
        "models": models,
    }
    yield json.dumps(closing | ({"heads": len(commit.heads)} if commit.heads else {}))


def read(path: Path, length: int | None = None) -> Iterator[Commit]:
    """Whole batches in order, up to the first damaged line.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        data = path.read_bytes()[:length]
    except (FileNotFoundError, IsADirectoryError):
        return
    except OSError as error:
        raise StoreError(f"cannot read {path}: {reason(error)}; check its rights") from error
    yield from _batches(data.split(b"\n")[:-1])


def _batches(lines: Iterable[bytes]) -> Iterator[Commit]:
    texts: list[str] = []
    for line in lines:
        try:
            text = line[17:].decode()
            if line[:17].decode() != f"{checksum(text)} ":
                return
            if not text.startswith('{"commit": '):
                texts.append(text)
                continue
            yield _closed(json.loads(text), texts)
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        texts.clear()


def _closed(closing: Any, texts: list[str]) -> Commit:  # noqa: ANN401 - JSON
    heads = int(closing.get("heads", 0))
    models = {space: Embedding(name, int(size)) for space, (name, size) in closing["models"].items()}
    removed = tuple(int(row) for row in closing["removed"])
    return Commit(
        int(closing["commit"]),
        int(closing["first"]),
        tuple(texts[heads:]),
        removed,
        dict(closing["sums"]),
        models,
        tuple(texts[:heads]),
    )
