"""What was learnt once, kept on disk as arrays."""

import logging
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vivavoce.core.durable import discard, write_atomic
from vivavoce.core.errors import StoreError, reason

T = TypeVar("T")
Arrays = Mapping[str, Any]  # of numbers or strings
KEPT = 64  # files that begin alike
logger = logging.getLogger(__name__)


def kept(path: Path, learn: Callable[[], Arrays], use: Callable[[Arrays], T]) -> T:
    """What can be made of the arrays that are stored; else of those that are learnt, and stored for the next time.

    use: raises KeyError or ValueError where they are others than it wants. Of files whose names begin alike only the newest
    are kept. A disk that refuses costs no more than the time to learn.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return use({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        pass  # no such file, or it is damaged; RuntimeError: of compression that the package does not know
    logger.info("learning from examples, once: %s", path.name.split("-")[0])
    learnt = learn()
    buffer = BytesIO()
    np.savez(buffer, **learnt)
    try:
        write_atomic(path, buffer.getvalue())
        alike = path.parent.glob(f"{path.name.split('-')[0]}-*{path.suffix}")
        for old in sorted(alike, key=lambda file: file.stat().st_mtime, reverse=True)[KEPT:]:
            discard(old)
    except (StoreError, OSError) as error:
        logger.warning("what was learnt cannot be kept, so it will be learnt again: %s", reason(error))
    return use(learnt)
