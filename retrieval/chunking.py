"""Cuts documents into passages that can answer alone.

A passage never crosses a heading. Paragraphs, definitions and rows of tables stay whole where they fit; small neighbours
are joined. Two passages of one running text share a sentence, so that what leads over from one to the other is in both.
A text is cut at paragraphs, then sentences; at definitions, then lines; at last between words.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from vivavoce.core.passage import Passage
from vivavoce.retrieval.documents.document import Document, Kind, Section

TokenCounter = Callable[[str], int]
Span = tuple[int, int]

MOST_TOKENS = 160
SHARED = 4  # a sentence is shared when it takes no more than this part of a passage
MOST_INDENT = 200
LONGEST_TOKEN = 16  # characters; longer pieces are not worth counting
REACH = 500  # characters from the middle in which white space is looked for

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"  # kana, Han, hangul
TOKEN = re.compile(rf"[{CJK}]|[^\W{CJK}]{{1,12}}|[^\w\s]{{1,3}}")
CJK_LINE_END = re.compile(rf"(?<=[{CJK}，。！？、；：])[ \t]*\n[ \t]*(?=[{CJK}])")
ITEM = re.compile(r"\n\s*\n\s*|\n[ \t]*(?=(?:[-*+•]|\d{1,3}[.)])[ \t])")
ITEM_START = re.compile(r"(?:[-*+•]|\d{1,3}[.)])[ \t]")
UNFINISHED = re.compile(r"[\w,;-]$")

PARAGRAPH = re.compile(r"\n(?=[ \t]*\n|[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t])")  # a list's items are paragraphs too
SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)\]]{0,3}\s+(?![a-z\s])|(?<=[。！？])[”’」』）]{0,3}(?![。！？”’」』）])\s*")
DEFINITION = re.compile(r"\n[ \t]*(?=\n[^\s}\])])")  # an empty line, then one without indent
EMPTY_LINE = re.compile(r"\n(?=[ \t]*\n)")
LINE = re.compile(r"\n")

LEVELS: dict[Kind, Sequence[re.Pattern[str]]] = {
    "text": (PARAGRAPH, SENTENCE),
    "code": (DEFINITION, EMPTY_LINE, LINE),
    "table": (LINE,),
}


def approximate_tokens(text: str) -> int:
    """About as many as a sub-word tokenizer makes: words (long ones as several), CJK characters, runs of punctuation."""
    return sum(1 for _ in TOKEN.finditer(text))


def passages(
    document: Document, source: str, count: TokenCounter = approximate_tokens, most: int = MOST_TOKENS
) -> list[Passage]:
    """Passages in reading order, ordinals from 0, scores 0.

    count: of a text's tokens without any that mark its ends; the count of a text is taken to be at most the sum over its
    parts. most: tokens of a passage's text; only a single character that counts for more may exceed it.

    ``span`` is (start, end) in ``document.text``: the text of a passage is what stands there, but for white space and for
    the first row of a table, which is repeated before rows that were cut from it. ``location`` is "page 3", "pages 3-4" for
    a sentence that goes on behind the page, "lines 4-9" (of the file, from 1), or "".
    """
    cut = (piece for section in document.sections for piece in _pieces(section, count, most))
    return [_passage(document, source, run, ordinal) for ordinal, run in enumerate(_runs(cut, count, most))]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a section. line: of its first character, from 0. head: a table's first row, where this is a later one."""

    section: Section
    span: Span
    tokens: int
    line: int
    head: str = ""
    head_tokens: int = 0

    @property
    def text(self) -> str:
        return self.section.text[slice(*self.span)]


def _pieces(section: Section, count: TokenCounter, most: int) -> Iterator[_Piece]:
    head, head_tokens = "", 0
    if section.kind == "table":
        head = section.text.lstrip().partition("\n")[0].strip()
        head_tokens = count(head) if len(head) < most * SHARED else most
        if head_tokens * SHARED > most:  # its row of names would leave little room
            head, head_tokens = "", 0
    line = at = 0
    for number, (span, tokens) in enumerate(_cut(section.text, section.kind, count, most - head_tokens)):
        line, at = line + section.text.count("\n", at, span[0]), span[0]
        yield _Piece(section, span, tokens, line, head if number else "", head_tokens if number else 0)


def _runs(cut: Iterator[_Piece], count: TokenCounter, most: int) -> Iterator[list[_Piece]]:
    """Pieces that make one passage."""
    run: list[_Piece] = []
    tokens = 0
    for piece in cut:
        cost = piece.tokens + (0 if run and run[-1].section is piece.section else piece.head_tokens)
        if run and (not _belongs(run[-1], piece) or tokens + cost > most):
            yield run
            run = _shared(run, piece, count, most)
            tokens = sum(part.tokens for part in run)
            cost = piece.tokens + piece.head_tokens
        run.append(piece)
        tokens += cost
    if run:
        yield run


