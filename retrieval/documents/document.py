"""A document as the readers of formats hand it on: sections of one kind under their headings.

The text of a document is the text of its sections with one blank line between them. ``Section.start`` and the spans of
passages are offsets in it, counted in characters. For txt and source code it is the file's own text; for other formats
it is what a reader took out of the markup.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "code", "table"]

SEPARATOR = "\n\n"  # between sections
MAX_TITLE_CHARS = 60
MAX_HEADING_CHARS = 120
MAX_METADATA_CHARS = 200
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # one for one, so offsets and lines stay


@dataclass(frozen=True, slots=True)
class Section:
    """A run of one kind under one heading, on one page.

    headings: outermost first. page: 1-based, 0 where there are none. start_line: its first line in the file, 1-based, 0
    where there are none; its lines are then the file's lines, one for one. start: offset of its first character in the
    document's text. A table's first line that is not empty holds the names of its columns.
    """

    text: str
    kind: Kind = "text"
    headings: tuple[str, ...] = ()
    page: int = 0
    start_line: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text.

    title: at most 60 characters, fit to be spoken. metadata: what is known of "kind" (the name's ending), "author",
    "date" and "language"; values of at most 200 characters.
    """

    title: str
    sections: tuple[Section, ...]
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def text(self) -> str:
        """What offsets count in."""
        return SEPARATOR.join(section.text for section in self.sections)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a document is borne before it is refused.

    bytes: of the file, of what comes out of a compressed one, and of the text taken out of a format. pages: of a PDF.
    seconds: for a format that is parsed in a process of its own. rows: of a csv, tsv or jsonl file.
    """

    bytes: int = 50_000_000
    pages: int = 2_000
    seconds: float = 60.0
    rows: int = 200_000


class DocumentBuilder:
    """Takes headings and runs of text in reading order and makes the numbered sections of them."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._offset = 0
        self._path: list[tuple[int, str]] = []  # levels and titles of the headings above
        self._bare: tuple[int, int] | None = None  # (page, line) of a heading that nothing followed yet
        self._run: list[str] = []  # paragraphs of the section in work
        self._kind: Kind = "text"  # of the section in work
        self._page = 0
        self._first_line = self._next_line = 0

    def heading(self, level: int, title: str, *, page: int = 0, line: int = 0) -> None:
        """Begin a part. A heading with nothing under it becomes text, so that its words are not lost."""
        title = spoken(title, MAX_HEADING_CHARS)
        if not title:
            return
        self._flush()
        if self._bare is not None and self._path[-1][0] >= level:
            self._heading_as_text()
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, title))
        self._bare = (page, line)

    def add(self, text: str, kind: Kind = "text", *, page: int = 0, line: int = 0) -> None:
        """Add a paragraph, a piece of code or a whole table; paragraphs that follow each other are one running text.

        line: of its first character in the file. Where lines are given, each line of the text is a line of the file.
        """
        text = CONTROL.sub(" ", text.rstrip())
        if not text.strip():
            return
        if self._run and (kind != "text" or (self._kind, self._page) != (kind, page)):
            self._flush()
        if self._run:
            gap = "\n" * max(1, line - self._next_line + 1) if line else SEPARATOR
            self._run.append(gap)
        else:
            self._kind, self._page, self._first_line = kind, page, line
        self._run.append(text)
        self._next_line = line + text.count("\n") + 1
        self._bare = None

    def build(self, title: str, metadata: Mapping[str, str]) -> Document:
        """The document; its title is cut to be spoken, metadata without a value are left out."""
        self._flush()
        if self._bare is not None:
            self._heading_as_text()
        facts = {key: spoken(value, MAX_METADATA_CHARS) for key, value in metadata.items()}
        return Document(spoken(title), tuple(self._sections), {key: value for key, value in facts.items() if value})

    def first_heading(self) -> str:
        """Of what was added so far; "" where there is none."""
        found = next((section.headings[0] for section in self._sections if section.headings), "")
        return found or (self._path[0][1] if self._path else "")

    def _flush(self) -> None:
        if self._run:
            titles = tuple(title for _, title in self._path)
            self._put("".join(self._run), self._kind, titles, self._page, self._first_line)
            self._run = []

    def _heading_as_text(self) -> None:
        page, line = self._bare or (0, 0)
        self._put(self._path[-1][1], "text", tuple(title for _, title in self._path[:-1]), page, line)
        self._bare = None

    def _put(self, text: str, kind: Kind, headings: tuple[str, ...], page: int, line: int) -> None:
        self._sections.append(Section(text, kind, headings, page, line, self._offset))
        self._offset += len(text) + len(SEPARATOR)


def spoken(text: str, limit: int = MAX_TITLE_CHARS) -> str:
    """One line without control characters, of at most ``limit`` characters, cut between words where there are some."""
    line = " ".join(CONTROL.sub(" ", text[: limit * 8]).split())
    if len(line) <= limit:
        return line
    cut, space = line[:limit], line.rfind(" ", limit // 2, limit + 1)
    return (cut[:space] if space > 0 else cut).rstrip(" ,;:-")
