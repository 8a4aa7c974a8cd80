"""Sessions as versions before the log kept them: every message in every checkpoint, recordings of all in one folder."""

import logging
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from vivavoce.agent.session.checkpoints import Checkpoints
from vivavoce.agent.session.database import refusals
from vivavoce.agent.session.earlier_records import as_valid
from vivavoce.agent.session.log import SessionLog
from vivavoce.agent.session.queue import SessionQueue
from vivavoce.agent.session.recordings import Recordings
from vivavoce.agent.state import Record
from vivavoce.core.durable import discard
from vivavoce.core.errors import reason

RECORDINGS = "audio"
LOCK = ".taking-over"  # no session is called so
logger = logging.getLogger(__name__)


async def take_over(folder: Path, log: SessionLog, checkpoints: Checkpoints, recordings: Recordings) -> None:
    """Move what earlier versions kept into the log. What was moved before a crash is not moved twice.

    A session that cannot be read stays where it is, and a warning tells of it.

    Raises:
        SessionError: the disk refuses; what was not moved is still there.
    """
    if not (await _found(checkpoints) or (folder / RECORDINGS).is_dir()):
        return
    queue = SessionQueue(folder / "locks")
    async with queue.held(LOCK):
        await _move_all(folder, log, checkpoints, recordings)
        discard(queue.lock_file(LOCK))


async def _found(checkpoints: Checkpoints) -> list[str]:
    """Threads that are sessions; those of a turn have a slash in their names."""
    return [thread for thread in await checkpoints.threads() if "/" not in thread]


async def _move_all(folder: Path, log: SessionLog, checkpoints: Checkpoints, recordings: Recordings) -> None:
    threads, failed = await _found(checkpoints), 0
    for thread in threads:
        try:
            await _move(thread, folder / RECORDINGS, log, checkpoints, recordings)
        except (KeyError, TypeError, ValueError, AttributeError) as error:  # of a version that nobody knows any more
            failed += 1
            why = f"{type(error).__name__}: {reason(error)}"
            logger.warning("the session %s of an earlier version cannot be read (%s); it is left as it is", thread, why)
    if failed:
        return
    await log.compact()
    with refusals(folder):
        if (folder / RECORDINGS).is_dir():
            shutil.rmtree(folder / RECORDINGS)
    logger.info("took over %d sessions of an earlier version", len(threads))


async def _move(thread: str, earlier: Path, log: SessionLog, checkpoints: Checkpoints, recordings: Recordings) -> None:
    newest = await checkpoints.aget_tuple({"configurable": {"thread_id": thread}})
    oldest = await checkpoints.first(thread)
    if newest is None or oldest is None:
        return
    values: Mapping[str, Any] = newest.checkpoint["channel_values"]
    switches = values.get("switches", [])
    records = as_valid(values.get("messages", []), switches)
    facts = {name: values[name] for name in ("voice_id", "provenance", "unsaid") if name in values}
    facts["asked"] = {switch["voice_id"]: switch["asked"] for switch in switches}
    kept = [_with_recording(record, thread, earlier, recordings) for record in records]
    begun, used = (datetime.fromisoformat(of.checkpoint["ts"]).timestamp() for of in (oldest, newest))
    await log.adopt(thread, kept, facts, begun, used)
    await checkpoints.adelete_thread(thread)


def _with_recording(record: Record, session: str, earlier: Path, recordings: Recordings) -> Record:
    """The record, its recording in the session's own folder."""
    if not record.get("audio"):
        return record
    try:
        return {**record, "audio": recordings.adopt(session, earlier / f"{record['audio']}.flac")}
    except OSError as error:
        logger.warning("a recording of the session %s is gone: %s", session, error.strerror or type(error).__name__)
        return {**record, "audio": None}
