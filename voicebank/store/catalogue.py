"""The catalogue of a bank in SQLite: entries by row and id, and the words they hold."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vivavoce.core.errors import StoreCorrupt
from vivavoce.core.store.catalogue import StoreCatalogue
from vivavoce.core.store.journal import checksum
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.records import decode, encode
from vivavoce.voicebank.words import lexemes, plain

ADVICE = "run `vivavoce voices repair`"
MOST_NAMED = 256  # voices of one name that are looked at
NO_NAMES = frozenset(("", "default"))  # "go back to the default voice" names no voice of the bank
SCHEMA = """
CREATE TABLE entry (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, clip TEXT NOT NULL, sum TEXT, json TEXT NOT NULL);
CREATE INDEX entry_clip ON entry (clip);
CREATE TABLE name (plain TEXT, row INTEGER, PRIMARY KEY (plain, row)) WITHOUT ROWID;
CREATE TABLE word (category TEXT, word TEXT, code INTEGER, PRIMARY KEY (category, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexeme USING fts5 (words, content = '', detail = none, columnsize = 0, tokenize = "ascii");
"""


class Catalogue(StoreCatalogue):
    """One catalogue file; see `StoreCatalogue`."""

    application = 0x56564231  # "VVB1" in the header of the file: whose database it is
    version = 1
    schema = SCHEMA
    what = "the voice bank"
    advice = ADVICE

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._codes: dict[str, dict[str, int]] = {}
        super().__init__(path, create=create)

    def entries(self, rows: Sequence[int]) -> dict[int, VoiceEntry]:
        """Entries by row; a row that left since is absent."""
        marks = ",".join("?" * len(rows))
        with self._guarded():
            found = self._connection.execute(f"SELECT row, sum, json FROM entry WHERE row IN ({marks})", rows).fetchall()
        return {row: self._entry(row, text, sum_) for row, sum_, text in found}

    def all(self) -> Iterator[tuple[int, VoiceEntry]]:
        """Every entry with its row, in the order they were added; none that was added meanwhile."""
        last, end = -1, 2**62
        while last < end:
            with self._guarded():
                page = self._connection.execute(
                    "SELECT row, sum, json, (SELECT max(row) FROM entry) FROM entry WHERE row > ? AND row <= ? "
                    "ORDER BY row LIMIT 1000",
                    (last, end),
                ).fetchall()
            if not page:
                return
            end = min(end, page[0][3])
            for row, sum_, text, _ in page:
                yield row, self._entry(row, text, sum_)
            last = page[-1][0]

    def by_id(self, voice_id: str) -> tuple[int, VoiceEntry] | None:
        """An entry with its row."""
        with self._guarded():
            found = self._connection.execute("SELECT row, sum, json FROM entry WHERE id = ?", (voice_id,)).fetchone()
        return (found[0], self._entry(found[0], found[2], found[1])) if found else None

    def ids_of_clip(self, clip: str) -> list[str]:
        """Ids of the entries that have this clip."""
        with self._guarded():
            return [row[0] for row in self._connection.execute("SELECT id FROM entry WHERE clip = ? ORDER BY row", (clip,))]

    def words(self, category: str) -> list[str]:
        """The vocabulary of a category by code; the first is the empty word."""
        with self._guarded():
            found = self._connection.execute("SELECT word FROM word WHERE category = ? ORDER BY code", (category,))
            return ["", *(row[0] for row in found)]

    def rows_with(self, word: str, limit: int) -> list[int]:
        """Up to ``limit`` rows whose texts hold a word, those that left among them."""
        quoted = '"' + word.replace('"', '""') + '"'
        with self._guarded():
            found = self._connection.execute("SELECT rowid FROM lexeme WHERE lexeme MATCH ? LIMIT ?", (quoted, limit))
            return [row[0] for row in found]

    def rows_named(self, names: Sequence[str]) -> list[int]:
        """Rows of voices that have one of these names or ids, see `lexemes.plain`."""
        found: list[int] = []
        with self._guarded():
            for first in range(0, len(names), 500):
                part = names[first : first + 500]
                marks = ",".join("?" * len(part))
                query = f"SELECT row FROM name WHERE plain IN ({marks}) LIMIT {MOST_NAMED}"
                found += [row[0] for row in self._connection.execute(query, part)]
        return found

    def code(self, category: str, word: str) -> int:
        """The number of a word within `changing`; a new one where it has none."""
        if not word:
            return 0
        if category not in self._codes:
            self._codes[category] = {known: code for code, known in enumerate(self.words(category))}
        codes = self._codes[category]
        if word not in codes:
            codes[word] = len(codes)
            with self._guarded():
                self._connection.execute("INSERT INTO word VALUES (?, ?, ?)", (category, word, codes[word]))
        return codes[word]

    @contextmanager
    def changing(self) -> Generator[None]:
        """See `StoreCatalogue.changing`."""
        with self._lock:
            self._codes.clear()
            try:
                with super().changing():
                    yield
            except BaseException:
                self._codes.clear()
                raise

    def insert(self, first: int, items: Sequence[VoiceEntry]) -> None:
        """See `StoreCatalogue.insert`."""
        entries = items
        texts = [encode(entry) for entry in entries]
        rows = [
            (first + i, e.id, e.clip, checksum(text), text) for i, (e, text) in enumerate(zip(entries, texts, strict=True))
        ]
        self._connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", rows)
        words = [(first + i, " ".join(lexemes(searched(entry)))) for i, entry in enumerate(entries)]
        self._connection.executemany("INSERT INTO lexeme (rowid, words) VALUES (?, ?)", words)
        names = [(name, first + i) for i, e in enumerate(entries) for name in {plain(e.name), plain(e.id)} - NO_NAMES]
        self._connection.executemany("INSERT INTO name VALUES (?, ?)", names)

    def delete(self, rows: Iterable[int]) -> None:
        """See `StoreCatalogue.delete`."""
        pairs = [(row,) for row in rows]
        for row in pairs:
            found = self._connection.execute("SELECT json FROM entry WHERE row = ?", row).fetchone()
            gone = decode(found[0]) if found else None
            for name in {plain(gone.name), plain(gone.id)} if gone else ():
                self._connection.execute("DELETE FROM name WHERE plain = ? AND row = ?", (name, *row))
        self._connection.executemany("DELETE FROM entry WHERE row = ?", pairs)
        self._mark_removed([row for (row,) in pairs])

    def _entry(self, row: int, text: Any, sum_: Any) -> VoiceEntry:  # noqa: ANN401 - whatever a damaged file holds
        if not isinstance(text, str) or checksum(text) != sum_:
            raise StoreCorrupt(f"row {row} of {self.path} does not match its checksum; run `vivavoce voices repair`")
        return decode(text)


def searched(entry: VoiceEntry) -> str:
    """The text of an entry that the lexical search reads."""
    facts = entry.facts
    tags = (facts.accent, facts.style, facts.emotion, facts.pitch, facts.speed)
    return " ".join((entry.name, entry.description, *tags, entry.transcript))
