"""Descriptions of voices written by hand, with the voices that fit them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vivavoce.app.cli.voice_filters import parse_filters
from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.columns import passes

QUERIES = Path(__file__).with_name("queries.tsv")
HELD_OUT = QUERIES.with_name("queries_held_out.tsv")  # never used to change the search
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class VoiceQuery:
    """One description.

    wanted: ids that fit, equally well; empty where nothing in the bank should. rivals: voices that differ in one attribute
    and must come later. held_out: written when the search was finished.
    """

    language: str
    text: str
    wanted: frozenset[str]
    rivals: frozenset[str]
    held_out: bool

    @property
    def has_answer(self) -> bool:
        """Whether some voice fits."""
        return bool(self.wanted)


def read_queries(entries: Sequence[VoiceEntry], path: Path) -> tuple[list[VoiceQuery], int]:
    """The queries that can be asked of these voices, and how many cannot, because no wanted voice is there.

    A line is language, description, wanted and rivals, divided by tabs. Wanted and rivals are ids, or conditions such as
    ``gender=male;age=old`` that all of them meet; ``-`` is nothing.

    Raises:
        ConfigError: a line has another form.
    """
    queries: list[VoiceQuery] = []
    left_out = 0
    for number, line in _lines(path):
        fields = line.split("\t")
        if len(fields) != 4:
            raise ConfigError(f"{path.name}, line {number}: {len(fields)} fields instead of 4")
        language, text, wanted, rivals = fields
        found = _voices(wanted, entries)
        if wanted != NOTHING and not found:
            left_out += 1
        else:
            queries.append(VoiceQuery(language, text, found, _voices(rivals, entries) - found, path == HELD_OUT))
    return queries, left_out


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _voices(terms: str, entries: Sequence[VoiceEntry]) -> frozenset[str]:
    found: set[str] = set()
    for term in terms.split():
        if "=" in term:
            filters = parse_filters(term.split(";"))
            found.update(entry.id for entry in entries if passes(entry, filters))
        elif term != NOTHING:
            found.update(entry.id for entry in entries if entry.id == term)
    return frozenset(found)
