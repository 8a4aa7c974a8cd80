"""Which files are documents, and of what kind; files in folders; bytes out of a file, safely."""

import gzip
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePath
from typing import Literal

from vivavoce.core.errors import DocumentError, reason

Format = Literal["text", "rst", "markdown", "html", "pdf", "docx", "csv", "jsonl", "code", "man"]

CODE = (
    ".py", ".pyi", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp",
    ".java", ".kt", ".go", ".rs", ".rb", ".php", ".swift", ".scala", ".cs", ".lua", ".pl", ".pm", ".r", ".jl", ".hs",
    ".sql", ".sh", ".bash", ".zsh", ".ps1", ".toml", ".yaml", ".yml", ".json", ".ini", ".cfg", ".conf", ".xml",
    ".proto", ".cmake", ".mk", ".tex",
)  # fmt: skip
FORMATS: dict[str, Format] = {
    ".txt": "text", ".text": "text", ".log": "text", ".org": "text", ".adoc": "text", ".rst": "rst",
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx", ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl",
    **dict.fromkeys(CODE, "code"),
}  # fmt: skip
NAMES: dict[str, Format] = {
    **dict.fromkeys(["readme", "license", "licence", "copying", "authors", "news", "changelog", "changes", "todo"], "text"),
    **dict.fromkeys(["makefile", "dockerfile", "justfile"], "code"),
}
RST_SOURCE = ".rst.txt"  # as documentation shows where a page came from
MANUAL = re.compile(r"[^.].*\.[1-9][a-z]{0,4}", re.IGNORECASE)  # ls.1, intro.3pm
PASSED_OVER = frozenset(["node_modules", "__pycache__"])
MAGIC = re.compile(r"[*?\[]")
UNKNOWN = "is of a kind that cannot be read; txt, md, rst, html, pdf, docx, csv, jsonl, source code and manual pages can"


def format_of(name: str) -> Format | None:
    """By the name alone; a compressed file is of the kind that it holds, "name.1" is a manual page."""
    path = PurePath(name)
    if path.suffix.lower() == ".gz":
        path = PurePath(path.stem)
        if path.suffix.lower() in (".pdf", ".docx"):  # compressed already: nobody does that
            return None
    if not path.suffix:
        return NAMES.get(path.name.lower())
    if path.name.lower().endswith(RST_SOURCE):
        return "rst"
    return FORMATS.get(path.suffix.lower()) or ("man" if MANUAL.fullmatch(path.name) else None)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is passed over inside folders."""
    return name.startswith(".") or name in PASSED_OVER


def find_files(paths: Sequence[Path | str], failed: list[tuple[str, str]]) -> list[Path]:
    """Files as they are, folders by their readable files, patterns such as "docs/**/*.md" by what they match; each once.

    Inside folders, links, hidden names, ``node_modules`` and ``__pycache__`` are passed over. failed: gets (path, reason)
    of what is absent, cannot be looked into, or was named and is of another kind.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        if _is(path.is_dir):
            some = _inside(path, failed)
        elif _is(path.exists) or _is(path.is_symlink) or not MAGIC.search(str(path)):
            some = _named(path, failed)
        else:
            some = _matching(path, failed)
        for file in some:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def read_bytes(path: Path, limit: int) -> bytes:
    """All of a regular file, or of the one a link leads to.

    Raises:
        DocumentError: it is absent, no regular file, cannot be read, or holds more than ``limit`` bytes.
    """
    try:
        _check(path.stat(), limit)  # before it is opened: opening a device can have effects
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            _check(os.fstat(file.fileno()), limit)
            data = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DocumentError("no such file") from error
    except (OSError, ValueError) as error:
        raise DocumentError(f"cannot be read ({reason(error)}); look at its permissions") from error
    if len(data) > limit:
        raise DocumentError(_too_large(limit))
    return data


def inflate(data: bytes, limit: int) -> bytes:
    """What a gz file holds, no further than the limit.

    Raises:
        DocumentError: it is damaged, or holds more than ``limit`` bytes.
    """
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            inflated = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DocumentError("is a damaged gz file; compress it again") from error
    if len(inflated) > limit:
        raise DocumentError(_too_large(limit))
    return inflated


def _is(test: Callable[[], bool]) -> bool:
    """What a path is, where the system lets one look."""
    try:
        return test()
    except (OSError, ValueError):
        return False


def _check(status: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise DocumentError("is not a regular file; name files and folders")
    if status.st_size > limit:
        raise DocumentError(_too_large(limit))


def _too_large(limit: int) -> str:
    return f"is larger than {f'{limit // 1_000_000} MB' if limit >= 1_000_000 else f'{limit} bytes'}; split it"


def _named(path: Path, failed: list[tuple[str, str]]) -> Iterator[Path]:
    if not _is(path.exists):
        failed.append((str(path), "no such file"))
    elif not _is(path.is_file):
        failed.append((str(path), "is not a regular file; name files and folders"))
    elif format_of(path.name) is None:
        failed.append((str(path), UNKNOWN))
    else:
        yield path


def _inside(folder: Path, failed: list[tuple[str, str]]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        failed.append((str(error.filename), f"cannot be looked into ({reason(error)}); look at its permissions"))

    for root, folders, files in os.walk(folder, onerror=report):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        paths = (Path(root, name) for name in sorted(files) if not is_hidden(name) and format_of(name))
        for path in paths:
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except OSError as error:
                report(error)


def _matching(pattern: Path, failed: list[tuple[str, str]]) -> Iterator[Path]:
    """The files a pattern matches; links inside are not followed."""
    parts = pattern.parts
    first = next(at for at, part in enumerate(parts) if MAGIC.search(part))
    base, none = Path(*parts[:first]), True
    try:
        for path in sorted(base.glob(str(Path(*parts[first:])))):
            hidden = any(is_hidden(part) for part in path.relative_to(base).parts)
            if not hidden and _is(path.is_file) and not _is(path.is_symlink) and format_of(path.name):
                none = False
                yield path
    except (OSError, ValueError, NotImplementedError) as error:
        failed.append((str(pattern), f"is not a usable pattern ({reason(error)})"))
        return
    if none:
        failed.append((str(pattern), "matches no file that can be read"))
