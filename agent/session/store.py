"""Sessions on disk: the checkpoint database and the lock that keeps two processes out of one dialogue."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from vivavoce.core.durable import exclusive
from vivavoce.core.errors import SessionError


def session_lock(folder: Path, name: str) -> AbstractContextManager[None]:
    """Hold a session for one turn.

    Raises:
        SessionError: another turn of this session is running.
    """
    busy = f"session {name!r} is in a turn already; wait for it or use another --session"
    return exclusive(folder / "locks" / f"{name}.lock", busy, SessionError, timeout_s=0.0)


@asynccontextmanager
async def open_checkpointer(folder: Path) -> AsyncGenerator[AsyncSqliteSaver]:
    """The store of all sessions, ``sessions.sqlite``.

    State is JSON values only, so that no class of ours or anyone's is ever revived from the database.

    Raises:
        SessionError: the database cannot be opened or is damaged.
    """
    path = folder / "sessions.sqlite"
    try:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        connection = await aiosqlite.connect(path)
        try:
            saver = AsyncSqliteSaver(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
            await saver.setup()
            yield saver
        finally:
            await connection.close()
    except (OSError, sqlite3.Error) as error:
        raise SessionError(f"{path}: sessions cannot be kept ({error}); move the file away or free the disk") from error
