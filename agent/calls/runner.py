"""Runs one tool call to its end state: deadline, retry, and no exception that could end the turn."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_fixed

from vivavoce.agent.calls.in_words import arguments_of
from vivavoce.agent.reading_out import next_part
from vivavoce.core.calls import RunningCall, running, unheard
from vivavoce.core.errors import ToolFailed, VivavoceError
from vivavoce.core.language.sentences import (
    ARGUMENTS_NOT_AN_OBJECT,
    BROKE,
    NO_SUCH_TOOL,
    THERE_IS_MORE,
    TIMED_OUT,
    TIMED_OUT_AT_WORK,
)
from vivavoce.core.messages import SessionFacts, ToolCall, ToolOutput, ToolResult, ToolSpec, ToolStatus
from vivavoce.core.passage import Passage
from vivavoce.core.protocols import Tool
from vivavoce.core.untrusted import fence, neutralise

ATTEMPTS, RETRY_PAUSE_S = 2, 0.3
GRACE_S = 0.2  # for a tool to notice that nobody waits any more
SPOKEN_CHARS = 20_000
SOURCE_CHARS = 80
PATH_CHARS = 4_096
logger = logging.getLogger(__name__)


class ToolBox(Protocol):
    """The tools that are registered."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """As models see them."""
        ...

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        ...


async def run_tool(
    call: ToolCall, tools: ToolBox, result_chars: int, session: SessionFacts, report: Callable[[str], None] = unheard
) -> ToolResult:
    """Run a call. Whatever the tool does, the result says how it ended. session, report: see `RunningCall`."""
    started = time.perf_counter()
    tool = tools.get(call.name)
    if tool is None:
        result = _ended(call, "failed", NO_SUCH_TOOL(session.language, name=neutralise(call.name, 40)))
    elif arguments_of(call) is None:
        result = _ended(call, "failed", ARGUMENTS_NOT_AN_OBJECT(session.language))
    else:
        with running(RunningCall(call.id, session, report)) as current:
            result = await _run_known(call, tool, result_chars, session.language, current)
    return replace(result, duration_s=time.perf_counter() - started)


async def _run_known(call: ToolCall, tool: Tool, result_chars: int, language: str, current: RunningCall) -> ToolResult:
    name, seconds = call.name.replace("_", " "), tool.spec.timeout_s
    work = asyncio.create_task(_outcome(call, tool))
    try:
        await asyncio.wait({work}, timeout=seconds)
        if not work.done():
            work.cancel()
            await asyncio.wait({work}, timeout=GRACE_S)
            is_at_work = current.at_work.is_set() or not work.done()
            return _ended(
                call, "timed_out", (TIMED_OUT_AT_WORK if is_at_work else TIMED_OUT)(language, name=name, seconds=seconds)
            )
    finally:
        work.cancel()  # of a turn that is interrupted; one that does not listen is left alone
    output = asyncio.CancelledError() if work.cancelled() else work.result()
    if isinstance(output, ToolFailed):
        return _ended(call, "failed", told(output))
    try:
        if isinstance(output, BaseException):
            raise output
        return ToolResult(call, "done", _as_data(call, output, result_chars, language))
    except BaseException as error:
        logger.warning("tool %s raised", call.name, exc_info=error)
        return _ended(call, "failed", BROKE(language, name=name, error=type(error).__name__))


def _as_data(call: ToolCall, output: ToolOutput, result_chars: int, language: str) -> ToolOutput:
    """What a tool gave, cut and made inert."""
    return replace(
        output,
        content=fence(call.name, neutralise(output.content, result_chars)),
        spoken=_speakable(output.spoken, language) if output.spoken else None,
        sources=tuple(neutralise(source, SOURCE_CHARS) for source in output.sources),
        asked=neutralise(output.asked, SPOKEN_CHARS),
        passages=tuple(_inert(passage, result_chars) for passage in output.passages),
    )


def _speakable(text: str, language: str) -> str:
    """A text as it is read out, whole up to a limit; what is left out is told."""
    if len(text) <= SPOKEN_CHARS:
        return neutralise(text, SPOKEN_CHARS)
    part, _ = next_part(neutralise(text[: SPOKEN_CHARS + 1], SPOKEN_CHARS + 1), SPOKEN_CHARS)
    return f"{part} {THERE_IS_MORE(language)}"


def _ended(call: ToolCall, status: ToolStatus, why: str) -> ToolResult:
    return ToolResult(call, status, ToolOutput(why))


def told(error: VivavoceError) -> str:
    """An error as a clause that can be spoken; its kind where it says nothing."""
    return next_part(neutralise(str(error), SPOKEN_CHARS))[0] or type(error).__name__


def _inert(passage: Passage, limit: int) -> Passage:
    """A passage as it may be shown to models and kept."""
    short = {name: neutralise(getattr(passage, name), SOURCE_CHARS) for name in ("title", "location", "heading")}
    source, text = neutralise(passage.source, PATH_CHARS), neutralise(passage.text, limit)
    return replace(passage, text=text, source=source, before="", after="", **short)


async def _outcome(call: ToolCall, tool: Tool) -> ToolOutput | BaseException:
    """What the tool gives, or raises: it ends its call, neither the turn nor the process."""
    attempts = AsyncRetrying(
        stop=stop_after_attempt(ATTEMPTS if tool.spec.idempotent else 1),
        wait=wait_fixed(RETRY_PAUSE_S),
        retry=retry_if_exception(lambda error: isinstance(error, ToolFailed) and error.retryable),
        reraise=True,
    )
    try:
        return await attempts(tool.call, call.arguments)
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - given back
        return error
