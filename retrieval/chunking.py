"""Cuts documents into passages that can answer alone."""

import re
from collections.abc import Iterator

from vivavoce.core.passage import Passage
from vivavoce.retrieval.loaders import Document, Section

MAX_WORDS = 90
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$")
SENTENCE = re.compile(r"(?<=[.!?。！？])\s+")


def passages(document: Document, source: str) -> list[Passage]:
    """Paragraphs of at most about 90 words; short ones under one heading are joined."""
    return [passage for section in document.sections for passage in _section(document, section, source)]


def _section(document: Document, section: Section, source: str) -> Iterator[Passage]:
    pending: list[str] = []
    first = last = section.start_line
    for start, end, text in _blocks(section):
        words = sum(len(part.split()) for part in pending)
        if pending and (HEADING.match(text) or words + len(text.split()) > MAX_WORDS):
            yield _passage(document, source, section, pending, first, last)
            pending = []
        if not pending:
            first = start
        pending.append(HEADING.sub(r"\1.", text))
        last = end
    if pending:
        yield _passage(document, source, section, pending, first, last)


def _passage(document: Document, source: str, section: Section, parts: list[str], first: int, last: int) -> Passage:
    location = section.location or (f"lines {first}-{last}" if section.start_line else "")
    return Passage(" ".join(parts), source, document.title, location)


def _blocks(section: Section) -> Iterator[tuple[int, int, str]]:
    """Paragraphs and headings with their first and last line; long paragraphs are cut at sentences."""
    lines = section.text.splitlines()
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        heading = bool(HEADING.match(line.strip()))
        if (heading or not line.strip()) and block:
            yield from _cut(section.start_line + number - 1 - len(block), block)
            block = []
        if heading:
            yield section.start_line + number - 1, section.start_line + number - 1, line.strip()
        elif line.strip():
            block.append(line.strip())


def _cut(first: int, block: list[str]) -> Iterator[tuple[int, int, str]]:
    last = first + len(block) - 1
    words: list[str] = []
    for sentence in SENTENCE.split(" ".join(block)):
        for start in range(0, len(pieces := sentence.split()), MAX_WORDS):
            piece = pieces[start : start + MAX_WORDS]
            if words and len(words) + len(piece) > MAX_WORDS:
                yield first, last, " ".join(words)
                words = []
            words += piece
    if words:
        yield first, last, " ".join(words)
