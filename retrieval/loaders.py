"""Text and title out of a file: txt, md, html, pdf. Everything read here is untrusted."""

import re
from dataclasses import dataclass
from pathlib import Path

from vivavoce.core.errors import DocumentError

ENDINGS = (".txt", ".md", ".markdown", ".html", ".htm", ".pdf")
MAX_BYTES = 20_000_000
MAX_PAGES = 500
MAX_TITLE_CHARS = 60
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
HTML_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text. location: "page 3" or ""; start_line: its first line in the file, 0 where there are none."""

    text: str
    location: str = ""
    start_line: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text. title: short enough to be spoken."""

    title: str
    sections: tuple[Section, ...]


def load(path: Path) -> Document:
    """Read a file.

    Raises:
        DocumentError: it is missing, too large, of another kind, damaged, or holds no text.
    """
    ending = path.suffix.lower()
    if not path.is_file():
        raise DocumentError(f"{path}: no such file")
    if ending not in ENDINGS:
        raise DocumentError(f"{path}: only {', '.join(ENDINGS)} can be indexed")
    if path.stat().st_size > MAX_BYTES:
        raise DocumentError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; split it")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read ({error.strerror})") from error
    document = _pdf(path) if ending == ".pdf" else _text(path, data, is_html=ending.startswith(".htm"))
    if not any(section.text.strip() for section in document.sections):
        raise DocumentError(f"{path}: holds no text")
    return document


def _text(path: Path, data: bytes, *, is_html: bool) -> Document:
    if b"\x00" in data[:8192]:
        raise DocumentError(f"{path}: is a binary file, not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if not is_html:
        heading = HEADING.search(text) if path.suffix.lower() != ".txt" else None
        return Document(_title(heading.group(1) if heading else "", path), (Section(text, start_line=1),))
    import trafilatura

    title = HTML_TITLE.search(text)
    body = trafilatura.extract(text, include_comments=False, include_tables=True) or ""
    return Document(_title(title.group(1) if title else "", path), (Section(body),))


def _pdf(path: Path) -> Document:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(path)
        if len(reader.pages) > MAX_PAGES:
            raise DocumentError(f"{path}: more than {MAX_PAGES} pages; split it")
        pages = [Section(page.extract_text(), f"page {n}") for n, page in enumerate(reader.pages, 1)]
        title = str(reader.metadata.title or "") if reader.metadata else ""
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise DocumentError(f"{path}: not a readable PDF ({type(error).__name__})") from error
    return Document(_title(title, path), tuple(pages))


def _title(found: str, path: Path) -> str:
    title = " ".join(found.split()) or path.stem.replace("-", " ").replace("_", " ")
    return title[:MAX_TITLE_CHARS].strip()
