"""A session as a document: for programs to read, or with its recordings in an archive."""

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vivavoce.agent.session.history import PastTurn
from vivavoce.agent.session.log import SessionSummary
from vivavoce.agent.session.store import Sessions
from vivavoce.app.turn_json import tool_call_json
from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import ConfigError

DOCUMENT = "session.json"


def summary_json(summary: SessionSummary, recording_bytes: int) -> dict[str, Any]:
    """A session from outside; times in UTC."""
    return {
        "name": summary.name,
        "turns": summary.turns,
        "begun": _time(summary.begun),
        "used": _time(summary.used),
        "recording_bytes": recording_bytes,
    }


def dialogue_json(summary: SessionSummary, turns: Sequence[PastTurn], recording_bytes: int) -> dict[str, Any]:
    """All that is kept of a session but the sound."""
    return {**summary_json(summary, recording_bytes), "dialogue": [_turn(turn) for turn in turns]}


def write_dialogue(path: Path, document: dict[str, Any], turns: Sequence[PastTurn], sessions: Sessions) -> int:
    """Write a document as .json, or with its recordings as .zip, readable for its owner alone. Returns the bytes written.

    Raises:
        ConfigError: it is called neither. StoreError: it cannot be written.
    """
    text = json.dumps(document, ensure_ascii=False, indent=2).encode()
    if path.suffix.lower() == ".json":
        data = text
    elif path.suffix.lower() == ".zip":
        data = _archive(text, turns, sessions)
    else:
        raise ConfigError(f"{path}: a session is written as .json, or with its recordings as .zip; change the ending")
    write_atomic(path, data, mode=0o600)
    return len(data)


def _archive(document: bytes, turns: Sequence[PastTurn], sessions: Sessions) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DOCUMENT, document)
        for name in sorted({turn.recording for turn in turns if turn.recording is not None}):
            path = sessions.recordings.path(name)
            if path.exists():
                archive.write(path, f"recordings/{path.name}", zipfile.ZIP_STORED)
    return buffer.getvalue()


def _turn(turn: PastTurn) -> dict[str, Any]:
    return {
        "id": turn.id,
        "at": _time(turn.at),
        "heard": turn.heard,
        "recording": f"recordings/{turn.recording.partition('/')[2]}.flac" if turn.recording is not None else None,
        "tool_calls": [tool_call_json(result) for result in turn.tool_calls],
        "answer": turn.answer,
        "interrupted": turn.interrupted,
        "voices": [asdict(switch) for switch in turn.voices],
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
