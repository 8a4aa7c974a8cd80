"""PDF by pypdf: pages, with the headings of its outline; what repeats at the edge of every page is left out."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import count
from typing import Any

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError
from pypdf.generic import Destination

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.formats.text import title_of

MAX_OUTLINE = 5_000  # entries
MAX_DEPTH = 6
FEWEST_PAGES = 4  # for a line to be known as a running head
FEWEST_LINES = 4  # of a page that has one: slides of one line keep it
HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u00ad]\n(?=[a-zß-ÿ])")
DIGITS = re.compile(r"\d+")
DAMAGED = (PyPdfError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError)
LOCKED = "is locked by a password; save a copy without one"

Outline = Mapping[int, Sequence[tuple[int, str]]]  # page, 0-based, to levels and titles


def read_pdf(data: bytes, name: str, limits: Limits) -> Document:
    """Text page by page.

    Raises:
        DocumentError: it is damaged, locked, or has too many pages.
    """
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError(LOCKED)
        pages = len(reader.pages)
        if pages > limits.pages:
            raise DocumentError(f"has more than {limits.pages} pages; split it")
        texts = _without_running_heads([page.extract_text() for page in reader.pages])
        return _document(texts, _outline(reader), reader, name)
    except (DependencyError, FileNotDecryptedError) as error:
        raise DocumentError(LOCKED) from error
    except DAMAGED as error:
        raise DocumentError(f"is not a readable PDF ({type(error).__name__}); open it and save a copy") from error


def _document(texts: Sequence[str], outline: Outline, reader: PdfReader, name: str) -> Document:
    builder = DocumentBuilder()
    for number, text in enumerate(texts):
        for heading, part in _parts(HYPHEN.sub("", text), outline.get(number, ())):
            if heading is not None:
                builder.heading(*heading, page=number + 1)
            builder.add(part, page=number + 1)
    facts = reader.metadata
    if facts is None:
        return builder.build(title_of(name), {})
    date = facts.creation_date_raw or ""
    year = re.match(r"D:(\d{4})(\d\d)?(\d\d)?", str(date))
    known = {"author": str(facts.author or ""), "date": "-".join(part for part in year.groups() if part) if year else ""}
    return builder.build(str(facts.title or "").strip() or title_of(name), known)


def _parts(text: str, headings: Sequence[tuple[int, str]]) -> Iterator[tuple[tuple[int, str] | None, str]]:
    """A page's text cut where the titles of the outline stand in it; a title that cannot be found begins where it should."""
    heading: tuple[int, str] | None = None
    at = 0
    for level, title in headings:
        words = r"\s+".join(re.escape(word) for word in title.split()[:30])
        found = re.compile(rf"^[ \t\d.A-Z]{{0,12}}{words}[ \t.]*$", re.MULTILINE).search(text, at)
        start, end = found.span() if found else (at, at)
        if heading is not None or text[at:start].strip():
            yield heading, text[at:start]
        heading, at = (level, title), end
    yield heading, text[at:]


def _outline(reader: PdfReader) -> Outline:
    """Bookmarks by page; none where they are damaged, since a document can be read without."""
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    left = count(MAX_OUTLINE, -1)

    def walk(entries: Sequence[Any], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list) and level < MAX_DEPTH:
                walk(entry, level + 1)
            elif isinstance(entry, Destination) and next(left) > 0:
                page = reader.get_destination_page_number(entry)
                if page is not None and page >= 0:
                    found[page].append((level, " ".join(str(entry.title or "").split())))

    try:
        walk(reader.outline, 1)
    except DAMAGED:
        return {}
    return found


def _without_running_heads(texts: Sequence[str]) -> list[str]:
    """Without a first or last line that most pages have in common but for its numbers."""
    pages = [[line for line in text.split("\n") if line.strip()] for text in texts]
    if len(pages) < FEWEST_PAGES:
        return list(texts)
    for edge in (0, -1):
        shapes = Counter(DIGITS.sub("#", lines[edge]).strip() for lines in pages if len(lines) >= FEWEST_LINES)
        common = {shape for shape, times in shapes.items() if times > len(pages) / 2}
        for lines in pages:
            if len(lines) >= FEWEST_LINES - 1 and DIGITS.sub("#", lines[edge]).strip() in common:
                del lines[edge]
    return ["\n".join(lines) for lines in pages]
