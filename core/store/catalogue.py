"""The SQLite file of a generation: what its rows are, which left, and which batches were committed.

Its commit is the commit of the collection: files are appended and synced before it, and what they hold beyond it is
ignored. A rollback journal instead of a write-ahead log: a collection on a read-only disk can then be opened.
"""

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar, Generic, TypeVar

from vivavoce.core.errors import StoreCorrupt, StoreError, reason
from vivavoce.core.store.journal import checksum

BUSY_S = 10.0
PAGE = 1_000  # rows read at once
MOST_ROWS = 1 << 30  # a damaged state may claim any number
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
CREATE TABLE removed (row INTEGER PRIMARY KEY);
CREATE TABLE batch (first INTEGER, rows INTEGER, file TEXT, sha256 TEXT, PRIMARY KEY (first, file)) WITHOUT ROWID;
INSERT INTO state VALUES (1, 0, 0, 0, 0);
"""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Group(Generic[R]):
    """Records in rows that follow each other, which are written and leave together. first: their first row."""

    first: int
    records: Sequence[R]

    @property
    def rows(self) -> range:
        """Where they stand."""
        return range(self.first, self.first + len(self.records))


@dataclass(frozen=True, slots=True)
class State:
    """What is committed: number of the last commit, rows ever added, bytes of the journal, rows removed."""

    number: int
    rows: int
    journal: int
    removed: int


class StoreCatalogue(ABC, Generic[R]):
    """One file. May be used by several threads; one writer at a time, which the store's lock sees to.

    A kind of collection says how its files are told from other databases (application, version), what is in them beside
    the tables above (schema), and how it is called when something is wrong (what, advice).
    """

    application: ClassVar[int]
    version: ClassVar[int]
    schema: ClassVar[str]
    what: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open, or create.

        Raises:
            StoreCorrupt: it is missing, damaged, or the database of something else.
        """
        self.path = path
        self._lock = RLock()
        if not create and not path.is_file():
            raise StoreCorrupt(f"{path} is missing; {self.advice}")
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
        if found is None or not all(isinstance(value, int) and value >= 0 for value in found):
            raise StoreCorrupt(f"{self.path} is damaged (no state); {self.advice}")
        if not found[3] <= found[1] <= MOST_ROWS:
            raise StoreCorrupt(f"{self.path} is damaged (impossible state); {self.advice}")
        return State(*found)

    def removed(self) -> list[int]:
        """Rows that left."""
        with self._guarded():
            return [row[0] for row in self._connection.execute("SELECT row FROM removed")]

    def sums(self) -> list[tuple[int, int, str, str]]:
        """(first row, rows, file, SHA-256) of each batch."""
        with self._guarded():
            return self._connection.execute("SELECT first, rows, file, sha256 FROM batch ORDER BY first, file").fetchall()

    @contextmanager
    def changing(self) -> Generator[None]:
        """One transaction: all or nothing."""
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")  # refused while a reader holds on; must not stay half done
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @abstractmethod
    def groups(self) -> Iterator[Group[R]]:
        """Every record, in the order they were added, read page by page.

        Raises:
            StoreCorrupt: one does not match its checksum.
        """

    @abstractmethod
    def readable(self, rows: int) -> Iterator[Group[R]]:
        """Of the first ``rows``, the groups that can be read: a damaged one hides no other."""

    @abstractmethod
    def insert(self, first: int, records: Sequence[R]) -> None:
        """Add whole groups from row ``first`` on, within `changing`."""

    @abstractmethod
    def delete(self, rows: Iterable[int]) -> None:
        """Take rows out, within `changing`."""

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

    def _select(self, query: str, values: Sequence[Any]) -> list[Any]:
        """What a query finds; its ``{}`` stands for any number of values."""
        found: list[Any] = []
        for start in range(0, len(values), PAGE):
            part = values[start : start + PAGE]
            with self._guarded():
                found += self._connection.execute(query.format(",".join("?" * len(part))), part)
        return found

    def _select_all(self, table: str, key: str) -> Iterator[tuple[int, str]]:
        """Rows and texts of a table in order, page by page; none that was added meanwhile."""
        columns = f"{key}, sum, json, (SELECT max({key}) FROM {table})"
        query = f"SELECT {columns} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key} LIMIT {PAGE}"
        last, end = -1, 2**62
        while last < end:
            with self._guarded():
                page = self._connection.execute(query, (last, end)).fetchall()
            if not page:
                return
            for row, sum_, text, _ in page:
                yield row, self._checked(row, sum_, text)
            last, end = page[-1][0], min(end, page[0][3])

    def _checked(self, row: int, sum_: Any, text: Any) -> str:  # noqa: ANN401 - whatever a damaged file holds
        """The text of a record."""
        if not isinstance(text, str) or checksum(text) != sum_:
            raise StoreCorrupt(f"row {row} of {self.path} does not match its checksum; {self.advice}")
        return text

    def _mark_removed(self, rows: Sequence[int]) -> None:
        self._connection.executemany("INSERT OR IGNORE INTO removed VALUES (?)", [(row,) for row in rows])

    def _create(self) -> None:
        self._connection.executescript(
            f"PRAGMA application_id = {self.application}; PRAGMA user_version = {self.version}; {SCHEMA} {self.schema}"
        )

    def _check(self) -> None:
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute("PRAGMA synchronous = EXTRA")
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if application != self.application:
            raise StoreCorrupt(f"{self.path} is no catalogue of {self.what}; {self.advice}")
        if version > self.version:
            raise StoreCorrupt(
                f"{self.path} is of version {version}, this program reads {self.version}; use the program that wrote it"
            )
        if version != self.version:
            raise StoreCorrupt(f"{self.path} is damaged (version); {self.advice}")
        self.state()

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
            return StoreError(f"{self.what} is being changed by another process; try again in a moment")
        why = reason(error)
        if code & 0xFF in REFUSALS and code != sqlite3.SQLITE_IOERR_SHORT_READ:
            return StoreError(f"cannot use {self.path}: {why}; free space or check its rights")
        return StoreCorrupt(f"{self.path} is damaged ({why}); {self.advice}")

    @classmethod
    def is_newer(cls, path: Path) -> bool:
        """Whether the header of a file says that a later program wrote it."""
        try:
            with path.open("rb") as file:
                header = file.read(100)
        except OSError:
            return False
        application, version = header[68:72], header[60:64]
        return application == cls.application.to_bytes(4, "big") and int.from_bytes(version, "big") > cls.version
