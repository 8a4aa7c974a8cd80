"""The structure of a web page, read in order: headings, paragraphs, lists, definitions, tables and code."""

import re
from typing import Any

from lxml.etree import iterwalk

from vivavoce.retrieval.documents.document import MAX_HEADING_CHARS, DocumentBuilder, Kind
from vivavoce.retrieval.documents.formats.html_navigation import BLOCKS, HEADINGS

Untyped = Any  # elements of lxml

MAX_DEPTH = 200  # elements inside each other; what lies deeper is read as words
SPACE = re.compile(r"\s+")
BREAK = re.compile(r"\n[\s]*\n")  # two line breaks in a row end a paragraph
BOXES = frozenset(["aside", "blockquote", "dd", "details", "figure", "li", "td", "th"])  # headings in them end with them
BOX_CLASS = re.compile(r"(?<![a-z])(?:sidebar|note|tip|hint|warning|caution|important|admonition)(?![a-z])", re.IGNORECASE)
SWALLOWED = ("p", "ul", "ol", "dl", "table", "pre", *HEADINGS)
BOLD_LEVEL = 7  # a paragraph that is bold throughout is a heading below all others
MAX_BOLD_CHARS = 200
MAX_CELL_CHARS = 1_500  # of a table that holds data


class PageReader:
    """Walks over elements and hands their text on to a builder."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._inline: list[str] = []  # words of the paragraph in work
        self._lead = ""  # an item's mark, or a term and a line break: what the next paragraph begins with
        self._numbers: list[int | None] = []  # of the last items of the lists around; None where they are not numbered
        self._path: list[tuple[int, str]] = []  # levels and titles of the headings above
        self._left = False  # a box was left, and the builder still stands under its headings
        self._boxes = self._depth = 0

    def read(self, element: Untyped) -> None:
        """All of an element."""
        self._contents(element)
        self._begin("")

    def _contents(self, parent: Untyped) -> None:
        self._depth += 1
        self._say(parent.text)
        for child in parent:
            if self._depth < MAX_DEPTH:
                self._element(child)
            else:
                self._say(f" {words(child)} ")
            self._say(child.tail)
        self._depth -= 1

    def _element(self, element: Untyped) -> None:
        match element.tag:
            case "br":
                self._inline.append("\n")
            case "pre":
                self._begin("")
                self._add(_code(element), "code")
            case "dt":
                self._term(words(element))
            case "table" if rows := _rows(element):
                self._begin("")
                self._table(element, rows)
            case "ul" | "ol" | "dl" | "menu" | "dir":
                self._list(element)
            case "p" | "summary" if self._is_bold_title(element):
                self._heading(BOLD_LEVEL, words(element))
            case _ if level := _level(element):
                self._heading(level, words(element))
            case tag if tag in BLOCKS:
                self._block(element)
            case _:
                self._contents(element)

    def _block(self, element: Untyped) -> None:
        if element.tag == "li" and self._numbers:
            self._begin(self._mark())
        else:
            self._end_paragraph()
        if element.tag not in BOXES and not BOX_CLASS.search(element.get("class") or ""):
            self._contents(element)
            self._end_paragraph()
            return
        outside = list(self._path)
        self._boxes += 1
        self._contents(element)
        self._boxes -= 1
        self._begin("")
        if outside and self._path != outside:
            self._path, self._left = outside, True

    def _list(self, element: Untyped) -> None:
        self._end_paragraph()
        start = element.get("start") or "1"
        first = int(start) if re.fullmatch(r"[0-9]{1,3}", start) else 1
        self._numbers.append(first - 1 if element.tag == "ol" else None)
        self._contents(element)
        self._numbers.pop()
        self._begin("")

    def _mark(self) -> str:
        """What the next item of the innermost list begins with."""
        number = self._numbers[-1]
        if number is None:
            return "- "
        self._numbers[-1] = number + 1
        return f"{number + 1}. "

    def _term(self, term: str) -> None:
        """Terms stand on lines of their own above their definition, in one paragraph with it."""
        terms = self._lead if self._lead.endswith("\n") else ""
        self._end_paragraph()
        self._lead = f"{terms}{term}\n" if term else terms

    def _table(self, element: Untyped, rows: list[str]) -> None:
        caption = element.find("caption")
        if caption is not None:
            self._add(words(caption))
        self._add("\n".join(rows), "table")

    def _heading(self, level: int, title: str) -> None:
        self._begin("")
        if not title:
            return
        self._return(level)
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, title))
        self._builder.heading(level, title)
        if len(title) > MAX_HEADING_CHARS:  # the builder cuts it
            self._builder.add(title)

    def _return(self, level: int) -> None:
        """Stand under the headings outside of a box again, as far as they are above a level."""
        if self._left:
            for above, title in self._path:
                if above < level:
                    self._builder.heading(above, title)
        self._left = False

    def _is_bold_title(self, element: Untyped) -> bool:
        """Whether a paragraph serves as heading: all bold and short, at the place of one, not the beginning of a list."""
        title = words(element)
        if self._lead or not title or len(title) > MAX_BOLD_CHARS or title[-1] in ":,;" or (self._boxes and not self._path):
            return False
        bold = "".join("".join(part.itertext()) for part in element.iter("b", "strong", "summary"))
        return "".join(bold.split()) == title.replace(" ", "")

    def _say(self, text: str | None) -> None:
        if text:
            self._inline.append(SPACE.sub(" ", text))

    def _begin(self, lead: str) -> None:
        """End the paragraph; the next begins with this. A term whose definition never came stands alone."""
        self._end_paragraph()
        if self._lead.endswith("\n"):
            self._add(self._lead)
        self._lead = lead

    def _end_paragraph(self) -> None:
        text = "".join(self._inline)
        self._inline = []
        for paragraph in BREAK.split(text):
            if said := " ".join(paragraph.split()):
                lead, self._lead = self._lead, ""
                self._add(lead + said)

    def _add(self, text: str, kind: Kind = "text") -> None:
        if text.strip():
            self._return(BOLD_LEVEL + 1)
            self._builder.add(text, kind)


def words(element: Untyped) -> str:
    """An element's text on one line. Blocks inside are set apart by spaces; inline elements are not."""
    parts: list[str] = []
    for event, node in iterwalk(element, events=("start", "end")):
        if node.tag in BLOCKS or node.tag == "br":
            parts.append(" ")
        parts.append((node.text if event == "start" else node.tail if node is not element else "") or "")
    return " ".join("".join(parts).split())


def _level(element: Untyped) -> int:
    """1 to 6 for headings, 0 for all else, also for one that was never closed and holds what follows it."""
    named = element.tag in HEADINGS
    if not named and element.get("role") != "heading":
        return 0
    if next(element.iterdescendants(*SWALLOWED), None) is not None:
        return 0
    level = element.tag[1] if named else element.get("aria-level") or ""
    return int(level) if re.fullmatch("[1-6]", level) else 2


def _code(element: Untyped) -> str:
    for line_break in element.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    return "".join(element.itertext()).strip("\r\n")


def _rows(table: Untyped) -> list[str]:
    """Rows of a table that holds data; none where it only puts things side by side."""
    inside = next(table.iterdescendants("table", "pre", *HEADINGS), None)
    if inside is not None or table.get("role") in ("presentation", "none"):
        return []
    rows = [[words(cell) for cell in row.iterchildren("td", "th")] for row in table.iter("tr")]
    widest = max((sum(map(bool, row)) for row in rows), default=0)
    longest = max((len(cell) for row in rows for cell in row), default=0)
    if widest < 2 or longest > MAX_CELL_CHARS:
        return []
    return [" | ".join(row) for row in rows if any(row)]
