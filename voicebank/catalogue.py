"""The catalogue in SQLite: entries by row and id, the words they hold, and which batches were committed.

Its commit is the commit of the bank: files are appended and synced before it, and what they hold beyond it is ignored.
A rollback journal instead of a write-ahead log: a bank on a read-only disk can then be opened.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from vivavoce.core.errors import StoreCorrupt, StoreError
from vivavoce.core.voice import VoiceEntry
from vivavoce.voicebank.entries import checksum, decode, encode
from vivavoce.voicebank.lexemes import lexemes, plain

APPLICATION = 0x56564231  # "VVB1" in the header of the file: whose database it is
VERSION = 1
BUSY_S = 10.0
MOST_NAMED = 256  # voices of one name that are looked at
NO_NAMES = frozenset(("", "default"))  # "go back to the default voice" names no voice of the bank
REFUSALS = (  # of the system; every other error of SQLite means damage
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
)
SCHEMA = """
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER, rows INTEGER, journal INTEGER, removed INTEGER);
CREATE TABLE entry (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, clip TEXT NOT NULL, sum TEXT, json TEXT NOT NULL);
CREATE INDEX entry_clip ON entry (clip);
CREATE TABLE name (plain TEXT, row INTEGER, PRIMARY KEY (plain, row)) WITHOUT ROWID;
CREATE TABLE removed (row INTEGER PRIMARY KEY);
CREATE TABLE word (category TEXT, word TEXT, code INTEGER, PRIMARY KEY (category, word)) WITHOUT ROWID;
CREATE TABLE batch (first INTEGER, rows INTEGER, file TEXT, sha256 TEXT, PRIMARY KEY (first, file)) WITHOUT ROWID;
CREATE VIRTUAL TABLE lexeme USING fts5 (words, content = '', detail = none, columnsize = 0, tokenize = "ascii");
INSERT INTO state VALUES (1, 0, 0, 0, 0);
"""


@dataclass(frozen=True, slots=True)
class State:
    """What is committed: number of the last commit, rows ever added, bytes of the journal, rows removed."""

    number: int
    rows: int
    journal: int
    removed: int


class Catalogue:
    """One catalogue file. May be used by several threads; one writer at a time, which the bank's lock sees to."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open, or create.

        Raises:
            StoreCorrupt: it is missing, damaged, or the database of something else.
        """
        self.path = path
        self._lock = RLock()
        self._codes: dict[str, dict[str, int]] = {}
        if not create and not path.is_file():
            raise StoreCorrupt(f"{path} is missing; run `vivavoce voices repair`")
        with self._guarded():
            self._connection = sqlite3.connect(
                path if create else f"{path.absolute().as_uri()}?mode=rw",
                uri=not create,
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._guarded():
                if create:
                    self._create()
                self._check()
        except (StoreError, StoreCorrupt):
            self._connection.close()
            raise

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._connection.close()

    def state(self) -> State:
        """What is committed now."""
        with self._guarded():
            found = self._connection.execute("SELECT number, rows, journal, removed FROM state").fetchone()
        if found is None:
            raise StoreCorrupt(f"{self.path} is damaged (no state); run `vivavoce voices repair`")
        return State(*found)

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

    def removed(self) -> list[int]:
        """Rows that left."""
        with self._guarded():
            return [row[0] for row in self._connection.execute("SELECT row FROM removed")]

    def words(self, category: str) -> list[str]:
        """The vocabulary of a category by code; the first is the empty word."""
        with self._guarded():
            found = self._connection.execute("SELECT word FROM word WHERE category = ? ORDER BY code", (category,))
            return ["", *(row[0] for row in found)]

    def sums(self) -> list[tuple[int, int, str, str]]:
        """(first row, rows, file, SHA-256) of each batch."""
        with self._guarded():
            return self._connection.execute("SELECT first, rows, file, sha256 FROM batch ORDER BY first, file").fetchall()

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
        """One transaction: all or nothing."""
        with self._guarded():
            self._codes.clear()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")  # refused while a reader holds on; must not stay half done
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._codes.clear()
                raise

    def insert(self, first: int, entries: Sequence[VoiceEntry]) -> None:
        """Add entries from row ``first`` on, within `changing`."""
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
        """Take rows out, within `changing`."""
        pairs = [(row,) for row in rows]
        for row in pairs:
            found = self._connection.execute("SELECT json FROM entry WHERE row = ?", row).fetchone()
            gone = decode(found[0]) if found else None
            for name in {plain(gone.name), plain(gone.id)} if gone else ():
                self._connection.execute("DELETE FROM name WHERE plain = ? AND row = ?", (name, *row))
        self._connection.executemany("DELETE FROM entry WHERE row = ?", pairs)
        self._connection.executemany("INSERT OR IGNORE INTO removed VALUES (?)", pairs)

    def finish(self, state: State, first: int, sums: dict[str, str]) -> None:
        """Record a batch, within `changing`. sums: SHA-256 of its rows by file."""
        count = state.rows - first
        self._connection.executemany(
            "INSERT OR REPLACE INTO batch VALUES (?, ?, ?, ?)", [(first, count, file, sha) for file, sha in sums.items()]
        )
        self._connection.execute(
            "UPDATE state SET number = ?, rows = ?, journal = ?, removed = ?",
            (state.number, state.rows, state.journal, state.removed),
        )

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        try:
            with self._guarded():
                found = self._connection.execute("PRAGMA integrity_check(5)").fetchall()
        except StoreError as error:
            return [str(error)]
        return [line for row in found for line in str(row[0]).splitlines() if line != "ok"]

    def _create(self) -> None:
        self._connection.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; {SCHEMA}")

    def _check(self) -> None:
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute("PRAGMA synchronous = EXTRA")
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise StoreCorrupt(f"{self.path} is no catalogue of a voice bank; run `vivavoce voices repair`")
        if version > VERSION:
            raise StoreCorrupt(
                f"{self.path} is of version {version}, this program reads {VERSION}; use the program that wrote it"
            )
        if version != VERSION:
            raise StoreCorrupt(f"{self.path} is damaged (version); run `vivavoce voices repair`")
        self.state()

    def _entry(self, row: int, text: Any, sum_: Any) -> VoiceEntry:  # noqa: ANN401 - whatever a damaged file holds
        if not isinstance(text, str) or checksum(text) != sum_:
            raise StoreCorrupt(f"row {row} of {self.path} does not match its checksum; run `vivavoce voices repair`")
        return decode(text)

    @contextmanager
    def _guarded(self) -> Generator[None]:
        """One thread at a time, and SQLite's errors as ours."""
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
                raise self._refused(error) from error

    def _refused(self, error: Exception) -> StoreError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError("the voice bank is being changed by another process; try again in a moment")
        why = " ".join(str(error).split())
        if code & 0xFF in REFUSALS and code != sqlite3.SQLITE_IOERR_SHORT_READ:
            return StoreError(f"cannot use {self.path}: {why}; free space or check its rights")
        return StoreCorrupt(f"{self.path} is damaged ({why}); run `vivavoce voices repair`")


def is_newer(path: Path) -> bool:
    """Whether the header of a file says that a later program wrote it."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError:
        return False
    application, version = header[68:72], header[60:64]
    return application == APPLICATION.to_bytes(4, "big") and int.from_bytes(version, "big") > VERSION


def searched(entry: VoiceEntry) -> str:
    """The text of an entry that the lexical search reads."""
    facts = entry.facts
    tags = (facts.accent, facts.style, facts.emotion, facts.pitch, facts.speed)
    return " ".join((entry.name, entry.description, *tags, entry.transcript))
