"""Where LangGraph keeps the turn that is under way: only that one, so it stays small."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from vivavoce.agent.session.database import BUSY_S, PRAGMAS, refusals


class Checkpoints(AsyncSqliteSaver):
    """A saver whose failures are `SessionError`s of one line."""

    path: Path

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `BaseCheckpointSaver`."""
        with refusals(self.path):
            return await super().aget_tuple(config)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        """See `BaseCheckpointSaver`."""
        with refusals(self.path):
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """See `BaseCheckpointSaver`."""
        with refusals(self.path):
            await super().aput_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `BaseCheckpointSaver`."""
        with refusals(self.path):
            await super().adelete_thread(thread_id)

    async def threads(self) -> list[str]:
        """All threads that there are."""
        with refusals(self.path):
            rows = await self.conn.execute_fetchall("SELECT DISTINCT thread_id FROM checkpoints")
            return [str(row[0]) for row in rows]


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncGenerator[Checkpoints]:
    """Open the database, which is the one of the log.

    State is JSON values only, so that no class of ours or anyone's is ever revived from it.

    Raises:
        SessionError: it cannot be opened or is damaged.
    """
    with refusals(path):
        connection = await aiosqlite.connect(path, timeout=BUSY_S)
    try:
        saver = Checkpoints(connection, serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        saver.path = path
        with refusals(path):
            for pragma in PRAGMAS:
                await connection.execute(f"PRAGMA {pragma}")
            await saver.setup()
        yield saver
    finally:
        await connection.close()
