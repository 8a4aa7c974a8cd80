"""Manual pages in roff (man and mdoc macros) as plain text, each output line at its line in the file.

Not a typesetter: fonts, indents, conditions and includes are dropped, words and sections remain.
"""

import re
from pathlib import PurePath

from vivavoce.retrieval.documents.document import Document, DocumentBuilder, Kind, Limits
from vivavoce.retrieval.documents.encoding import decode
from vivavoce.retrieval.documents.formats.roff import arguments, plain, spoken_macros

ROFF_START = re.compile(r"""^['.][ \t]*(?:TH|Dd|SH|Sh)[ \t]""", re.MULTILINE)
HEADINGS = {"SH": 1, "Sh": 1, "SS": 2, "Ss": 2}
BREAKS = frozenset(["PP", "P", "LP", "TP", "TQ", "sp", "Pp", "Lp", "RS", "RE", "Bl", "El"])  # a new paragraph
ITEMS = frozenset(["IP", "HP", "It"])  # one that begins with the words of this line
BULLETS = ("•", "*", "o", "-")
VERBATIM = frozenset(["nf", "EX", "Bd"])
FILLED = frozenset(["fi", "EE", "Ed"])
FONTS = frozenset(["B", "I", "SM", "SB", "BR", "RB", "BI", "IB", "IR", "RI", "MR", "UR", "MT"])
TIGHT = frozenset(["BR", "RB", "BI", "IB", "IR", "RI"])  # their arguments stand in turn in two fonts, without spaces


def is_manual(text: str) -> bool:
    """Whether a file called ``name.1`` holds roff at all."""
    return bool(ROFF_START.search(text[:50_000]))


def read_man(data: bytes, name: str, limits: Limits) -> Document:
    """Sections such as NAME and SYNOPSIS as headings; literal examples as code."""
    del limits
    page = _Page()
    for number, line in enumerate(decode(data).split("\n"), 1):
        page.take(number, line)
    path = PurePath(name)
    section = path.suffix.removeprefix(".")
    return page.close().build(f"{path.stem}({section})" if section else path.stem, {})


class _Page:
    def __init__(self) -> None:
        self._builder = DocumentBuilder()
        self._lines: list[str] = []
        self._first = 1
        self._kind: Kind = "text"
        self._name = ""  # what mdoc's Nm stands for
        self._skipping = False  # inside a macro's definition

    def take(self, number: int, line: str) -> None:
        """One line of the file."""
        if self._skipping or line.startswith((".de", ".ig", ".am", ".TS")):
            self._skipping = line.rstrip() not in ("..", ".TE")
            self._lines.append("")
        elif line.startswith((".", "'")) and not line.startswith("'\\\""):
            self._request(number, line[1:].strip())
        else:
            self._lines.append(plain(line))

    def close(self) -> DocumentBuilder:
        """All sections, once the last line was taken."""
        self._flush(self._first + len(self._lines))
        return self._builder

    def _request(self, number: int, line: str) -> None:
        macro, _, rest = line.partition(" ")
        if macro in HEADINGS:
            self._flush(number + 1)
            self._kind = "text"
            self._builder.heading(HEADINGS[macro], " ".join(arguments(rest)), line=number)
        elif macro in VERBATIM or macro in FILLED:
            self._flush(number + 1)
            self._kind = "code" if macro in VERBATIM else "text"
        else:
            self._lines.append(self._words(macro, line, rest))

    def _words(self, macro: str, line: str, rest: str) -> str:
        if macro in FONTS:
            return ("" if macro in TIGHT else " ").join(arguments(rest))
        if macro in BREAKS:
            return ""
        if macro in ITEMS:
            words = spoken_macros(rest, self._name) if macro == "It" else (arguments(rest) or [""])[0]
            return f"- {'' if words in BULLETS else words}".rstrip()
        if macro == "Nm" and not self._name:
            self._name = (arguments(rest) or [""])[0]
        return spoken_macros(line, self._name)

    def _flush(self, following: int) -> None:
        start = next((at for at, line in enumerate(self._lines) if line.strip()), len(self._lines))
        self._builder.add("\n".join(self._lines[start:]), self._kind, line=self._first + start)
        self._lines, self._first = [], following
