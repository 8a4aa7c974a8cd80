"""The state machine of a turn: generate <-> run_tool, one `Send` a call so that calls run in parallel."""

import asyncio
import uuid
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from vivavoce.agent.answering import Step, offered, results_of
from vivavoce.agent.calls.ledger import ToolLedger
from vivavoce.agent.calls.runner import SPOKEN_CHARS, run_tool, told
from vivavoce.agent.reading_out import next_part
from vivavoce.agent.services import Services
from vivavoce.agent.state import (
    DialogueState,
    Record,
    assistant_record,
    switch_record,
    to_message,
    to_provenance,
    tool_record,
    user_record,
)
from vivavoce.agent.turn import ToolFinished, ToolProgress, ToolStarted
from vivavoce.core.errors import VoiceNotFound, VoiceRefused
from vivavoce.core.language.sentences import VOICE_GONE
from vivavoce.core.messages import SessionFacts, ToolCall, ToolOutput, ToolResult
from vivavoce.core.untrusted import neutralise


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What the nodes of one turn work with. Not checkpointed."""

    services: Services
    ledger: ToolLedger


def build_graph(checkpointer: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the controller. One run is one turn; the thread id is the session."""
    graph = StateGraph(DialogueState, context_schema=TurnContext)
    graph.add_node("generate", _generate)
    graph.add_node("run_tool", _run_tool)
    graph.add_edge(START, "generate")
    graph.add_conditional_edges("generate", _dispatch, ["run_tool", END])
    graph.add_edge("run_tool", "generate")
    return graph.compile(checkpointer=checkpointer)


async def _generate(state: DialogueState, runtime: Runtime[TurnContext]) -> dict[str, Any]:
    services, steps = runtime.context.services, state["steps"]
    messages = [to_message(record, services.audio.get) for record in state["messages"]]
    unsaid = state.get("unsaid", "") if steps == 0 else ""
    last = steps >= services.max_steps
    said = await Step(services, messages, state["voice_id"], runtime.stream_writer, last=last, unsaid=unsaid).run()
    answer = assistant_record(uuid.uuid4().hex, said.text, tuple(said.calls), tuple(said.audio_tokens))
    update: dict[str, Any] = {
        "messages": [*_transcribed(state["messages"], said.heard), answer],
        "pending": answer["tool_calls"],
        "steps": steps + 1,
    }
    if steps == 0:
        update["unsaid"] = said.unsaid
    if not said.calls and not any(result.output.about_last_answer for result in results_of(messages)):
        update["provenance"] = said.provenance
    return update


def _transcribed(records: list[Record], heard: str | None) -> list[Record]:
    """The last user record with what the model heard, so that it is not listened to again."""
    if heard is None:
        return []
    user = next(record for record in reversed(records) if record["role"] == "user")
    return [user_record(user["id"], heard, user["audio"])]


def _dispatch(state: DialogueState) -> list[Send] | str:
    switches = state.get("switches", [])
    asked = switches[-1]["asked"] if switches else ""
    known = {"voice_id": state["voice_id"], "asked": asked, "provenance": state.get("provenance", [])}
    return [Send("run_tool", {"call": call, **known}) for call in state["pending"]] or END


class PendingCall(TypedDict):
    """What a `Send` carries: the fields of a `ToolCall`, and those of `SessionFacts`."""

    call: Record
    voice_id: str
    asked: str
    provenance: list[Record]


async def _run_tool(state: PendingCall, runtime: Runtime[TurnContext]) -> dict[str, Any]:
    services, ledger, call = runtime.context.services, runtime.context.ledger, ToolCall(**state["call"])
    if not ledger.open(call):
        return {}
    runtime.stream_writer(ToolStarted(call))
    provenance = tuple(map(to_provenance, state["provenance"]))
    facts = SessionFacts(state["voice_id"], state["asked"], provenance, services.language, services.default_voice)
    loop = asyncio.get_running_loop()

    def report(progress: str) -> None:  # tools may run in a thread
        loop.call_soon_threadsafe(runtime.stream_writer, ToolProgress(call, neutralise(progress, SPOKEN_CHARS)))

    result = await run_tool(call, services.tools, services.result_chars, facts, report)
    result, unsaid = _read_out(result, services.language)
    result, switches = _switched(result, services)
    ledger.close(result)
    runtime.stream_writer(ToolFinished(result))
    update = {"messages": [tool_record(result)], "voice_id": result.output.voice_id or "", "switches": switches}
    return update | ({"unsaid": unsaid} if unsaid else {})


def _read_out(result: ToolResult, language: str) -> tuple[ToolResult, str]:
    """The result with as much to say as is heard at once, and what is left."""
    part, left = next_part(result.output.spoken or "")
    spoken = offered(part, left, language) or None
    return replace(result, output=replace(result.output, spoken=spoken)), left


def _switched(result: ToolResult, services: Services) -> tuple[ToolResult, list[Record]]:
    """The change of voice that a result asks for; a failure where it cannot be had."""
    if result.output.voice_id is None:
        return result, []
    try:
        voice = services.bank.entry(result.output.voice_id).check_may_be_spoken()
    except VoiceNotFound:
        return replace(result, status="failed", output=ToolOutput(VOICE_GONE(services.language))), []
    except VoiceRefused as error:
        return replace(result, status="failed", output=ToolOutput(told(error))), []
    return result, [switch_record(result.call.id, voice, result.output.asked)]
