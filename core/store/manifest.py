"""``manifest.json``: which generation of a collection counts, what its vectors were made by, and its sealed files."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import StoreCorrupt, StoreError, reason

VERSION = 2


@dataclass(frozen=True, slots=True)
class Embedding:
    """What makes the vectors of a space; no model means that there are none. dimension: length of a vector."""

    model: str | None = None
    dimension: int = 0


@dataclass(frozen=True, slots=True)
class SealedIndex:
    """An index file over the first rows of a space.

    learnt: rows when its lists were learnt. few, many, sure: see `Probing`; recall: measured at 10 with that.
    """

    file: str
    rows: int
    sha256: str
    learnt: int
    few: int
    many: int
    sure: float
    recall: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Names the current generation. embeddings, indexes: by space."""

    generation: int
    embeddings: dict[str, Embedding] = field(default_factory=dict[str, Embedding])
    indexes: dict[str, SealedIndex] = field(default_factory=dict[str, SealedIndex])


def save(path: Path, manifest: Manifest) -> None:
    """Publish a manifest, whole or not at all.

    Raises:
        StoreError: the disk is full or read-only.
    """
    body = asdict(manifest)
    whole = {"version": VERSION, "sha256": _checksum(body), "manifest": body}
    write_atomic(path, json.dumps(whole, indent=1).encode())


def load(path: Path, advice: str) -> Manifest | None:
    """The manifest, or None where there is none. advice: what to do about damage.

    Raises:
        StoreCorrupt: it is damaged, or of another version. StoreError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError as error:
        raise StoreCorrupt(f"{path} is a folder; {advice}") from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {reason(error)}; check its rights") from error
    try:
        whole: Any = json.loads(data)
        _check_version(path, version := whole["version"])
        body, sha = whole["manifest"], whole["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreCorrupt(f"{path} is damaged (no manifest); {advice}") from error
    if version != VERSION or sha != _checksum(body):
        raise StoreCorrupt(f"{path} is damaged (checksum); {advice}")
    try:
        return TypeAdapter(Manifest).validate_python(body)
    except ValidationError as error:
        raise StoreCorrupt(f"{path} is damaged ({error.error_count()} wrong fields); {advice}") from error


def check_version(path: Path) -> None:
    """Look at nothing else of a manifest that may be damaged.

    Raises:
        StoreCorrupt: it is of another version.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        _check_version(path, json.loads(path.read_bytes())["version"])


def _check_version(path: Path, version: Any) -> None:  # noqa: ANN401 - whatever a damaged file holds
    if isinstance(version, int) and version != VERSION:
        todo = "use the program that wrote it" if version > VERSION else f"move {path.parent} away and make it again"
        raise StoreCorrupt(f"{path} is of version {version}, this program reads {VERSION}; {todo}")


def _checksum(body: Any) -> str:  # noqa: ANN401 - JSON
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
