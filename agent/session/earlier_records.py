"""The messages of an earlier version as records of the log: each call once, with one result, and one answer a turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from vivavoce.agent.state import Record, assistant_record, to_result, tool_record
from vivavoce.core.language.sentences import INTERRUPTED
from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult

Records = Sequence[Mapping[str, Any]]


def as_valid(messages: Records, switches: Records) -> list[Record]:
    """Records that a valid prompt can be built from, those of a turn together."""
    results = [to_result(message["result"]) for message in messages if message["role"] == "tool"]
    known: set[str] = set()
    left = list(switches)
    valid: list[Record] = []
    for own in _turns(messages):
        turn = str(own[0]["id"])
        causes = {call["id"]: call["id"] for message in own for call in message.get("tool_calls", [])} | {turn: ""}
        valid += _turn(turn, own, results, known)
        valid += [_switch(turn, causes[switch["id"]], switch) for switch in left if switch["id"] in causes]
        left = [switch for switch in left if switch["id"] not in causes]
    return valid


def _turns(messages: Records) -> Iterator[Records]:
    starts = [number for number, message in enumerate(messages) if number == 0 or message["role"] == "user"]
    for start, end in zip(starts, [*starts[1:], len(messages)], strict=True):
        yield messages[start:end]


def _turn(turn: str, messages: Records, results: Sequence[ToolResult], known: set[str]) -> list[Record]:
    """The records of a turn. results: of the whole session. known: ids of the calls before, to which its own are added."""
    heard = _heard(messages)
    made: set[str] = set()
    valid: list[Record] = []
    for message in messages:
        if message["role"] == "tool":
            continue
        if message["role"] != "assistant":
            valid.append({**message, "turn": turn})
            continue
        calls = [ToolCall(**call) for call in message["tool_calls"] if call["id"] not in made]
        made.update(call.id for call in calls)
        text, tokens = message["text"], tuple(message["audio_tokens"])
        if heard is not None and message is not heard:
            text, tokens = "", ()
        ended = [_ended(turn, call, results, known) for call in calls]
        if text.strip() or tokens or calls:
            own = tuple(result.call for result in ended)
            valid.append(assistant_record(turn, message["id"], text, own, tokens, interrupted=message is heard))
        valid += [{**tool_record(turn, result), "told": True} for result in ended]
    return valid


def _heard(messages: Records) -> Mapping[str, Any] | None:
    """What an interrupted turn kept as heard, which begins with what it kept already; None where no turn was interrupted.

    Where the model itself spoke, nobody knows what was heard: then it is all that was kept.
    """
    steps = [message for message in messages if message["role"] == "assistant"]
    ids = [call["id"] for step in steps for call in step["tool_calls"]]
    answers = [step for step in steps if not step["tool_calls"]]
    if not answers or (len(answers) == 1 and len(ids) == len(set(ids))):
        return None
    spoken = [answer for answer in answers if answer["audio_tokens"]]
    return spoken[-1] if spoken and not answers[-1]["text"].strip() else answers[-1]


def _ended(turn: str, call: ToolCall, results: Sequence[ToolResult], known: set[str]) -> ToolResult:
    """How a call ended, with an id that no other has: earlier versions let models count from one in each answer."""
    own = replace(call, id=f"{turn}-{call.id}") if call.id in known else call
    known.add(own.id)
    for result in results:
        if result.call == call:
            return replace(result, call=own)
    return ToolResult(own, "interrupted", ToolOutput(INTERRUPTED()))


def _switch(turn: str, cause: str, earlier: Mapping[str, Any]) -> Record:
    switch = {name: value for name, value in earlier.items() if name != "id"}
    return {"id": f"{turn}:switch:{cause}", "turn": turn, "role": "switch", "switch": switch}
