"""Where a text may be cut: at paragraphs, then sentences; at definitions, then lines; at last between words.

Every function takes a text and yields (start, end) without white space at the edges, in order, leaving out white space only.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from vivavoce.retrieval.documents.document import Kind

TokenCounter = Callable[[str], int]
Span = tuple[int, int]

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"  # kana, Han, hangul
TOKEN = re.compile(rf"[{CJK}]|[^\W{CJK}]{{1,12}}|[^\w\s]{{1,3}}")
LONGEST_TOKEN = 16  # characters; longer pieces are not worth counting
REACH = 500  # characters from the middle in which white space is looked for

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


def pieces(text: str, kind: Kind, count: TokenCounter, most: int) -> Iterator[tuple[Span, int]]:
    """The largest pieces of at most ``most`` tokens, with their tokens. Paragraphs, definitions and rows stay apart."""
    first, *finer = LEVELS[kind]
    for span in _split(text, (0, len(text)), first):
        yield from _fitting(text, span, finer, count, most)


def last_sentence(text: str, span: Span) -> Span:
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
