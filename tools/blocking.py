"""Blocking functions in threads of their own: one that hangs keeps nothing else waiting, not even the process's end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any
from weakref import WeakKeyDictionary

from vivavoce.core.calls import current_call

AT_ONCE = 8  # threads that a tool may have; further calls wait for one of them


class BlockingCalls:
    """Runs the blocking calls of one tool, `AT_ONCE` at the same time. A thread cannot be stopped, only left alone."""

    def __init__(self) -> None:
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = Semaphore(0)
        self._threads = 0

    def __del__(self) -> None:
        for _ in range(self._threads):
            self._jobs.put(None)

    async def run(self, function: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever a function returns
        """What the function returns or raises. It is at work until it has ended, also where nobody waits for it any more."""
        loop = asyncio.get_running_loop()
        free = self._free.setdefault(loop, asyncio.Semaphore(AT_ONCE))
        await free.acquire()
        at_work = current_call().at_work
        ended: asyncio.Future[Any] = loop.create_future()
        context = copy_context()

        def settle(result: Any, error: BaseException | None) -> None:  # noqa: ANN401
            at_work.clear()
            free.release()
            if ended.cancelled():
                return
            if error is None:
                ended.set_result(result)
            else:
                ended.set_exception(error)

        def work() -> None:
            result, error = None, None
            try:
                result = context.run(function)
            except StopIteration as stopped:  # a future cannot hold it, so the call would never end
                error = RuntimeError("the function raised StopIteration")
                error.__cause__ = stopped
            except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
                error = raised
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(settle, result, error)

        at_work.set()
        self._jobs.put(work)
        if not self._idle.acquire(blocking=False):
            self._threads += 1
            Thread(target=_work_off, args=(self._jobs, self._idle), name="tool", daemon=True).start()
        return await ended


def _work_off(jobs: SimpleQueue[Callable[[], None] | None], idle: Semaphore) -> None:
    """One job after another. It knows nothing of who gives them, so that those can go."""
    while (job := jobs.get()) is not None:
        job()
        del job  # which holds what the call was given
        idle.release()
