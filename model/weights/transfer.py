"""Files over HTTP: resumed where they were cut off, limited in size, hashed."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from vivavoce.core.errors import WeightsError

HUB = "https://huggingface.co"
BLOCK_BYTES = 1 << 20
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""


def download(client: httpx.Client, url: str, partial: Path, limit: int, progress: Callable[[int], None]) -> None:
    """Append what is missing of a file to ``partial``; what came stays for the next try.

    limit: largest size, bytes. progress: called with the bytes that are there.

    Raises:
        httpx.HTTPError: the server cannot be reached, refuses, or breaks off. WeightsError: it sends too much. OSError: the
        disk refuses.
    """
    start = partial.stat().st_size if partial.is_file() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with client.stream("GET", url, headers=headers) as response:
        if start and response.status_code == RANGE_NOT_SATISFIABLE:
            return  # All of it came before; the checksum decides.
        response.raise_for_status()
        resumed = response.status_code == PARTIAL_CONTENT
        done = start if resumed else 0
        with partial.open("ab" if resumed else "wb") as file:
            try:
                for block in response.iter_bytes():
                    done += len(block)
                    if done > limit:
                        file.truncate(0)
                        raise WeightsError(f"{url} sent more than {limit} bytes; pull again or report it")
                    file.write(block)
                    progress(done)
            finally:
                file.flush()
                os.fsync(file.fileno())


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
    digest = hashlib.sha256()
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()


def git_blob_of(path: Path) -> str:
    """The name git gives a file's content, by which a hub knows small files."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()
