"""Everything that is kept of sessions: their log, their recordings, the turns that are under way."""

import logging
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from vivavoce.agent.session.checkpoints import open_checkpoints
from vivavoce.agent.session.database import refusals
from vivavoce.agent.session.earlier import take_over
from vivavoce.agent.session.history import PastTurn, turns_of
from vivavoce.agent.session.log import SessionLog, SessionSummary
from vivavoce.agent.session.queue import SessionQueue, WhenBusy
from vivavoce.agent.session.recordings import Recordings
from vivavoce.core.durable import discard, private_folder
from vivavoce.core.errors import SessionError

DATABASE = "sessions.sqlite"
DAY_S = 86_400.0
logger = logging.getLogger(__name__)


class Sessions:
    """What an agent keeps. checkpoints: of LangGraph, for the turn that is under way."""

    def __init__(self, folder: Path, log: SessionLog, checkpoints: BaseCheckpointSaver[Any], when_busy: WhenBusy) -> None:
        self.log = log
        self.checkpoints = checkpoints
        self.recordings = Recordings(folder / "recordings")
        self.queue = SessionQueue(folder / "locks", when_busy)
        self._folder = folder

    async def all(self) -> list[SessionSummary]:
        """All sessions, the last used first.

        Raises:
            SessionError: they cannot be read.
        """
        return await self.log.sessions()

    async def history(self, session: str) -> tuple[PastTurn, ...]:
        """What was said and done in a session, turn by turn; () where there is no such session.

        Raises:
            SessionError: it cannot be read.
        """
        return turns_of(await self.log.records(session))

    async def forget(self, session: str) -> bool:
        """Delete a session with its recordings and its lock, so that nothing of it is left. Returns whether there was one.

        Raises:
            SessionError: a turn of it is under way, or the disk refuses.
        """
        leave = await self.queue.enter(session, _Deletion())
        try:
            facts = await self.log.facts(session)
            existed = bool(facts) or bool(await self.log.records(session))
            for thread in {facts.get("open"), facts.get("waiting")} - {None, ""}:
                await self.checkpoints.adelete_thread(str(thread))
            with refusals(self._folder):
                self.recordings.delete(session)
            await self.log.delete(session)
            discard(self.queue.lock_file(session))
        finally:
            leave()
        return existed

    async def prune(self, days: float) -> list[str]:
        """Forget the sessions that were not used for so many days; those that are in a turn stay. Returns their names.

        Raises:
            SessionError: the disk refuses.
        """
        oldest = time.time() - days * DAY_S
        names = [summary.name for summary in await self.all() if summary.used < oldest]
        for name in names:
            await self.forget(name)
        return names


class _Deletion:
    """Holds a session while it is deleted."""

    is_leaving = True

    async def interrupt(self) -> None:
        """It is over in a moment."""


@asynccontextmanager
async def open_sessions(
    folder: Path,
    checkpoints: BaseCheckpointSaver[Any] | None = None,
    *,
    when_busy: WhenBusy = "queue",
    retention_days: float | None = None,
) -> AsyncGenerator[Sessions]:
    """The sessions of a folder, which only its owner can look into. Those of earlier versions are taken over.

    checkpoints: a saver of your own, for the turns that are under way. retention_days: sessions that were not used for
    longer are forgotten.

    Raises:
        SessionError: they cannot be kept, or the database is damaged or of a newer version.
    """
    path = folder / DATABASE
    with refusals(folder):
        private_folder(folder)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        path.chmod(0o600)
    log = SessionLog(path)
    await log.open()
    try:
        async with open_checkpoints(path) as own:
            await take_over(folder, log, own)
            sessions = Sessions(folder, log, own if checkpoints is None else checkpoints, when_busy)
            if retention_days is not None:
                await _keep_to(retention_days, sessions)
            try:
                yield sessions
            finally:
                await sessions.queue.end()
    finally:
        await log.close()


async def _keep_to(days: float, sessions: Sessions) -> None:
    try:
        if names := await sessions.prune(days):
            logger.info("forgot %d sessions that were not used for %g days", len(names), days)
    except SessionError as error:  # old sessions are no reason not to answer
        logger.warning("%s", error)
