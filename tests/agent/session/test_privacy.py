"""Only the owner can look into sessions, and what is deleted is gone from every file."""

import asyncio
import logging
import os
import random
import sqlite3
import time
from contextlib import AsyncExitStack

import pytest
from support.agent_parts import NO_ARGUMENTS, noise
from support.crash_worker import deaths

from vivavoce.agent import AudioChunk, ToolStarted
from vivavoce.agent.session.log import SessionLog
from vivavoce.agent.session.store import DAY_S, open_sessions
from vivavoce.agent.state import user_record
from vivavoce.core.errors import SessionError
from vivavoce.core.messages import ToolOutput, ToolSpec

pytestmark = pytest.mark.unit
SECRET = "xylophone"


class Asking:
    """Does what it is told after the user agreed."""

    spec = ToolSpec("send", "Send it.", NO_ARGUMENTS, confirm=True)

    async def call(self, arguments):
        return ToolOutput(f"sent {arguments}")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sessions"


@pytest.fixture
def open_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def assert_private(folder):
    modes = {path: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    return {path.name for path in modes}


def assert_gone(folder, session="annas"):
    """Neither what was said nor the session's name is in any file, nor in the name of one."""
    for path in folder.rglob("*"):
        assert path.stem != session
        if path.is_file():
            data = path.read_bytes()
            assert SECRET.encode() not in data, path
            assert f"{session}/".encode() not in data, path


async def test_only_the_owner_can_look_into_what_is_kept(open_one, folder, open_umask):
    async with open_one() as agent:
        await agent.ask(noise(1), session="annas")
        names = assert_private(folder)
        assert {
            "sessions.sqlite",
            "sessions.sqlite-wal",
            "sessions.sqlite-shm",
            "annas.lock",
            "recordings",
            "annas",
        } <= names
    assert_private(folder)


async def test_what_an_earlier_version_or_a_copy_left_open_is_closed(open_one, folder, open_umask):
    async with open_one() as agent:
        await agent.ask(noise(1), session="annas")
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        async with open_one():
            assert_private(folder)


async def test_nothing_is_left_of_a_session_that_was_forgotten(open_one, folder):
    async with open_one() as agent:
        for number in range(4):
            await agent.ask(f"{SECRET} {number}", session="annas")
            await agent.ask(f'tool voice {{"id": "{SECRET}"}}', session="annas")
            await agent.ask(f"something else {number}", session="b")
        await agent.ask(noise(1), session="annas")
        assert await agent.forget("annas")
        assert_gone(folder)
        assert not await agent.forget("annas")
        assert await agent.history("annas") == ()
        assert [turn.heard for turn in await agent.history("b")] == [f"something else {number}" for number in range(4)]
        assert (await agent.ask("hello", session="annas")).answer_text == "You said: hello."
        assert len(await agent.history("annas")) == 1
        await agent.forget("annas")
    assert_gone(folder)


async def test_nothing_is_left_of_turns_that_were_interrupted_or_wait(open_one, folder):
    async with open_one(tools=(Asking(),), delay_s=0.01) as agent:
        for until in (AudioChunk, ToolStarted):
            async for event in agent.stream(f'tool slow {{"x": "{SECRET}"}}', session="annas"):
                if isinstance(event, until):
                    break
        turn = await agent.ask(f'tool send {{"x": "{SECRET}"}}', session="annas")
        assert turn.awaiting
        assert any(thread.startswith("annas/") for thread in await agent.services.sessions.checkpoints.threads())
        assert await agent.forget("annas")
        assert await agent.services.sessions.checkpoints.threads() == []
        assert_gone(folder)
    assert_gone(folder)


async def test_another_agent_may_have_the_folder_open(open_one, folder):
    async with open_one() as agent, open_one() as other:
        await agent.ask(f"{SECRET} one", session="annas")
        await other.ask(f"{SECRET} two", session="annas")
        await other.ask("hello", session="b")
        busy = asyncio.create_task(_chatter(other))
        assert await agent.forget("annas")
        assert_gone(folder)
        assert await busy == 20
        assert await other.history("annas") == ()
    assert_gone(folder)


async def _chatter(agent):
    for _ in range(20):
        await agent.ask("hello", session="b")
    return len(await agent.history("b")) - 1


@pytest.mark.process
def test_a_deletion_that_a_kill_cut_off_can_be_asked_for_again(open_one, folder, tmp_path):
    async def fill():
        async with open_one(tools=(Asking(),)) as agent:
            await agent.ask(noise(1), session="annas")
            await agent.ask(f'tool send {{"x": "{SECRET}"}}', session="annas")
            await agent.ask("hello", session="b")

    async def forget(where):
        async with open_sessions(where) as sessions:
            if "annas" in await sessions.log.names():
                await sessions.forget("annas")
            return await sessions.log.names()

    asyncio.run(fill())
    folder.rename(tmp_path / "template")
    for number, died in deaths(tmp_path, lambda killed: asyncio.run(forget(killed))):
        assert asyncio.run(forget(tmp_path / "killed")) == ["b"], (number, died)
        assert_gone(tmp_path / "killed")


@pytest.mark.parametrize("seed", [1, 2, 21])  # of those that leave something behind without VACUUM
async def test_pages_of_the_database_keep_nothing_that_moved_within_it(tmp_path, seed):
    chance, log = random.Random(seed * 13), SessionLog(tmp_path / "log.sqlite")
    await log.open()
    for _ in range(300):
        session, number = chance.choice("abcd"), chance.randrange(60)
        text = f"{SECRET}{session} " * chance.randrange(1, chance.choice([3, 30, 300, 1500]))
        await log.put(
            session, [user_record(f"{session}-{number}", text, None)], note=f"{SECRET}{session}" * chance.randrange(40)
        )
    await log.delete("a", "c")
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert f"{SECRET}a".encode() not in kept and f"{SECRET}c".encode() not in kept
    assert f"{SECRET}b".encode() in kept
    await log.close()


async def test_a_reader_that_keeps_the_data_from_being_erased_is_told_of(open_one, folder, monkeypatch):
    monkeypatch.setattr("vivavoce.agent.session.log.BUSY_S", 0.1)
    async with open_one() as agent:
        await agent.ask(f"{SECRET} one", session="annas")
        reader = sqlite3.connect(folder / "sessions.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM records").fetchall()
        with pytest.raises(SessionError, match="another process reads it, so that nothing can be erased; try again"):
            await agent.forget("annas")
        assert [summary.name for summary in await agent.services.sessions.all()] == [
            "annas"
        ]  # so that it can be tried again
        reader.close()
        assert await agent.forget("annas")
        assert_gone(folder)


async def test_sessions_that_were_not_used_for_long_are_forgotten(open_one, folder, caplog):
    async with open_one() as agent:
        await agent.ask(noise(1), session="old")
        await agent.ask("hello", session="new")
        await agent.ask("hello", session="busy")
        _age(folder, "old", "busy", days=9)
        async with agent.services.sessions.queue.held("busy"):  # in a turn
            async with open_sessions(folder, retention_days=10) as sessions:
                assert {summary.name for summary in await sessions.all()} == {"old", "new", "busy"}
            with caplog.at_level(logging.INFO):
                async with open_sessions(folder, retention_days=8) as sessions:
                    assert {summary.name for summary in await sessions.all()} == {"new", "busy"}
    assert "forgot 1 sessions that were not used for 8 days" in caplog.text
    assert_gone(folder, "old")
    assert list((folder / "recordings").iterdir()) == []


async def test_any_number_of_sessions_is_forgotten(open_one, folder, monkeypatch):
    monkeypatch.setattr("vivavoce.agent.session.store.HELD_AT_ONCE", 2)
    names = [f"old-{n}" for n in range(5)]
    async with open_one() as agent:
        for name in names:
            await agent.ask("hello", session=name)
        _age(folder, *names, days=9)
        assert await agent.services.sessions.prune(8) == names
        assert await agent.services.sessions.all() == []


async def test_a_clock_that_is_set_back_makes_no_session_older(open_one, monkeypatch):
    async with open_one() as agent:
        await agent.ask("hello", session="annas")
        now = time.time()
        monkeypatch.setattr("vivavoce.agent.session.log.time.time", lambda: now - 100 * DAY_S)
        await agent.ask("hello", session="annas")
        monkeypatch.undo()
        assert await agent.services.sessions.prune(8) == []


def _age(folder, *sessions, days):
    connection = sqlite3.connect(folder / "sessions.sqlite", isolation_level=None)
    for session in sessions:
        connection.execute("UPDATE sessions SET used = ? WHERE name = ?", (time.time() - days * DAY_S, session))
    connection.close()


async def test_what_killed_processes_left_behind_is_swept_up(open_one, folder):
    async with open_one(tools=(Asking(),)) as agent:
        sessions = agent.services.sessions
        await agent.ask('tool send {"x": 1}', session="b")
        waiting = await sessions.checkpoints.threads()
        sessions.recordings.put("never-begun", noise(1))
        checkpoint = {"v": 1, "id": "1", "ts": "", "channel_values": {}, "channel_versions": {}, "versions_seen": {}}
        await sessions.checkpoints.aput({"configurable": {"thread_id": "b/ended", "checkpoint_ns": ""}}, checkpoint, {}, {})
        sessions.recordings.put("begins", noise(2))
        async with AsyncExitStack() as held:
            await held.enter_async_context(sessions.queue.held("begins"))
            async with open_sessions(folder) as again:
                assert await again.checkpoints.threads() == waiting
                assert again.recordings.sessions() == ["begins"]
