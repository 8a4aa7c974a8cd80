"""A file to a document: txt, md, rst, html, pdf, docx, csv, jsonl, source code and manual pages, also compressed by gz.

Everything read here is untrusted. Sizes are looked at before anything is read or inflated, and formats with parsers that
could be led astray are parsed in a process of its own (`isolation`).
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Document, Limits, Section
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.finding import UNKNOWN, Format, find_files, format_of, inflate, read_bytes
from vivavoce.retrieval.documents.formats.man import is_manual, read_man
from vivavoce.retrieval.documents.formats.rows import read_csv, read_jsonl
from vivavoce.retrieval.documents.formats.text import read_code, read_rst, read_text
from vivavoce.retrieval.documents.isolation import ParserProcess, Reader

__all__ = ["Document", "Limits", "Section", "find_files", "load", "read"]

IN_PROCESS: dict[Format, Reader] = {
    "text": read_text,
    "rst": read_rst,
    "code": read_code,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "man": read_man,
}
HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,1000}?-->\s*)?<(?:!doctype\s+html|html)\b",
    re.IGNORECASE | re.DOTALL,
)
SCAN = "if it is a scan, run it through text recognition (OCR) first"
GZIP, ZIP, PDF = b"\x1f\x8b", b"PK\x03\x04", b"%PDF-"

_parsers = ParserProcess()


def load(path: Path, limits: Limits = Limits()) -> Document:  # noqa: B008 - frozen
    """Read a file. Blocking.

    Raises:
        DocumentError: it is missing, too large, of another kind, damaged, hostile, or holds no text.
    """
    try:
        if format_of(path.name) is None:
            raise DocumentError(UNKNOWN if path.exists() else "no such file")
        data = read_bytes(path, limits.bytes)
    except DocumentError as error:
        raise DocumentError(f"{shown(str(path))}: {error}") from error
    return read(data, str(path), limits)


def read(data: bytes, name: str, limits: Limits = Limits()) -> Document:  # noqa: B008 - frozen
    """Read what is in memory already. Blocking.

    name: of the file or the address of the page; its ending tells the kind, the content where the ending does not.

    Raises:
        DocumentError: see `load`.
    """
    try:
        file_name = _file_name(name)
        if data.startswith(GZIP):
            data, file_name = inflate(data, limits.bytes), file_name.removesuffix(".gz")
        if len(data) > limits.bytes:
            raise DocumentError(f"is larger than {limits.bytes} bytes; split it")
        form = _format(data, file_name)
        document = _parsed(form, data, file_name, limits)
        if not document.sections:
            raise DocumentError(f"holds no text; {SCAN if form == 'pdf' else 'leave it out'}")
    except DocumentError as error:
        raise DocumentError(f"{shown(name)}: {error}") from error
    ending = Path(file_name).suffix.lower().removeprefix(".")
    kind = ending if form == format_of(file_name) and form != "man" and ending else form
    return Document(document.title, document.sections, {"kind": kind, **document.metadata})


def shown(name: str) -> str:
    """A name from outside, as one line that can be printed."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _parsed(kind: Format, data: bytes, name: str, limits: Limits) -> Document:
    reader = IN_PROCESS.get(kind)
    return reader(data, name, limits) if reader else _parsers.read(kind, data, shown(name), limits)


def _file_name(name: str) -> str:
    if "://" not in name:
        return Path(name).name
    try:
        address = urlsplit(name)
    except ValueError:
        return "page"
    return Path(address.path).name or address.netloc or "page"


def _format(data: bytes, name: str) -> Format:
    """The content's own mark first, then the name."""
    kind = format_of(name)
    if data[:1024].lstrip().startswith(PDF):
        return "pdf"
    if kind in (None, "code", "man") and HTML_START.match(data[:4096]):
        return "html"
    if kind is None and data.startswith(ZIP) and b"word/" in data:
        return "docx"
    if kind == "man" or kind is None:
        return "man" if is_manual(decode(data)) else "text"
    return kind
