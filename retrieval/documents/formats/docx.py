"""Word documents (docx): headings, paragraphs, lists and tables.

The file is an archive from outside: what it would inflate to is looked at before anything is inflated.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from docx import Document as open_docx
from docx.opc.exceptions import OpcError
from docx.oxml.exceptions import InvalidXmlError
from docx.text.paragraph import Paragraph
from lxml.etree import LxmlError

from vivavoce.core.errors import DocumentError
from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.formats.text import title_of

Untyped = Any  # objects of python-docx and lxml

MAX_MEMBERS = 5_000
MAX_INFLATED = 4  # times the limit of bytes
MAX_RATIO = 200  # of inflated to stored, looked at in members that inflate to more than a megabyte
BLOCKS = ".//w:p[not(ancestor::w:tbl) and not(ancestor::w:p)] | .//w:tbl[not(ancestor::w:tbl) and not(ancestor::w:p)]"
HEADING = re.compile(r"heading (\d)$", re.IGNORECASE)
DAMAGED = "is not a readable Word document ({}); open it and save a copy"


def read_docx(data: bytes, name: str, limits: Limits) -> Document:
    """Text in the order of the body; footnotes, headers, footers and text boxes are left out.

    Raises:
        DocumentError: it is damaged or would inflate beyond the limits.
    """
    try:
        _check(data, limits)
        file: Any = open_docx(BytesIO(data))
        return _document(file, name)
    except (BadZipFile, OpcError, InvalidXmlError, LxmlError, LookupError, ValueError, AttributeError, TypeError) as error:
        raise DocumentError(DAMAGED.format(type(error).__name__)) from error
    except (NotImplementedError, RuntimeError, EOFError, OSError) as error:  # encrypted, or packed in an unusual way
        raise DocumentError(DAMAGED.format(type(error).__name__)) from error


def _check(data: bytes, limits: Limits) -> None:
    with ZipFile(BytesIO(data)) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise DocumentError(f"has more than {MAX_MEMBERS} parts inside; save a copy of its text alone")
    bomb = any(m.file_size > 1_000_000 and m.file_size > MAX_RATIO * max(1, m.compress_size) for m in members)
    if bomb or sum(member.file_size for member in members) > MAX_INFLATED * limits.bytes:
        raise DocumentError("would inflate to far more than a document holds; save a copy of its text alone")


def _document(file: Untyped, name: str) -> Document:
    builder = DocumentBuilder()
    levels = {style.style_id: _level(style) for style in file.styles if style.type == 1}
    title = ""
    for block in file.element.body.xpath(BLOCKS):
        if block.tag.endswith("}tbl"):
            builder.add(_table(block, file), "table")
            continue
        words = _words([block], file)
        style: str = block.style or ""
        level = levels.get(style, 0)
        title = title or (words if style == "Title" else "")
        if level and words:
            builder.heading(level, words)
        elif words:
            builder.add(f"- {words}" if block.xpath("./w:pPr/w:numPr") or style.startswith("List") else words)
    facts = file.core_properties
    known = {
        "author": facts.author or "",
        "date": facts.created.date().isoformat() if facts.created else "",
        "language": facts.language or "",
    }
    return builder.build(facts.title or title or builder.first_heading() or title_of(name), known)


def _level(style: Untyped) -> int:
    """1 to 9 for headings, by name or outline level; 0 for other paragraphs."""
    if found := HEADING.match(style.name or ""):
        return int(found.group(1))
    outline = style.element.xpath("./w:pPr/w:outlineLvl/@w:val")
    return int(outline[0]) + 1 if outline and outline[0] in "012345678" else 0


def _table(table: Untyped, file: Untyped) -> str:
    """A table inside a cell is part of the cell."""
    rows = (
        " | ".join(_words(cell.xpath(".//w:p"), file) for cell in row.xpath("./w:tc | ./w:sdt/w:sdtContent/w:tc"))
        for row in table.xpath("./w:tr | ./w:sdt/w:sdtContent/w:tr")
    )
    return "\n".join(row for row in rows if row.strip(" |"))


def _words(paragraphs: Sequence[Untyped], file: Untyped) -> str:
    return " ".join(" ".join(Paragraph(paragraph, file).text for paragraph in paragraphs).split())
