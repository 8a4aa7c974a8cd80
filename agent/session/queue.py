"""Turns of one session come one after another, in this process and in others."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from filelock import FileLock, Timeout

from vivavoce.agent.session.database import refusals, retrieved
from vivavoce.core.durable import private_folder
from vivavoce.core.errors import SessionError

WhenBusy = Literal["queue", "refuse", "interrupt"]
POLL_S = 0.02  # how often the lock of another process is tried


class SessionBusy(SessionError):
    """Another turn has the session."""


class Holder(Protocol):
    """A turn, as the queue sees it."""

    @property
    def is_leaving(self) -> bool:
        """Whether it was given up and will be gone in a moment."""
        ...

    async def interrupt(self) -> None:
        """End it."""
        ...


class _Upkeep:
    """Holds a session while it is deleted, or moved from where an earlier version kept it."""

    is_leaving = True

    async def interrupt(self) -> None:
        """It is over in a moment."""


@dataclass(slots=True)
class _Line:
    """holders: who has the session, then who waits for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    holders: deque[Holder] = field(default_factory=deque[Holder])


class SessionQueue:
    """Lets one turn at a time into a session. when_busy: what becomes of the next one, see `Settings.when_busy`."""

    def __init__(self, folder: Path, when_busy: WhenBusy = "queue") -> None:
        self._folder = folder
        self._when_busy: WhenBusy = when_busy
        self._lines: dict[str, _Line] = {}
        self._interrupting: set[asyncio.Task[None]] = set()
        self._is_ending = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def enter(self, session: str, holder: Holder, when_busy: WhenBusy | None = None) -> Callable[[], None]:
        """Wait for the session; return what lets go of it. when_busy: other than that of the queue.

        Raises:
            SessionBusy: another turn has it, and turns are refused then. SessionError: the lock cannot be made.
        """
        if self._loop not in (None, asyncio.get_running_loop()):
            raise SessionError("the agent runs in another event loop; ask it there, such as from an async tool")
        self._loop = asyncio.get_running_loop()
        when_busy = when_busy or self._when_busy
        line = self._lines.setdefault(session, _Line())
        if line.holders and when_busy == "refuse" and not all(other.is_leaving for other in line.holders):
            raise _busy(session)
        if line.holders and when_busy == "interrupt":
            self._interrupt(line.holders[0])
        line.holders.append(holder)
        try:
            await line.lock.acquire()
        except BaseException:
            self._forget(session, line, holder)
            raise
        try:
            locked = await self._lock_file(session, when_busy)
        except BaseException:
            line.lock.release()
            self._forget(session, line, holder)
            raise
        if line.holders[-1] is not holder and when_busy == "interrupt":
            self._interrupt(holder)  # whoever came after it found another in its place

        def leave() -> None:
            locked.release()
            line.lock.release()
            self._forget(session, line, holder)

        return leave

    async def settled(self, session: str) -> None:
        """Wait for a turn that was given up to be gone."""
        line = self._lines.get(session)
        if line is not None and line.holders[0].is_leaving:
            await line.holders[0].interrupt()

    async def end(self) -> None:
        """Interrupt whoever has a session or waits for one, and wait until all are free."""
        self._is_ending = True
        errors: list[SessionError] = []
        while holders := [holder for line in self._lines.values() for holder in reversed(line.holders)]:
            for holder in holders:
                try:
                    await holder.interrupt()
                except SessionError as error:
                    errors.append(error)
            await asyncio.sleep(POLL_S if self._lines else 0)
        if errors:
            raise errors[0]

    @asynccontextmanager
    async def held(self, session: str, when_busy: WhenBusy | None = None) -> AsyncGenerator[None]:
        """Keep turns out of a session. See `enter`."""
        leave = await self.enter(session, _Upkeep(), when_busy)
        try:
            yield
        finally:
            leave()

    def sessions(self) -> list[str]:
        """Names of the sessions that locks were made for."""
        with refusals(self._folder):
            return [path.stem for path in self._folder.glob("*.lock")]

    def lock_file(self, session: str) -> Path:
        """What processes keep each other out with."""
        return self._folder / f"{session}.lock"

    async def _lock_file(self, session: str, when_busy: WhenBusy) -> FileLock:
        path = self.lock_file(session)
        with refusals(path):
            private_folder(path.parent)
        lock = FileLock(path, timeout=0, thread_local=False, mode=0o600)
        while not _taken(lock, path):
            if when_busy == "refuse" or self._is_ending:
                raise _busy(session)
            await asyncio.sleep(POLL_S)
        return lock

    def _interrupt(self, holder: Holder) -> None:
        task = asyncio.create_task(holder.interrupt())
        self._interrupting.add(task)
        task.add_done_callback(self._interrupting.discard)
        task.add_done_callback(retrieved)

    def _forget(self, session: str, line: _Line, holder: Holder) -> None:
        line.holders.remove(holder)
        if not line.holders:
            self._lines.pop(session, None)


def _taken(lock: FileLock, path: Path) -> bool:
    with refusals(path):
        try:
            lock.acquire()
        except Timeout:
            return False
        if path.exists():
            return True
        lock.release()  # of a session that was deleted meanwhile
        return False


def _busy(session: str) -> SessionBusy:
    return SessionBusy(f"session {session!r} is in a turn already; wait for it or use another session")
