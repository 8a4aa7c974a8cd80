"""Writes that are whole or absent, and locks between processes."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from vivavoce.core.errors import StoreError, VivavoceError


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file by temporary file, fsync and rename.

    Raises:
        StoreError: the disk is full, read-only or the folder cannot be made; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        publish(partial, path)
    except OSError as error:
        discard(partial)
        why = error.strerror or error
        raise StoreError(f"cannot write {path}: {why}; free space or choose another place") from error


def publish(partial: Path, path: Path) -> None:
    """Rename a finished, synced file into place and sync its folder."""
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def discard(path: Path) -> None:
    """Remove a file that may not exist, on a disk that may refuse."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


@contextmanager
def exclusive(path: Path, busy: str, error: type[VivavoceError] = StoreError, timeout_s: float = 10.0) -> Generator[None]:
    """Hold the lock file at ``path``, shared by all processes; it is freed when a process dies.

    Raises:
        error: with the text ``busy`` when another process keeps the lock for ``timeout_s``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=timeout_s)
        lock.acquire()
    except Timeout as timeout:
        raise error(busy) from timeout
    except OSError as refused:
        raise StoreError(f"cannot lock {path}: {refused.strerror or refused}; is the disk read-only?") from refused
    try:
        yield
    finally:
        lock.release()
