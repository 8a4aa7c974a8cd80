"""Writes that are whole or absent, and locks between processes."""

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from filelock import FileLock, Timeout

from vivavoce.core.errors import StoreError, VivavoceError, reason


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file by temporary file, fsync and rename. mode: who may read and write it, less what the process forbids.

    Raises:
        StoreError: the disk is full, read-only or the folder cannot be made; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(mode)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        publish(partial, path)
    except OSError as error:
        discard(partial)
        raise StoreError(f"cannot write {path}: {reason(error)}; free space or choose another place") from error


def publish(partial: Path, path: Path) -> None:
    """Rename a finished, synced file into place and sync its folder."""
    partial.replace(path)
    sync_folder(path.parent)


def discard(path: Path) -> None:
    """Remove a file that may not exist, on a disk that may refuse."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def remove_wholly(path: Path) -> None:
    """Delete a file or a folder with all in it, on a disk that may refuse."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        discard(path)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder reach the disk; on file systems that have no such thing nothing happens.

    Raises:
        OSError: the disk failed.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def private_folder(path: Path) -> None:
    """A folder that only its owner may look into; made where it is missing.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.stat().st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StoreError(f"cannot make {path}: {reason(error)}; choose another place") from error


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
        raise StoreError(f"cannot lock {path}: {reason(refused)}; is the disk read-only?") from refused
    try:
        yield
    finally:
        lock.release()
