"""Where LangGraph keeps the turn that is under way: only that one, so it stays small."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from vivavoce.agent.session.database import BUSY_S, PRAGMAS, refusals, retrieved

Result = TypeVar("Result")


class Checkpoints(AsyncSqliteSaver):
    """A saver whose failures are `SessionError`s of one line, and that never leaves a write half done."""

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        # State is JSON values only, so that no class of ours or anyone's is ever revived from it.
        super().__init__(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self.path = path
        self._writing: set[asyncio.Task[Any]] = set()

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `BaseCheckpointSaver`."""
        with refusals(self.path):
            return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        """See `BaseCheckpointSaver`."""
        return await self._whole(super().aput(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See `BaseCheckpointSaver`."""
        await self._whole(super().aput_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """See `BaseCheckpointSaver`. Writes that were begun before are not written afterwards."""
        await self.written()
        await self._whole(super().adelete_thread(thread_id))

    async def first(self, thread_id: str) -> CheckpointTuple | None:
        """The oldest checkpoint of a thread."""
        with refusals(self.path):
            query = "SELECT min(checkpoint_id) FROM checkpoints WHERE thread_id = ?"
            ((oldest,),) = await self.conn.execute_fetchall(query, (thread_id,))
        return await self.aget_tuple({"configurable": {"thread_id": thread_id, "checkpoint_id": oldest}}) if oldest else None

    async def threads(self) -> list[str]:
        """All threads that there are."""
        with refusals(self.path):
            rows = await self.conn.execute_fetchall("SELECT DISTINCT thread_id FROM checkpoints")
            return [str(row[0]) for row in rows]

    async def written(self) -> None:
        """Wait for the writes that nobody waits for any more."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _whole(self, write: Coroutine[Any, Any, Result]) -> Result:
        """Finish a write even if its turn is interrupted: between statement and commit it would keep the database locked."""
        task = asyncio.create_task(self._committed(write))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        task.add_done_callback(retrieved)
        return await asyncio.shield(task)

    async def _committed(self, write: Coroutine[Any, Any, Result]) -> Result:
        with refusals(self.path):
            try:
                return await write
            except BaseException:
                async with self.lock:
                    await self.conn.rollback()
                raise


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncGenerator[Checkpoints]:
    """Open the database, which is the one of the log.

    Raises:
        SessionError: it cannot be opened or is damaged.
    """
    with refusals(path):
        connection = await aiosqlite.connect(path, timeout=BUSY_S)
    try:
        saver = Checkpoints(connection, path)
        with refusals(path):
            for pragma in PRAGMAS:
                await connection.execute(f"PRAGMA {pragma}")
            await saver.setup()
        try:
            yield saver
        finally:
            await saver.written()
    finally:
        await connection.close()
