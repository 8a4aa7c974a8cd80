"""Runs one tool call to its end state: deadline, retry, and no exception that could end the turn."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from vivavoce.core.calls import RunningCall, running, unheard
from vivavoce.core.errors import ToolFailed
from vivavoce.core.messages import SessionFacts, ToolCall, ToolOutput, ToolResult, ToolSpec, ToolStatus
from vivavoce.core.passage import Passage
from vivavoce.core.protocols import Tool
from vivavoce.core.untrusted import fence, neutralise

RETRY_PAUSE_S = 0.3
SPOKEN_CHARS = 600
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
        result = _ended(call, "failed", f"there is no tool called {neutralise(call.name, 40)}")
    else:
        with running(RunningCall(call.id, session, report)):
            result = await _run_known(call, tool, result_chars)
    return replace(result, duration_s=time.perf_counter() - started)


async def _run_known(call: ToolCall, tool: Tool, result_chars: int) -> ToolResult:
    spoken_name = f"the {call.name.replace('_', ' ')} tool"
    try:
        async with asyncio.timeout(tool.spec.timeout_s):
            output = await _call_with_retry(call, tool)
    except TimeoutError:
        return _ended(call, "timed_out", f"{spoken_name} did not answer within {tool.spec.timeout_s:g} seconds")
    except ToolFailed as error:
        return _ended(call, "failed", neutralise(str(error), SPOKEN_CHARS))
    except Exception as error:
        logger.warning("tool %s raised", call.name, exc_info=True)
        return _ended(call, "failed", f"{spoken_name} failed with {type(error).__name__}")
    inert = replace(
        output,
        content=fence(call.name, neutralise(output.content, result_chars)),
        spoken=neutralise(output.spoken, SPOKEN_CHARS) if output.spoken else None,
        sources=tuple(neutralise(source, SOURCE_CHARS) for source in output.sources),
        asked=neutralise(output.asked, SPOKEN_CHARS),
        passages=tuple(_inert(passage, result_chars) for passage in output.passages),
    )
    return ToolResult(call, "done", inert)


def _ended(call: ToolCall, status: ToolStatus, why: str) -> ToolResult:
    return ToolResult(call, status, ToolOutput(why))


def _inert(passage: Passage, limit: int) -> Passage:
    """A passage as it may be shown to models and kept."""
    short = {name: neutralise(getattr(passage, name), SOURCE_CHARS) for name in ("title", "location", "heading")}
    source, text = neutralise(passage.source, PATH_CHARS), neutralise(passage.text, limit)
    return replace(passage, text=text, source=source, before="", after="", **short)


async def _call_with_retry(call: ToolCall, tool: Tool) -> ToolOutput:
    try:
        return await tool.call(call.arguments)
    except ToolFailed as error:
        if not (error.retryable and tool.spec.idempotent):
            raise
    await asyncio.sleep(RETRY_PAUSE_S)
    return await tool.call(call.arguments)
