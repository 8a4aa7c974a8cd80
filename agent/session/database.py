"""How the database of sessions is opened, and what it refuses as an error of ours."""

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vivavoce.core.errors import SessionError, StoreError, reason

BUSY_S = 10.0  # how long another process may hold the database
PRAGMAS = (  # of each connection: what is deleted is gone from the file, and the write-ahead log stays small
    "journal_mode = WAL",
    "secure_delete = ON",
    "wal_autocheckpoint = 200",
    "journal_size_limit = 1000000",
)


@contextmanager
def refusals(path: Path) -> Generator[None]:
    """Tell in one line what could not be read or written.

    Raises:
        SessionError: the work within failed.
    """
    try:
        yield
    except (OSError, sqlite3.Error, StoreError, ValueError) as error:
        is_locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        advice = "another process writes to them; try again" if is_locked else "free the disk, or move the file away"
        raise SessionError(f"{path}: sessions cannot be kept ({reason(error)}); {advice}") from error


def retrieved(work: asyncio.Future[Any]) -> None:
    """Whoever waited for work that failed may be gone, which is nothing to complain of. A callback."""
    if not work.cancelled():
        work.exception()
