"""What an agent waits for, without threads: every wait is some rounds of the event loop, so that a run can be repeated."""

import asyncio
import sqlite3
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager
from unittest.mock import patch

from langgraph.checkpoint.sqlite import SqliteSaver

from vivavoce.core.messages import TextDelta


async def rounds(count):
    """Let the others go on, so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


class Inline(ThreadPoolExecutor):
    """Works at once, in the thread of whoever asks."""

    def submit(self, work, /, *arguments, **options):
        future = Future()
        done(future, lambda: work(*arguments, **options))
        return future


class Paced(ThreadPoolExecutor):
    """Does one thing after another, each after some rounds of the loop. pace: how many, the next time."""

    def __init__(self, loop, pace):
        super().__init__(max_workers=1)
        self._loop, self._pace = loop, pace
        self._waiting = deque()

    def submit(self, work, /, *arguments, **options):
        future = Future()
        self._waiting.append((future, lambda: work(*arguments, **options)))
        if len(self._waiting) == 1:
            self._wait(self._pace())
        return future

    def _wait(self, count):
        if count:
            self._loop.call_soon(self._wait, count - 1)
            return
        done(*self._waiting[0])
        self._waiting.popleft()
        if self._waiting:
            self._wait(1 + self._pace())


def done(future, work):
    """Work whose result, or error, a future has."""
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - handed on
        future.set_exception(error)
    else:
        future.set_result(result)


class PacedSaver(SqliteSaver):
    """A checkpointer in the same file as the log."""

    def __init__(self, connection, pace):
        super().__init__(connection)
        self._pace = pace

    async def threads(self):
        return [row[0] for row in self.conn.execute("SELECT DISTINCT thread_id FROM checkpoints")]

    async def aget_tuple(self, config):
        await rounds(self._pace())
        return self.get_tuple(config)

    async def aput(self, *arguments):
        await rounds(self._pace())
        kept = self.put(*arguments)
        await rounds(self._pace())
        return kept

    async def aput_writes(self, *arguments):
        await rounds(self._pace())
        self.put_writes(*arguments)
        await rounds(self._pace())

    async def adelete_thread(self, thread_id):
        await rounds(self._pace())
        self.delete_thread(thread_id)


@contextmanager
def threadless(loop, pace):
    """Within, sessions are opened that do all work in the loop's thread."""

    @asynccontextmanager
    async def open_checkpoints(path):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            saver = PacedSaver(connection, pace)
            saver.setup()
            yield saver

    loop.set_default_executor(Inline(1))
    with (
        patch("vivavoce.agent.session.log.ThreadPoolExecutor", lambda **_: Paced(loop, pace)),
        patch("vivavoce.agent.session.store.open_checkpoints", open_checkpoints),
    ):
        yield


class PacedLM:
    """A language model that follows a script; between two deltas it lets others go on."""

    def __init__(self, script, pace):
        self._script, self._pace = script, pace

    async def warm_up(self, tools, instructions=()):
        pass

    async def stream(self, messages, tools):
        for item in self._script(messages, tools):
            await rounds(self._pace())
            yield TextDelta(item) if isinstance(item, str) else item

    async def close(self):
        pass
