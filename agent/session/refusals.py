"""What a disk or a database refuses, as an error of ours."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vivavoce.core.errors import SessionError, StoreError

BUSY_S = 10.0  # how long another process may hold the database


@contextmanager
def refusals(path: Path) -> Generator[None]:
    """Tell in one line what could not be read or written.

    Raises:
        SessionError: the work within failed.
    """
    try:
        yield
    except (OSError, sqlite3.Error, StoreError) as error:
        raise SessionError(
            f"{path}: sessions cannot be kept ({error or type(error).__name__}); free the disk, or move the file away"
        ) from error
