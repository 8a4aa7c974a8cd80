"""Descriptions of voices written by hand, with the voices that fit them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vivavoce.app.cli.voice_filters import parse_filters
from vivavoce.core.errors import ConfigError
from vivavoce.core.voice import VoiceEntry
from vivavoce.eval.lab.set_files import rows_of
from vivavoce.voicebank.store.columns import passes

QUERIES = Path(__file__).with_name("queries.tsv")
HELD_OUT = QUERIES.with_name("queries_held_out.tsv")  # never used to change the search
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class VoiceQuery:
    """One description.

    wanted: ids that fit, equally well; empty where nothing in the bank should. rivals: voices that differ in one attribute
    and must come later. held_out: written when the search was finished. missing: none of the voices that fit is in this
    bank, so that it cannot be asked.
    """

    language: str
    text: str
    wanted: frozenset[str]
    rivals: frozenset[str]
    held_out: bool = False
    missing: bool = False

    @property
    def has_answer(self) -> bool:
        """Whether some voice fits."""
        return bool(self.wanted)


def read_queries(entries: Sequence[VoiceEntry], path: Path) -> list[VoiceQuery]:
    """The queries of a table, with what these voices are to them.

    A line is language, description, wanted and rivals, divided by tabs. Wanted and rivals are ids, or conditions such as
    ``gender=male;age=old`` that all of them meet; ``-`` is nothing.

    Raises:
        ConfigError: a line has another form.
    """
    queries: list[VoiceQuery] = []
    for where, fields in rows_of(path):
        if len(fields) != 4:
            raise ConfigError(f"{where}: {len(fields)} fields instead of 4")
        language, text, wanted, rivals = fields
        found = _voices(wanted, entries)
        missing = wanted != NOTHING and not found
        queries.append(VoiceQuery(language, text, found, _voices(rivals, entries) - found, path == HELD_OUT, missing))
    return queries


def _voices(terms: str, entries: Sequence[VoiceEntry]) -> frozenset[str]:
    found: set[str] = set()
    for term in terms.split():
        if "=" in term:
            filters = parse_filters(term.split(";"))
            found.update(entry.id for entry in entries if passes(entry, filters))
        elif term != NOTHING:
            found.update(entry.id for entry in entries if entry.id == term)
    return frozenset(found)
