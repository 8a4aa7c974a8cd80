"""Files of sets and manifests, which others wrote: read within a limit; where one is wrong, one line says what and where."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vivavoce.core.errors import ConfigError, reason

SHORT_BYTES = 1 << 20  # of a set that is one JSON object
TABLE_BYTES = 10_000_000

M = TypeVar("M", bound=BaseModel)


def text_of(path: Path, most_bytes: int, wrong: str, advice: str) -> str:
    """The text of a UTF-8 file, with or without a byte order mark. wrong, advice: what the error says where it has none.

    Raises:
        ConfigError: it cannot be read, is larger than ``most_bytes``, or is no UTF-8.
    """
    try:
        if path.stat().st_size > most_bytes:
            raise ConfigError(f"{path} is larger than {most_bytes / 1e6:.6g} MB; divide it or give another file")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{wrong} ({reason(error)}); {advice}") from error


def lines_of(text: str, name: object) -> Iterator[tuple[str, str]]:
    """Lines that are not empty, each with its place for errors: "<name>, line 3"."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{name}, line {number}", line.rstrip("\r")


def rows_of(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Fields of a table's rows, which tabs divide, each row with its place for errors; lines that begin with # say nothing.

    Raises:
        ConfigError: as `text_of`.
    """
    for where, line in lines_of(text_of(path, TABLE_BYTES, f"{path} cannot be read", "give a table"), path.name):
        if not line.startswith("#"):
            yield where, line.split("\t")


def json_of(text: str, where: str) -> Any:  # noqa: ANN401 - any JSON
    """A JSON value.

    Raises:
        ConfigError: it is none, or nested too deep; names its place.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: no JSON ({reason(error)})") from error


def checked(kind: type[M], text: str, where: str) -> M:
    """A JSON object of one kind.

    Raises:
        ConfigError: it is not of this kind; names its place and the field.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the object"
        raise ConfigError(f"{where}: {field}: {first['msg']}; correct it") from error


def read_json_set(kind: type[M], name: str, own: str, own_file: Path) -> tuple[M, Path]:
    """The set that comes with a lab under the name ``own``, or the user's own at a path; and where it stands.

    Raises:
        ConfigError: there is no such file, or it is not of this kind; names the field.
    """
    path = own_file if name == own else Path(name)
    text = text_of(path, SHORT_BYTES, f"there is no set {name!r}", f"give {own} or the path of a JSON file")
    return checked(kind, text, name), path
