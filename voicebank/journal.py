"""What was added and removed, one line each: the second copy of the catalogue, from which it can be made again.

A line is a checksum, a space and JSON. A commit line closes a batch; lines after the last one do not count.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.entries import checksum, decode, encode
from vivavoce.voicebank.manifest import Embedding


@dataclass(frozen=True, slots=True)
class Commit:
    """One batch. first: number of its first row. removed: rows that left. sums: SHA-256 of its rows by file.

    models: what made its vectors, (model, dimension) by space.
    """

    number: int
    first: int
    added: tuple[VoiceEntry, ...] = ()
    removed: tuple[int, ...] = ()
    sums: dict[str, str] = field(default_factory=dict[str, str])
    models: dict[str, Embedding] = field(default_factory=dict[str, Embedding])


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
        raise StoreError(f"cannot write {path}: {error.strerror or error}; free space or check rights") from error
    return at + len(data)


def _lines(commit: Commit) -> Iterator[str]:
    for entry in commit.added:
        yield encode(entry)
    models = {space: [made_by.model, made_by.dimension] for space, made_by in commit.models.items()}
    closing = {
        "commit": commit.number,
        "first": commit.first,
        "removed": commit.removed,
        "sums": commit.sums,
        "models": models,
    }
    yield json.dumps(closing)


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
        raise StoreError(f"cannot read {path}: {error.strerror or error}; check its rights") from error
    yield from _batches(data.split(b"\n")[:-1])


def _batches(lines: Iterable[bytes]) -> Iterator[Commit]:
    added: list[VoiceEntry] = []
    for line in lines:
        try:
            text = line[17:].decode()
            if line[:17].decode() != f"{checksum(text)} ":
                return
            closing: Any = json.loads(text)
            if "commit" not in closing:
                added.append(decode(text))
                continue
            models = {space: Embedding(name, int(size)) for space, (name, size) in closing["models"].items()}
            removed = tuple(int(row) for row in closing["removed"])
            yield Commit(int(closing["commit"]), int(closing["first"]), tuple(added), removed, dict(closing["sums"]), models)
        except (ValueError, KeyError, TypeError, RecursionError, StoreCorrupt):
            return
        added.clear()
