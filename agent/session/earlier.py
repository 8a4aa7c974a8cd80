"""Sessions as versions before the log kept them: every message in every checkpoint, recordings of all in one folder."""

import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vivavoce.agent.session.checkpoints import Checkpoints
from vivavoce.agent.session.database import refusals
from vivavoce.agent.session.log import Record, SessionLog
from vivavoce.agent.state import assistant_record, tool_record
from vivavoce.core.durable import private_folder
from vivavoce.core.errors import AudioError, StoreError
from vivavoce.core.language.sentences import INTERRUPTED
from vivavoce.core.messages import ToolCall, ToolOutput, ToolResult

RECORDINGS = "audio"
logger = logging.getLogger(__name__)


async def take_over(folder: Path, log: SessionLog, checkpoints: Checkpoints) -> None:
    """Move what earlier versions kept into the log. What was moved before a crash is not moved twice.

    Raises:
        SessionError: the disk refuses; what was not moved is still there.
    """
    found = [thread for thread in await checkpoints.threads() if "/" not in thread]  # threads of a turn have a slash
    if not found and not (folder / RECORDINGS).is_dir():
        return
    for thread in found:
        checkpoint = await checkpoints.aget_tuple({"configurable": {"thread_id": thread}})
        values = checkpoint.checkpoint["channel_values"] if checkpoint is not None else {}
        records = [_moved(record, thread, folder) for record in as_valid(values.get("messages", []))]
        switches = [_switch(switch, records) for switch in values.get("switches", [])]
        facts = {name: values[name] for name in ("voice_id", "provenance", "unsaid") if name in values}
        facts["asked"] = {switch["voice_id"]: switch["asked"] for switch in values.get("switches", [])}
        await log.put(thread, [*records, *switches], **facts)
        await checkpoints.adelete_thread(thread)
    await log.compact()
    with refusals(folder):
        shutil.rmtree(folder / RECORDINGS, ignore_errors=True)
    logger.info("took over %d sessions of an earlier version", len(found))


def as_valid(records: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Records in which every call stands once, with one result behind it, and each knows its turn."""
    results = {record["result"]["call"]["id"]: record for record in records if record["role"] == "tool"}
    valid: list[Record] = []
    turn, known = "", set[str]()
    for record in records:
        if record["role"] == "user" or not turn:
            turn = record["id"]
        if record["role"] == "tool":
            continue
        calls = [call for call in record.get("tool_calls", []) if call["id"] not in known]
        known.update(call["id"] for call in calls)
        if record["role"] != "assistant":
            valid.append({**record, "turn": turn})
            continue
        if record["text"].strip() or calls:
            made = tuple(ToolCall(**call) for call in calls)
            valid.append(assistant_record(turn, record["id"], record["text"], made, tuple(record["audio_tokens"])))
        for call in calls:
            unknown = ToolResult(ToolCall(**call), "interrupted", ToolOutput(INTERRUPTED()))
            kept = results.get(call["id"])
            valid.append({**kept, "turn": turn, "told": True} if kept else {**tool_record(turn, unknown), "told": True})
    return valid


def _moved(record: Record, session: str, folder: Path) -> Record:
    """The record, its recording in the session's own folder."""
    if not record.get("audio"):
        return record
    old = folder / RECORDINGS / f"{record['audio']}.flac"
    name = f"{session}/{record['audio']}"
    new = folder / "recordings" / f"{name}.flac"
    try:
        private_folder(new.parent.parent)
        private_folder(new.parent)
        if not new.exists():
            shutil.copyfile(old, new)
            new.chmod(0o600)
            with new.open("rb") as file:
                os.fsync(file.fileno())
    except (OSError, AudioError, StoreError) as error:
        logger.warning("the recording %s is left out: %s", old, error)
    return {**record, "audio": name}


def _switch(earlier: Record, records: Sequence[Record]) -> Record:
    turn = records[-1]["turn"] if records else "earlier"
    switch = {name: value for name, value in earlier.items() if name != "id"}
    return {"id": f"{turn}:switch:{earlier['id']}", "turn": turn, "role": "switch", "switch": switch}
