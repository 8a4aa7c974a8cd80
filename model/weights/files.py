"""Files on disk: their content, size and hashes."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

BLOCK_BYTES = 1 << 20

Progress = Callable[[int, int], None]  # told bytes done and bytes in all


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def bytes_of(paths: Iterable[Path]) -> int:
    """Bytes of files together; one that a pull elsewhere has just renamed counts as nothing."""
    total = 0
    for path in paths:
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def blocks_of(path: Path) -> Iterator[bytes]:
    """A file's content, a block at a time."""
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob_of(path: Path) -> str:
    """The name git gives a file's content, by which a hub knows small files."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()
