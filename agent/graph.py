"""The state machine of a turn: the model's steps, its calls side by side, and the wait until the user has agreed to some."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send, interrupt

from vivavoce.agent.answering import Prompt, Said, Speech, Step, Telling, Write, offered, results_of
from vivavoce.agent.calls.in_words import arguments_of, confirmation, interrupted
from vivavoce.agent.calls.runner import SPOKEN_CHARS, run_tool, told
from vivavoce.agent.reading_out import next_part
from vivavoce.agent.services import Services
from vivavoce.agent.session.held import HeldSession
from vivavoce.agent.state import (
    Progress,
    Record,
    TurnState,
    assistant_record,
    switch_record,
    to_messages,
    to_provenance,
    to_result,
    tool_record,
    user_record,
)
from vivavoce.agent.turn import ConfirmationAsked, ToolFinished, ToolProgress, ToolStarted
from vivavoce.core.errors import VoiceNotFound, VoiceRefused
from vivavoce.core.language.sentences import INTERRUPTED, NOT_BEGUN, TOO_MANY_CALLS, VOICE_GONE
from vivavoce.core.messages import (
    AssistantMessage,
    Message,
    SessionFacts,
    TextDelta,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolResult,
    UserMessage,
)
from vivavoce.core.untrusted import neutralise


@dataclass(frozen=True, slots=True)
class TurnContext:
    """What the nodes of one turn work with. Not checkpointed.

    turn: its id. write: takes what is to be heard or told at once. resumed: the turn began in a process that died. written:
    what each step wrote, by its record, heard or not. told: records of calls that the answer tells of.
    """

    services: Services
    session: HeldSession
    turn: str
    write: Write
    resumed: bool = False
    written: dict[str, Said] = field(default_factory=dict[str, Said])
    told: set[str] = field(default_factory=set[str])


def build_graph(checkpointer: BaseCheckpointSaver[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Compile the controller. One run is one turn."""
    graph = StateGraph(TurnState, context_schema=TurnContext)
    graph.add_node("generate", _generate)
    graph.add_node("run_tool", _run_tool)
    graph.add_node("wait_for_reply", _wait_for_reply)
    graph.add_edge(START, "generate")
    graph.add_conditional_edges("generate", _dispatch, ["run_tool", "wait_for_reply", END])
    graph.add_edge("run_tool", "generate")
    graph.add_edge("wait_for_reply", "generate")
    return graph.compile(checkpointer=checkpointer)


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What is there of a turn that has not ended. held: calls that it waits with until the user has agreed to them."""

    is_there: bool
    waits: bool = False
    turn: str = ""
    held: tuple[ToolCall, ...] = ()


async def left_over(graph: CompiledStateGraph[Any, Any, Any, Any], thread: str) -> LeftOver:
    """The turn of a thread as it was left.

    Raises:
        SessionError: it cannot be read.
    """
    left = await graph.aget_state({"configurable": {"thread_id": thread}})
    at: Progress | None = left.values.get("progress")
    if at is None or not left.next:
        return LeftOver(is_there=False)
    held = tuple(ToolCall(**call) for call in at["held"])
    return LeftOver(is_there=True, waits=left.next == ("wait_for_reply",), turn=at["turn"], held=held)


async def _generate(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """A step of the model. What it calls is in the log before any of it runs."""
    context, session, services = runtime.context, runtime.context.session, runtime.context.services
    at = state["progress"]
    step = f"{at['turn']}-{at['steps']}"
    earlier = session.record(step)
    if earlier is not None and earlier["tool_calls"]:  # the process died between log and checkpoint
        return _next(at, earlier["tool_calls"])
    records = [record for record in session.records if record is not earlier]  # what was heard of it is said again
    messages = to_messages(_as_written(records, context), services.sessions.recordings.get)
    held = tuple(ToolCall(**call) for call in at["held"]) if at["reply"] else ()
    messages = _with_held(messages, held, services)
    first = at["steps"] == 0
    unclear = _untold(records, context)
    prompt = Prompt(
        messages,
        step,
        services.voice_of(session.facts),
        last=at["steps"] >= services.max_steps,
        preface=_preface(unclear, services),
        held=held,
        unsaid=session.facts.get("unsaid", "") if first else "",
    )
    if unclear:
        context.told.update(record["id"] for record in unclear)
        context.write(Telling(step, prompt.preface, tuple(record["id"] for record in unclear)))
    said = context.written[step] = await Step(services, prompt, context.write).run()
    room = max(0, services.max_calls - at["calls_made"])
    if len(said.calls) > room:
        _say(f" {TOO_MANY_CALLS(services.language, limit=services.max_calls)}", said, prompt, runtime)
    if said.agreed:
        now, later = (list(held), []) if at["was_asked"] else ([], list(held))
    else:
        now, later = _sorted(_renamed(said.calls[:room]), services)
        later = [call for call in later if first or not _is_among(call, at["held"])]
    kept = _transcribed(records, said.heard)
    if now:
        kept.append(_as_heard(said, now, step, at["turn"], session))
        kept += [tool_record(at["turn"], _not_ended(call, services, begun=False), begun=False, ended=False) for call in now]
    facts: dict[str, Any] = {"unsaid": said.unsaid} if first and said.unsaid != prompt.unsaid else {}
    about_last = any(result.output.about_last_answer for result in results_of(messages))
    if not (now or about_last) and said.provenance != session.facts.get("provenance", []):
        facts["provenance"] = said.provenance
    if kept or facts:
        await session.put(kept, **facts)
    return _next(at, [call_fields(call) for call in now], [call_fields(call) for call in later])


def _with_held(messages: list[Message], held: Sequence[ToolCall], services: Services) -> list[Message]:
    """Messages in which a model sees what the user was asked about, so that it can call as the reply wants it: "to Ben"."""
    if not held:
        return messages
    at = next(at for at in reversed(range(len(messages))) if isinstance(messages[at], UserMessage))
    if at and isinstance(messages[at - 1], AssistantMessage):  # the question
        at -= 1
    results = [ToolMessage(_not_ended(call, services, begun=False)) for call in held]
    return [*messages[:at], AssistantMessage("", tuple(held)), *results, *messages[at:]]


def _next(at: Progress, now: list[Record], later: Sequence[Record] = ()) -> TurnState:
    """The state after a step. now, later: calls to make, and calls to ask about."""
    return {
        "progress": {
            **at,
            "pending": now,
            "held": [*([] if at["steps"] == 0 else at["held"]), *later],
            "steps": at["steps"] + 1,
            "calls_made": at["calls_made"] + len(now) + len(later),
            "reply": False,
            "was_asked": False,
        }
    }


def _as_written(records: list[Record], context: TurnContext) -> list[Record]:
    """Records as the next step reads them: those of its own turn with all that was written, heard or not."""
    written = context.written
    return [
        {**record, "text": written[record["id"]].text, "audio_tokens": written[record["id"]].audio_tokens}
        if record["id"] in written
        else record
        for record in records
    ]


def _as_heard(said: Said, calls: Sequence[ToolCall], step: str, turn: str, session: HeldSession) -> Record:
    """The record of a step that makes calls, with as much as was heard of it so far."""
    heard = session.record(step) or {"text": "", "audio_tokens": []}
    unheard = heard["text"].strip() != said.text.strip()
    return assistant_record(turn, step, heard["text"], calls, heard["audio_tokens"], interrupted=unheard)


def call_fields(call: ToolCall) -> Record:
    """A call as JSON."""
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _say(text: str, said: Said, prompt: Prompt, runtime: Runtime[TurnContext]) -> None:
    said.text += text
    runtime.context.write(Speech(prompt.record, prompt.voice_id, TextDelta(text)))


def _untold(records: list[Record], context: TurnContext) -> list[Record]:
    """Calls that were interrupted and may have acted, as long as the user was not told of them."""
    found = [r for r in records if r["role"] == "tool" and r["result"]["status"] == "interrupted" and not r.get("told")]
    new = [record for record in found if record["id"] not in context.told]
    return [record for record in new if record.get("begun", True) and not _is_idempotent(record, context.services)]


def _preface(unclear: list[Record], services: Services) -> str:
    calls = [to_result(record["result"]).call for record in unclear]
    return interrupted(calls, services.language) if calls else ""


def _is_idempotent(record: Record, services: Services) -> bool:
    tool = services.tools.get(record["result"]["call"]["name"])
    return tool is not None and tool.spec.idempotent


def _renamed(calls: Sequence[ToolCall]) -> list[ToolCall]:
    """The calls with ids that no other call has in any session: models may count from one in each answer."""
    return [ToolCall.new(call.name, call.arguments) for call in calls]


def _sorted(calls: list[ToolCall], services: Services) -> tuple[list[ToolCall], list[ToolCall]]:
    """Calls to make now, and calls to ask about. One whose arguments cannot be read is not made, so nobody is asked."""
    specs = {spec.name: spec for spec in services.tools.specs}
    later = [call for call in calls if call.name in specs and specs[call.name].confirm and arguments_of(call) is not None]
    return [call for call in calls if call not in later], later


def _transcribed(records: list[Record], heard: str | None) -> list[Record]:
    """The last user record with what the model heard, so that it is not listened to again."""
    if heard is None:
        return []
    user = next(record for record in reversed(records) if record["role"] == "user")
    return [user_record(user["turn"], heard, user["audio"])]


def _is_among(call: ToolCall, held: Sequence[Record]) -> bool:
    """Whether a call is held already: a model that sees no result may make it again."""
    others = [ToolCall(**fields) for fields in held]
    return any(other.name == call.name and arguments_of(other) == arguments_of(call) for other in others)


def _not_ended(call: ToolCall, services: Services, *, begun: bool) -> ToolResult:
    """What is true of a call should the process die before it ends."""
    if begun:
        return ToolResult(call, "interrupted", ToolOutput(INTERRUPTED(services.language)))
    return ToolResult(call, "cancelled", ToolOutput(NOT_BEGUN(services.language)))


def _dispatch(state: TurnState) -> list[Send] | str:
    at = state["progress"]
    if at["pending"]:
        return [Send("run_tool", {"turn": at["turn"], "call": call}) for call in at["pending"]]
    return "wait_for_reply" if at["held"] else END


class PendingCall(TypedDict):
    """What a `Send` carries. call: the fields of a `ToolCall`."""

    turn: str
    call: Record


async def _run_tool(state: PendingCall, runtime: Runtime[TurnContext]) -> None:
    """Make a call. It is in the log as begun before the tool runs, and as ended before anybody uses its result."""
    context, services, call = runtime.context, runtime.context.services, ToolCall(**state["call"])
    session, turn, write = context.session, state["turn"], context.write
    if context.resumed and (ended := _as_it_was_left(call, turn, context)) is not None:
        write(ToolFinished(ended))
        return
    await session.put([tool_record(turn, _not_ended(call, services, begun=True), ended=False)])
    write(ToolStarted(call))
    loop = asyncio.get_running_loop()

    has_ended = False

    def tell(progress: str) -> None:
        if not has_ended:
            write(ToolProgress(call, neutralise(progress, SPOKEN_CHARS)))

    def report(progress: str) -> None:  # tools may run in a thread
        loop.call_soon_threadsafe(tell, progress)

    facts = _session_facts(context)
    result = await run_tool(call, services.tools, services.result_chars, facts, report)
    has_ended = True
    result, unsaid = _read_out(result, services.language)
    result, switches = _switched(result, turn, services)
    kept: dict[str, Any] = {"unsaid": unsaid} if unsaid else {}
    if voice_id := result.output.voice_id:
        kept |= {"voice_id": voice_id, "asked": {**session.facts.get("asked", {}), voice_id: result.output.asked}}
    await session.put([tool_record(turn, result), *switches], **kept)
    write(ToolFinished(result))


def _as_it_was_left(call: ToolCall, turn: str, context: TurnContext) -> ToolResult | None:
    """The result of a call that a process that died had begun; None where it may be made."""
    left = context.session.record(f"{turn}:{call.id}")
    if left is None or not left["begun"]:
        return None
    if not left["ended"] and _is_idempotent(left, context.services):
        return None
    return to_result(left["result"])


def _session_facts(context: TurnContext) -> SessionFacts:
    """What tools may know of the dialogue."""
    services, facts = context.services, context.session.facts
    voice_id = services.voice_of(facts)
    provenance = tuple(map(to_provenance, facts.get("provenance", [])))
    asked = str(facts.get("asked", {}).get(voice_id, ""))
    return SessionFacts(voice_id, asked, provenance, services.language, services.default_voice)


def _read_out(result: ToolResult, language: str) -> tuple[ToolResult, str]:
    """The result with as much to say as is heard at once, and what is left."""
    part, left = next_part(result.output.spoken or "")
    spoken = offered(part, left, language) or None
    return replace(result, output=replace(result.output, spoken=spoken)), left


def _switched(result: ToolResult, turn: str, services: Services) -> tuple[ToolResult, list[Record]]:
    """The change of voice that a result asks for; a failure where it cannot be had."""
    if result.output.voice_id is None:
        return result, []
    try:
        voice = services.bank.entry(result.output.voice_id).check_may_be_spoken()
    except VoiceNotFound:
        return replace(result, status="failed", output=ToolOutput(VOICE_GONE(services.language))), []
    except VoiceRefused as error:
        return replace(result, status="failed", output=ToolOutput(told(error))), []
    return result, [switch_record(turn, result.call.id, voice, result.output.asked)]


async def _wait_for_reply(state: TurnState, runtime: Runtime[TurnContext]) -> TurnState:
    """Say what is about to be done, and end the turn. The next goes on with what this returns: the state it begins in."""
    at = state["progress"]
    if at["turn"] == runtime.context.turn:  # in the turn of the reply this runs again
        _ask_consent(at, runtime)
    return {"progress": interrupt("consent") | {"held": at["held"]}}


def _ask_consent(at: Progress, runtime: Runtime[TurnContext]) -> None:
    context, services = runtime.context, runtime.context.services
    calls = tuple(ToolCall(**call) for call in at["held"])
    question = confirmation(calls, {spec.name: spec for spec in services.tools.specs}, services.language)
    runtime.context.write(ConfirmationAsked(calls, question))
    record = f"{at['turn']}-{at['steps'] - 1}"  # the question ends the answer
    runtime.context.write(Speech(record, services.voice_of(context.session.facts), TextDelta(f" {question}")))
