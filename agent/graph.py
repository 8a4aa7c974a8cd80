"""The state machine of a turn: generate <-> run_tool, one `Send` a call so that calls run in parallel."""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, StreamWriter

from vivavoce.agent.audio_store import AudioStore
from vivavoce.agent.grounding import Guard, GuardedAnswer, passages_of
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
from vivavoce.agent.tool_ledger import ToolLedger
from vivavoce.agent.tool_runner import SPOKEN_CHARS, ToolBox, run_tool
from vivavoce.agent.turn import HeardText, SentenceChecked, ToolFinished, ToolProgress, ToolStarted
from vivavoce.core.errors import VoiceNotFound, VoiceRefused
from vivavoce.core.messages import (
    AudioTokens,
    Heard,
    Message,
    SessionFacts,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    UserMessage,
)
from vivavoce.core.protocols import SpeechLM
from vivavoce.core.untrusted import neutralise
from vivavoce.core.voice import VoiceEntry

NOTHING_HEARD = "I did not hear anything."
NOTHING_SUPPORTED = "I am sorry, I found nothing in the documents that answers this."
TOO_MANY_STEPS = "I am sorry, I could not finish that in the steps I am allowed."
ANSWER_NOW = SystemMessage("Use no more tools. Answer with what you have.")


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What the nodes of one turn work with. Not checkpointed. guard: None where answers are not checked."""

    lm: SpeechLM
    tools: ToolBox
    ledger: ToolLedger
    audio: AudioStore
    voice: Callable[[str], VoiceEntry]
    max_steps: int
    result_chars: int
    guard: Guard | None


@dataclass(frozen=True, slots=True)
class Speech:
    """A delta to be spoken, with the voice it is for."""

    voice_id: str
    delta: TextDelta | AudioTokens


@dataclass(slots=True)
class _Said:
    """What one run of the model amounts to."""

    text: str = ""
    audio_tokens: list[int] = field(default_factory=list[int])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    heard: str | None = None
    provenance: list[Record] = field(default_factory=list[Record])


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
    context, steps = runtime.context, state["steps"]
    messages = [to_message(record, context.audio.get) for record in state["messages"]]
    user = messages[-1]
    if isinstance(user, UserMessage) and user.audio is not None and user.audio.is_silent:
        runtime.stream_writer(HeardText(""))
        said = _Said(heard="")
    else:
        said = await _listen_to_model(messages, state["voice_id"], steps, runtime)
    if steps >= context.max_steps:
        said.calls.clear()
    if not said.text and not said.audio_tokens and not said.calls:
        said.text = NOTHING_HEARD if said.heard == "" else TOO_MANY_STEPS if steps >= context.max_steps else ""
        runtime.stream_writer(Speech(state["voice_id"], TextDelta(said.text)))
    answer = assistant_record(uuid.uuid4().hex, said.text, tuple(said.calls), tuple(said.audio_tokens))
    update = {
        "messages": [*_transcribed(state["messages"], said.heard), answer],
        "pending": answer["tool_calls"],
        "steps": steps + 1,
    }
    explains = any(result.output.about_last_answer for result in _results(messages))
    return update if said.calls or explains else update | {"provenance": said.provenance}


async def _listen_to_model(messages: list[Message], voice_id: str, steps: int, runtime: Runtime[TurnContext]) -> _Said:
    """Stream the model's deltas out, and gather them."""
    context, write, said = runtime.context, runtime.stream_writer, _Said()
    guarded = _guarded(messages, context.guard)
    last_step = steps >= context.max_steps
    tools = () if last_step else context.tools.specs
    async for delta in context.lm.stream([ANSWER_NOW, *messages] if last_step else messages, tools):
        match delta:
            case Heard(text):
                said.heard = text
                write(HeardText(text))
            case ToolCall():
                said.calls.append(delta)
            case TextDelta(text):
                _say(await guarded.push(text) if guarded else text, voice_id, said, write)
            case AudioTokens(ids):
                said.audio_tokens += ids
                write(Speech(voice_id, delta))
        _tell(guarded, said, write)
    if guarded is not None:
        _say(await guarded.finish(), voice_id, said, write)
        _tell(guarded, said, write)
        if not said.text.strip() and said.provenance:
            _say(NOTHING_SUPPORTED, voice_id, said, write)
    return said


def _guarded(messages: Sequence[Message], guard: Guard | None) -> GuardedAnswer | None:
    """The check of an answer for which passages were retrieved."""
    passages = passages_of(_results(messages))
    if guard is None or not passages:
        return None
    question = next((m.text for m in reversed(messages) if isinstance(m, UserMessage)), None)
    return GuardedAnswer(guard, passages, question or "")


def _results(messages: Sequence[Message]) -> list[ToolResult]:
    """How the calls ended that were made since the user spoke."""
    last = max((i for i, message in enumerate(messages) if isinstance(message, UserMessage)), default=0)
    return [message.result for message in messages[last:] if isinstance(message, ToolMessage)]


def _say(text: str, voice_id: str, said: _Said, write: StreamWriter) -> None:
    if text:
        said.text += text
        write(Speech(voice_id, TextDelta(text)))


def _tell(guarded: GuardedAnswer | None, said: _Said, write: StreamWriter) -> None:
    """Let the trace have what was found out about sentences."""
    if guarded is not None:
        for provenance in guarded.provenance[len(said.provenance) :]:
            said.provenance.append(asdict(provenance))
            write(SentenceChecked(provenance))


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
    context, call = runtime.context, ToolCall(**state["call"])
    if not context.ledger.open(call):
        return {}
    runtime.stream_writer(ToolStarted(call))
    facts = SessionFacts(state["voice_id"], state["asked"], tuple(map(to_provenance, state["provenance"])))

    loop = asyncio.get_running_loop()

    def report(progress: str) -> None:  # tools may run in a thread
        loop.call_soon_threadsafe(runtime.stream_writer, ToolProgress(call, neutralise(progress, SPOKEN_CHARS)))

    result = await run_tool(call, context.tools, context.result_chars, facts, report)
    switches: list[Record] = []
    if result.output.voice_id is not None:
        try:
            switches = [
                switch_record(call.id, context.voice(result.output.voice_id).check_may_be_spoken(), result.output.asked)
            ]
        except VoiceNotFound:
            result = _refused(result, "that voice is no longer in the voice bank")
        except VoiceRefused as error:
            result = _refused(result, neutralise(str(error), SPOKEN_CHARS))
    context.ledger.close(result)
    runtime.stream_writer(ToolFinished(result))
    return {"messages": [tool_record(result)], "voice_id": result.output.voice_id or "", "switches": switches}


def _refused(result: ToolResult, why: str) -> ToolResult:
    """A call whose effect cannot be had."""
    return replace(result, status="failed", output=ToolOutput(why))