def _belongs(last: _Piece, piece: _Piece) -> bool:
    """Whether both may stand in one passage: under one heading, and on one page unless a sentence goes on behind it."""
    if last.section.headings != piece.section.headings:
        return False
    if last.section.page == piece.section.page:
        return True
    goes_on = last.section.kind == piece.section.kind == "text" and piece.text[0].islower()
    return goes_on and UNFINISHED.search(last.text) is not None


def _shared(run: Sequence[_Piece], piece: _Piece, count: TokenCounter, most: int) -> list[_Piece]:
    """The last sentence of a passage, to begin the next one with; empty where that makes no sense."""
    last = run[-1]
    if last.section is not piece.section or piece.section.kind != "text" or ITEM_START.match(piece.text):
        return []
    start, end = _last_sentence(last.section.text, last.span)
    if (len(run) == 1 and (start, end) == last.span) or end - start > most * SHARED:
        return []
    tokens = count(last.section.text[start:end])
    if tokens * SHARED > most or tokens + piece.tokens > most:
        return []
    line = last.line + last.section.text.count("\n", last.span[0], start)
    return [replace(last, span=(start, end), tokens=tokens, line=line)]


def _passage(document: Document, source: str, run: Sequence[_Piece], ordinal: int) -> Passage:
    first, last = run[0], run[-1]
    parts = [list(group) for _, group in groupby(run, key=lambda piece: id(piece.section))]
    return Passage(
        "\n".join(_text(part) for part in parts),
        source,
        document.title,
        _location(first, last),
        heading=" > ".join(first.section.headings),
        span=(first.section.start + first.span[0], last.section.start + last.span[1]),
        ordinal=ordinal,
    )


def _text(part: Sequence[_Piece]) -> str:
    """What stands from the first to the last piece of one section; paragraphs of text on one line each."""
    section, (start, end) = part[0].section, (part[0].span[0], part[-1].span[1])
    if section.kind == "text":
        paragraphs = ITEM.split(section.text[start:end])
        return "\n".join(" ".join(CJK_LINE_END.sub("", paragraph).split()) for paragraph in paragraphs)
    line_start = section.text.rfind("\n", max(0, start - MOST_INDENT), start) + 1
    if section.text[line_start:start].isspace():
        start = line_start
    text = "\n".join(line.rstrip() for line in section.text[start:end].split("\n"))
    return f"{part[0].head}\n{text}" if part[0].head else text


def _location(first: _Piece, last: _Piece) -> str:
    if page := first.section.page:
        return f"page {page}" if page == last.section.page else f"pages {page}-{last.section.page}"
    if first.section.start_line:
        lines = first.section.start_line + first.line, last.section.start_line + last.line + last.text.count("\n")
        return f"lines {lines[0]}-{lines[1]}"
    return ""


# Where a text may be cut. Parts are (start, end) without white space at the edges, in order, leaving out white space only.


def _cut(text: str, kind: Kind, count: TokenCounter, most: int) -> Iterator[tuple[Span, int]]:
    """The largest parts of at most ``most`` tokens, with their tokens. Paragraphs, definitions and rows stay apart."""
    first, *finer = LEVELS[kind]
    for span in _split(text, (0, len(text)), first):
        yield from _fitting(text, span, finer, count, most)


def _last_sentence(text: str, span: Span) -> Span:
    """Of a piece of running text."""
    *_, last = _split(text, span, SENTENCE)
    return last


def _fitting(
    text: str, span: Span, levels: Sequence[re.Pattern[str]], count: TokenCounter, most: int
) -> Iterator[tuple[Span, int]]:
    start, end = span
    if end - start <= most * LONGEST_TOKEN:
        tokens = count(text[start:end])
        if tokens <= most or end - start == 1:
            yield span, tokens
            return
    halves = _split(text, span, levels[0]) if levels else _halves(text, span)
    for part in halves:
        yield from _fitting(text, part, levels[1:], count, most)


def _split(text: str, span: Span, pattern: re.Pattern[str]) -> Iterator[Span]:
    start, end = span
    for found in pattern.finditer(text, start, end):
        yield from _trimmed(text, start, found.end())
        start = found.end()
    yield from _trimmed(text, start, end)


def _halves(text: str, span: Span) -> Iterator[Span]:
    """Two, cut at the white space nearest to the middle; a word without any is broken."""
    start, end = span
    middle, reach = (start + end) // 2, min((end - start) // 4, REACH)
    spaces = [found.start() for found in re.compile(r"\s").finditer(text, middle - reach, middle + reach)]
    at = bisect_left(spaces, middle)
    near = spaces[max(0, at - 1) : at + 1]
    cut = min(near, key=lambda place: abs(place - middle)) if near else middle
    yield from _trimmed(text, start, cut)
    yield from _trimmed(text, cut, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
