"""A turn as JSON: what ``ask --json`` prints and ``turn.json`` holds."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vivavoce.agent import Timings, Turn
from vivavoce.core.messages import ToolCall, ToolResult


def turn_json(turn: Turn, answer_audio: Path | None) -> dict[str, Any]:
    """All of a turn but the sound, which lies at ``answer_audio``."""
    return {
        "session": turn.session,
        "id": turn.id,
        "heard": turn.heard,
        "tool_calls": [tool_call_json(result) for result in turn.tool_calls],
        "answer_text": turn.answer_text,
        "interrupted": turn.interrupted,
        "error": turn.error or None,
        "awaiting": [{"name": call.name, "arguments": _arguments(call)} for call in turn.awaiting],
        "answer_audio": str(answer_audio) if answer_audio is not None else None,
        "voice": {"id": turn.voice.id, "name": turn.voice.name},
        "voice_switches": [asdict(switch) for switch in turn.voice_switches],
        "provenance": [asdict(provenance) for provenance in turn.provenance],
        "timings": _timings(turn.timings),
    }


def tool_call_json(result: ToolResult) -> dict[str, Any]:
    """A call, and how it ended."""
    return {
        "name": result.call.name,
        "arguments": _arguments(result.call),
        "status": result.status,
        "result": result.output.content,
        "sources": list(result.output.sources),
        "passages": [asdict(passage) for passage in result.output.passages],
        "saved_s": round(result.output.saved_s, 4),
        "duration_s": round(result.duration_s, 4),
    }


def _arguments(call: ToolCall) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def _timings(timings: Timings) -> dict[str, Any]:
    ttfa = timings.ttfa_s
    return {
        **{stage: round(seconds, 4) for stage, seconds in timings.seconds.items()},
        "ttfa_s": round(ttfa, 4) if ttfa is not None else None,
        "total_s": round(timings.total_s, 4),
        "spans": [[span.stage, round(span.start_s, 4), round(span.end_s, 4)] for span in timings.spans],
    }
