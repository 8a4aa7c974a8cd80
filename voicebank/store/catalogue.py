"""The catalogue of a bank in SQLite: records by row and id, and the words they hold."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from vivavoce.core.errors import StoreError
from vivavoce.core.store.catalogue import Group, StoreCatalogue
from vivavoce.core.store.journal import checksum
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.store.records import decode, encode
from vivavoce.voicebank.words import lexemes, plain

MOST_NAMED = 256  # voices of one name that are looked at
NO_NAMES = frozenset(("", "default"))  # "go back to the default voice" names no voice of the bank
SCHEMA = """
CREATE TABLE entry (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, clip TEXT NOT NULL, sum TEXT, json TEXT NOT NULL);
CREATE INDEX entry_clip ON entry (clip);
CREATE TABLE name (plain TEXT, row INTEGER, PRIMARY KEY (plain, row)) WITHOUT ROWID;
CREATE TABLE word (category TEXT, word TEXT, code INTEGER, PRIMARY KEY (category, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexeme USING fts5 (words, content = '', detail = none, columnsize = 0, tokenize = "ascii");
"""


class BankCatalogue(StoreCatalogue[VoiceEntry]):
    """One catalogue file; see `StoreCatalogue`."""

    application = 0x56564231  # "VVB1" in the header of the file: whose database it is
    version = 1
    schema = SCHEMA
    what = "the voice bank"
    advice = "run `vivavoce voices repair`"

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._codes: dict[str, dict[str, int]] = {}
        super().__init__(path, create=create)

    def records(self, rows: Sequence[int]) -> dict[int, VoiceEntry]:
        """Records by row; a row that left since is absent."""
        found = self._select("SELECT row, sum, json FROM entry WHERE row IN ({})", rows)
        return {row: decode(self._checked(row, sum_, text)) for row, sum_, text in found}

    def groups(self) -> Iterator[Group[VoiceEntry]]:
        """See `StoreCatalogue.groups`; each voice by itself."""
        for row, text in self._select_all("entry", "row"):
            yield Group(row, (decode(text),))

    def readable(self, rows: int) -> Iterator[Group[VoiceEntry]]:
        """See `StoreCatalogue.readable`."""
        for row in range(rows):
            with suppress(StoreError):
                if record := self.records([row]).get(row):
                    yield Group(row, (record,))

    def by_id(self, voice_id: str) -> tuple[int, VoiceEntry] | None:
        """A record with its row."""
        found = self._select("SELECT row, sum, json FROM entry WHERE id IN ({})", [voice_id])
        return next(((row, decode(self._checked(row, sum_, text))) for row, sum_, text in found), None)

    def ids_of_clip(self, clip: str) -> list[str]:
        """Ids of the voices that have this clip."""
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
        """Rows of voices that have one of these names or ids, see `words.plain`."""
        return [row for (row,) in self._select(f"SELECT row FROM name WHERE plain IN ({{}}) LIMIT {MOST_NAMED}", names)]

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

    def insert(self, first: int, records: Sequence[VoiceEntry]) -> None:
        """See `StoreCatalogue.insert`."""
        rows: list[tuple[int, str, str, str, str]] = []
        words: list[tuple[int, str]] = []
        names: list[tuple[str, int]] = []
        for row, record in enumerate(records, first):
            text = encode(record)
            rows.append((row, record.id, record.clip, checksum(text), text))
            words.append((row, " ".join(lexemes(searched(record)))))
            names += [(name, row) for name in {plain(record.name), plain(record.id)} - NO_NAMES]
        self._connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?)", rows)
        self._connection.executemany("INSERT INTO lexeme (rowid, words) VALUES (?, ?)", words)
        self._connection.executemany("INSERT INTO name VALUES (?, ?)", names)

    def delete(self, rows: Iterable[int]) -> None:
        """See `StoreCatalogue.delete`."""
        gone = list(rows)
        for row, text in self._select("SELECT row, json FROM entry WHERE row IN ({})", gone):
            record = decode(text)
            names = [(plain(name), row) for name in (record.name, record.id)]
            self._connection.executemany("DELETE FROM name WHERE plain = ? AND row = ?", names)
        self._connection.executemany("DELETE FROM entry WHERE row = ?", [(row,) for row in gone])
        self._mark_removed(gone)


def searched(record: VoiceEntry) -> str:
    """The text of a record that the lexical search reads."""
    facts = record.facts
    tags = (facts.accent, facts.style, facts.emotion, facts.pitch, facts.speed)
    return " ".join((record.name, record.description, *tags, record.transcript))
