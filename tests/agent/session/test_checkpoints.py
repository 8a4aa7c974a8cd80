"""Writes of checkpoints are whole, whatever becomes of the turn that made them."""

import asyncio
import sqlite3

import pytest

from vivavoce.agent.session.store import open_sessions
from vivavoce.core.errors import SessionError

pytestmark = pytest.mark.unit
THREAD = {"configurable": {"thread_id": "a/1", "checkpoint_ns": ""}}
CHECKPOINT = {"v": 1, "id": "1", "ts": "", "channel_values": {}, "channel_versions": {}, "versions_seen": {}}


@pytest.fixture
async def sessions(tmp_path):
    async with open_sessions(tmp_path / "sessions") as opened:
        yield opened


@pytest.fixture
def held_commit(sessions, monkeypatch):
    """A write that has come to its commit, and what lets it go on."""
    saver, reached, may_go_on = sessions.checkpoints, asyncio.Event(), asyncio.Event()
    commit = saver.conn.commit

    async def held():
        reached.set()
        await may_go_on.wait()
        await commit()

    monkeypatch.setattr(saver.conn, "commit", held)
    return reached, may_go_on


async def test_a_turn_that_is_interrupted_in_a_write_does_not_keep_the_database_locked(sessions, held_commit):
    reached, may_go_on = held_commit
    write = asyncio.create_task(sessions.checkpoints.aput(THREAD, CHECKPOINT, {}, {}))
    await reached.wait()
    write.cancel()
    await asyncio.gather(write, return_exceptions=True)
    may_go_on.set()
    await asyncio.wait_for(sessions.log.put("a", [], voice_id="other"), 2.0)
    assert not sessions.checkpoints.conn.in_transaction
    assert await sessions.checkpoints.threads() == ["a/1"]


async def test_a_thread_is_deleted_after_the_writes_that_came_before(sessions, held_commit):
    reached, may_go_on = held_commit
    writes = [asyncio.create_task(sessions.checkpoints.aput(THREAD, CHECKPOINT | {"id": id_}, {}, {})) for id_ in "12"]
    await reached.wait()
    for write in writes:
        write.cancel()
    deletion = asyncio.create_task(sessions.checkpoints.adelete_thread("a/1"))
    await asyncio.sleep(0)
    may_go_on.set()
    await deletion
    assert await sessions.checkpoints.threads() == []


async def test_a_write_that_fails_is_taken_back(sessions, monkeypatch):
    async def fails():
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(sessions.checkpoints.conn, "commit", fails)
        with pytest.raises(SessionError, match="database or disk is full"):
            await sessions.checkpoints.aput(THREAD, CHECKPOINT, {}, {})
    assert not sessions.checkpoints.conn.in_transaction
    assert await sessions.checkpoints.threads() == []
