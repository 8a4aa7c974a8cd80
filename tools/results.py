"""What a function gives back, made into a tool's output."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from enum import Enum
from functools import partial
from numbers import Number
from typing import Any

from pydantic_core import to_json

from vivavoce.core.calls import current_call
from vivavoce.core.messages import ToolOutput
from vivavoce.tools.blocking import BlockingCalls

GRACE_S = 0.5  # a generator that goes on for longer after a value is still at work
DONE = "done"


async def finished(value: Any, blocking: BlockingCalls) -> Any:  # noqa: ANN401 - whatever a function returns
    """What a function returned, once it is there.

    Whatever is awaitable is awaited. A generator is run to its end: what it yields, or returns, last is the result, and what
    it yielded before is reported as progress of the current call. A blocking one runs in a thread.
    """
    while inspect.isawaitable(value):
        value = await value
    if isinstance(value, AsyncIterator):
        with _Progress() as progress:
            async for step in value:
                progress.take(step)
            return progress.last
    if isinstance(value, Generator):
        with _Progress() as progress:
            await blocking.run(partial(_run_through, value, progress))
            return progress.last
    return value


def as_output(value: Any) -> ToolOutput:  # noqa: ANN401 - whatever a function returns
    """What a tool says with a value.

    A text or a number is said as it is. Everything else is for the model to read, as JSON: lists, mappings, models, and
    texts that are JSON documents. Nothing, or a blank text, is "done". A value that cannot be written is named by its type.
    """
    if isinstance(value, ToolOutput):
        return value
    try:
        return _written(value)
    except Exception:  # noqa: BLE001 - objects can raise anything when they are written; the tool has done its work
        return ToolOutput(f"a result of type {type(value).__name__}, which cannot be written")


def _written(value: Any) -> ToolOutput:  # noqa: ANN401
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bytes | bytearray):
        value = _decoded(bytes(value))
    if value is None or (isinstance(value, str) and not value.strip()):
        return ToolOutput(DONE)
    if isinstance(value, str):
        return ToolOutput(value) if _is_document(value) else ToolOutput(value, spoken=value)
    if isinstance(value, bool) or not isinstance(value, Number):
        return ToolOutput(_as_json(value))
    digits = str(value)  # or letters: infinite, or not a number
    return ToolOutput(digits, spoken=digits if digits.lstrip("-")[:1].isdigit() else None)


def _as_json(value: Any) -> str:  # noqa: ANN401
    try:
        return to_json(value, bytes_mode="base64", inf_nan_mode="strings", serialize_unknown=True).decode()
    except ValueError:  # halves of surrogate pairs, circles
        return repr(value)


def _decoded(data: bytes) -> str | dict[str, int]:
    """Bytes are text where they can be, such as the output of a program; otherwise nobody wants to read them."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"bytes": len(data)}


def _is_document(text: str) -> bool:
    """Whether a text is a JSON object or array, which nobody wants to hear."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


class _Progress:
    """The values of a generator: one is progress once another follows it or is long in coming; the last is the result."""

    def __init__(self) -> None:
        self._report = current_call().report
        self.loop = asyncio.get_running_loop()
        self.last: Any = None
        self.ended = False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self._stop_timer()

    def take(self, value: Any) -> None:  # noqa: ANN401
        """The next value. Only in the loop's thread."""
        if self.ended:
            return
        self._tell()
        self.last = value
        self._timer = self.loop.call_later(GRACE_S, self._tell)

    def _tell(self) -> None:
        if self._timer is not None:
            self._stop_timer()
            if self.last is not None:
                output = as_output(self.last)
                self._report(output.spoken or output.content)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _run_through(generator: Generator[Any, Any, Any], progress: _Progress) -> None:
    """Run a blocking generator to its end, or until nobody waits for it any more."""
    with closing(_values(generator)) as values:
        for value in values:
            if progress.ended:
                break
            progress.loop.call_soon_threadsafe(progress.take, value)


def _values(generator: Generator[Any, Any, Any]) -> Generator[Any]:
    """What it yields, and what it returns."""
    returned = yield from generator
    if returned is not None:
        yield returned
