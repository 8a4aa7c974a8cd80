"""One agent at a time: each loads models that fill the memory, and items are asked in an order that changes it seldom."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Generic, TypeVar

from vivavoce.agent import Agent
from vivavoce.app.wiring import open_agent
from vivavoce.core.settings import Settings

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class OneOpen(Generic[K, T]):
    """Keeps open what was asked for last.

    opening: what to open for a key. first: the key that is opened at once, so that what is missing is told before any item.
    """

    def __init__(self, opening: Callable[[K], AbstractAsyncContextManager[T]], first: K) -> None:
        self._opening = opening
        self._first = first
        self._stack = AsyncExitStack()
        self._held: tuple[K, T] | None = None
        self._users = 0
        self._free = asyncio.Condition()

    @asynccontextmanager
    async def using(self, key: K) -> AsyncGenerator[T]:
        """What belongs to a key; waits until nobody uses anything else, which is closed first."""
        async with self._free:
            await self._free.wait_for(lambda: not self._users or (self._held is not None and self._held[0] == key))
            opened = await self._opened(key)
            self._users += 1
        try:
            yield opened
        finally:
            async with self._free:
                self._users -= 1
                self._free.notify_all()

    async def _opened(self, key: K) -> T:
        if self._held is None or self._held[0] != key:
            await self._close()
            self._held = key, await self._stack.enter_async_context(self._opening(key))
        return self._held[1]

    async def _close(self) -> None:
        self._held = None
        await self._stack.aclose()

    async def __aenter__(self) -> "OneOpen[K, T]":
        await self._opened(self._first)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()


def agents_by_seed(
    settings: Settings,
    seeds: Sequence[int],
    opening: Callable[[Settings], AbstractAsyncContextManager[Agent]] = open_agent,
) -> OneOpen[int, Agent]:
    """Agents that sample with different seeds; that of the first is opened at once."""
    return OneOpen(lambda seed: opening(settings.changed(seed=seed)), seeds[0])
