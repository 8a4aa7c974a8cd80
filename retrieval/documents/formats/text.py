"""Plain text, reStructuredText and source code: the file's own text."""

import re
from pathlib import PurePath

from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Limits
from vivavoce.retrieval.documents.encoding import decode

ADORNMENT = re.compile(r"""^([=\-~^"'`#*+.:_])\1{2,}\s*$""")


def read_text(data: bytes, name: str, limits: Limits) -> Document:
    """A text is one section."""
    del limits
    builder = DocumentBuilder()
    builder.add(decode(data), line=1)
    return builder.build(title_of(name), {})


def read_code(data: bytes, name: str, limits: Limits) -> Document:
    """A source file is one section of code, titled by its name with the ending."""
    del limits
    builder = DocumentBuilder()
    builder.add(decode(data), "code", line=1)
    return builder.build(PurePath(name).name, {})


def read_rst(data: bytes, name: str, limits: Limits) -> Document:
    """Text of reStructuredText; a line under (and over) another makes it a heading, ranked by first use."""
    del limits
    lines = decode(data).split("\n")
    builder, levels, body, first = DocumentBuilder(), dict[tuple[str, bool], int](), list[str](), 1
    for number, line in enumerate(lines, 1):
        mark = _adornment(lines, number)
        if not mark:
            body.append(line)
            continue
        over = len(body) > 1 and bool(ADORNMENT.match(body[-2])) and body[-2][0] == mark
        _add(builder, body[: -2 if over else -1], first)
        level = levels.setdefault((mark, over), len(levels) + 1)
        builder.heading(level, body[-1], line=number - 1)
        body, first = [], number + 1
    _add(builder, body, first)
    return builder.build(builder.first_heading() or title_of(name), {})


def title_of(name: str) -> str:
    """What a file's name says, without its ending."""
    return PurePath(name).stem.replace("-", " ").replace("_", " ")


def _adornment(lines: list[str], number: int) -> str:
    """The character of the underline at this line; "" where it is none."""
    found = ADORNMENT.match(lines[number - 1])
    title = lines[number - 2] if number > 1 else ""
    before = lines[number - 3] if number > 2 else ""
    if not found or not title.strip() or ADORNMENT.match(title) or len(lines[number - 1].rstrip()) < len(title.rstrip()):
        return ""
    return found.group(1) if not before.strip() or ADORNMENT.match(before) else ""


def _add(builder: DocumentBuilder, body: list[str], first: int) -> None:
    start = next((at for at, line in enumerate(body) if line.strip()), len(body))
    builder.add("\n".join(body[start:]), line=first + start)
