"""What was said and done in every session, an entry each, kept the moment it happens.

The log is what a dialogue is built from again: whatever instant a process dies at, what is in it is a valid history. It only
grows by what a turn adds; an entry is written anew only while its turn is under way, such as a call that began and ended.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from vivavoce.agent.session.database import BUSY_S, PRAGMAS, refusals, retrieved
from vivavoce.agent.state import Record
from vivavoce.core.errors import SessionError

Result = TypeVar("Result")
FORMAT = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    name TEXT PRIMARY KEY, begun REAL NOT NULL, used REAL NOT NULL, facts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY, session TEXT NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, value TEXT NOT NULL,
    UNIQUE (session, id)
);
"""
PUT_SESSION = """
INSERT INTO sessions VALUES (:name, :begun, :used, :facts)
ON CONFLICT (name) DO UPDATE SET used = max(used, excluded.used), facts = json_patch(facts, excluded.facts)
"""
PUT_RECORD = """
INSERT INTO records (session, id, at, value) VALUES (:session, :id, :at, :value)
ON CONFLICT (session, id) DO UPDATE SET value = excluded.value
"""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session from outside. begun, used: seconds since 1970, of its first and last entry. turns: questions asked in it."""

    name: str
    begun: float
    used: float
    turns: int


class SessionLog:
    """The log of all sessions of a data folder, in SQLite. Every write is on disk when it returns.

    Raises:
        SessionError: from every method: the database cannot be read or written, or another version wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._is_closed = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sessions")  # SQLite blocks

    async def open(self) -> None:
        """Open the database, and make it where there is none."""
        await self._run(self._open)

    async def put(self, session: str, records: Iterable[Record] = (), **facts: object) -> None:
        """Append records, or write those anew whose ids are known, and set facts of the session. All or nothing."""
        kept, now = list(records), time.time()
        await self._run(lambda: self._put(session, kept, facts, now, now))

    async def adopt(
        self, session: str, records: Sequence[Record], facts: Mapping[str, object], begun: float, used: float
    ) -> None:
        """Enter a session that was kept elsewhere. begun, used: when, in seconds since 1970."""
        await self._run(lambda: self._put(session, records, facts, begun, used))

    async def records(self, session: str) -> list[Record]:
        """All of a session, in order; ``at`` of each is when it was entered, in seconds since 1970."""
        return await self._run(lambda: self._records(session))

    async def all_of(self, session: str) -> tuple[dict[str, Any], list[Record]]:
        """The facts and the records of a session."""
        return await self._run(lambda: (self._facts(session), self._records(session)))

    async def facts(self, session: str) -> dict[str, Any]:
        """What the session remembers beside its records; {} of one that does not exist."""
        return await self._run(lambda: self._facts(session))

    async def sessions(self) -> list[SessionSummary]:
        """All sessions, the last used first."""
        rows = await self._run(
            lambda: self._query(
                "SELECT name, begun, used, (SELECT count(*) FROM records WHERE session = name"
                " AND json_extract(value, '$.role') = 'user') FROM sessions ORDER BY used DESC, name"
            )
        )
        return [SessionSummary(*row) for row in rows]

    async def names(self, unused_since: float | None = None) -> list[str]:
        """All sessions, or those last used before a time, in seconds since 1970."""
        latest = float("inf") if unused_since is None else unused_since
        rows = await self._run(lambda: self._query("SELECT name FROM sessions WHERE used < ? ORDER BY name", latest))
        return [str(row[0]) for row in rows]

    async def open_turns(self) -> set[str]:
        """Threads of the turns that are under way, or were when their process died."""
        rows = await self._run(lambda: self._query("SELECT json_extract(facts, '$.open') FROM sessions"))
        return {str(row[0]) for row in rows}

    async def delete(self, *sessions: str) -> None:
        """Remove sessions; nothing of them stays in the file. Cut off, it leaves them there, empty."""
        await self._run(lambda: self._delete(sessions))

    async def compact(self) -> None:
        """Give back the room of what was deleted, and leave nothing of it in the file."""
        await self._run(self._compact)

    async def close(self) -> None:
        """Let go of the file."""
        await self._run(self._close)
        self._is_closed = True
        self._worker.shutdown(wait=False)

    async def _run(self, work: Callable[[], Result]) -> Result:
        """In the worker; what has begun is finished, even if nobody waits for it any more."""
        if self._is_closed:
            raise SessionError(f"{self._path}: the sessions are closed; open a new agent")
        future = asyncio.get_running_loop().run_in_executor(self._worker, work)
        future.add_done_callback(retrieved)
        with refusals(self._path):
            return await asyncio.shield(future)

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > FORMAT:
                raise SessionError(f"{self._path}: a newer Vivavoce wrote these sessions; update this one")
            for pragma in PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            connection.executescript(SCHEMA)
            if version != FORMAT:
                connection.execute(f"PRAGMA user_version = {FORMAT}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _put(self, session: str, records: Sequence[Record], facts: Mapping[str, object], begun: float, used: float) -> None:
        rows = [{"session": session, "id": record["id"], "at": used, "value": json.dumps(record)} for record in records]
        with self._transaction() as connection:
            connection.execute(PUT_SESSION, {"name": session, "begun": begun, "used": used, "facts": json.dumps(facts)})
            connection.executemany(PUT_RECORD, rows)

    def _facts(self, session: str) -> dict[str, Any]:
        found = self._query("SELECT facts FROM sessions WHERE name = ?", session)
        return json.loads(found[0][0]) if found else {}

    def _records(self, session: str) -> list[Record]:
        rows = self._query("SELECT at, value FROM records WHERE session = ? ORDER BY position", session)
        return [{**json.loads(value), "at": at} for at, value in rows]

    def _delete(self, sessions: Sequence[str]) -> None:
        names = [(session,) for session in sessions]
        with self._transaction() as connection:
            connection.executemany("DELETE FROM records WHERE session = ?", names)
            connection.executemany("UPDATE sessions SET facts = '{}' WHERE name = ?", names)
        self._compact()
        with self._transaction() as connection:
            connection.executemany("DELETE FROM sessions WHERE name = ?", names)
        self._empty_write_ahead_log()

    def _compact(self) -> None:
        """Write the file anew: even with secure_delete, pages keep what once stood in them and was moved to others."""
        self._query("PRAGMA temp_store = MEMORY")  # else what is said lies in a temporary file meanwhile
        self._query("VACUUM")
        self._empty_write_ahead_log()

    def _empty_write_ahead_log(self) -> None:
        ((is_busy, _, _),) = self._query("PRAGMA wal_checkpoint(TRUNCATE)")
        if is_busy:
            raise SessionError(f"{self._path}: another process reads it, so that nothing can be erased; try again")

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._require().execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        connection = self._require()
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has ended it already
                connection.execute("ROLLBACK")
            raise

    def _require(self) -> sqlite3.Connection:
        if self._connection is None:
            raise SessionError(f"{self._path}: the sessions are closed; open a new agent")
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
