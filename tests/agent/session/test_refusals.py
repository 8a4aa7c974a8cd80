"""A disk that refuses: one line, nothing lost, and the dialogue goes on when it can."""

import gc
import logging
import sqlite3
from contextlib import asynccontextmanager

import pytest
from support.agent_parts import noise
from support.fakes import assert_one_line

from vivavoce.agent import AudioChunk, SpokenText, ToolFinished, ToolStarted
from vivavoce.agent.session.store import open_sessions
from vivavoce.core.errors import SessionError

pytestmark = pytest.mark.unit
REFUSALS = {"full": "database or disk is full", "read-only": "attempt to write a readonly database"}
PRAGMAS = {
    "full": ("max_page_count = 1", "max_page_count = 1000000000"),
    "read-only": ("query_only = ON", "query_only = OFF"),
}


@asynccontextmanager
async def refusing(agent, why):
    """The disk refuses, until this is left."""
    sessions = agent.services.sessions
    refuse, obey = PRAGMAS[why]
    await _pragma(sessions, refuse)
    try:
        yield
    finally:
        await _pragma(sessions, obey)


async def _pragma(sessions, pragma):
    log = sessions.log
    await log._run(lambda: log._query(f"PRAGMA {pragma}"))
    await sessions.checkpoints.conn.execute(f"PRAGMA {pragma}")


@pytest.fixture
def nothing_unretrieved(caplog):
    yield
    gc.collect()
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


def long_result() -> str:
    """Return much, so that pages are needed for it."""
    return "word " * 3_000


@pytest.mark.parametrize("why", REFUSALS)
@pytest.mark.parametrize("begins", ["before", ToolStarted, ToolFinished, SpokenText, AudioChunk])
async def test_a_disk_that_refuses_ends_a_turn_in_one_line(open_one, why, begins, nothing_unretrieved):
    async with open_one(tools=(long_result,)) as agent:
        await agent.ask("hello", session="a")
        stream = agent.stream("tool long_result {}", session="a")
        if begins != "before":
            async for event in _until(stream, begins):
                assert event is not None
        async with refusing(agent, why):
            try:
                while True:
                    await anext(stream)
            except StopAsyncIteration:
                assert why == "full"  # what was left to write had room
            except SessionError as error:
                assert_one_line(str(error))
                assert REFUSALS[why] in str(error)
        turn = await agent.ask("and now?", session="a")
        assert turn.answer_text.endswith("You said: and now?.")
        history = await agent.history("a")
    assert (history[0].heard, history[0].answer) == ("hello", "You said: hello.")
    assert history[-1].heard == "and now?"
    if begins != "before":
        assert history[1].heard == "tool long_result {}" and len(history[1].tool_calls) == 1


async def _until(stream, kind):
    while True:
        event = await anext(stream)
        yield event
        if isinstance(event, kind):
            return


@pytest.mark.parametrize("why", REFUSALS)
async def test_other_questions_of_a_disk_that_refuses_are_answered_in_one_line(open_one, why):
    async with open_one() as agent:
        await agent.ask("hello", session="a")
        async with refusing(agent, why):
            if why == "read-only":
                for work in (agent.ask("hello", session="b"), agent.forget("a")):
                    with pytest.raises(SessionError, match="readonly"):
                        await work
            assert [turn.heard for turn in await agent.history("a")] == ["hello"]


async def test_a_recording_that_cannot_be_kept_is_a_session_error(open_one, tmp_path):
    async with open_one() as agent:
        (tmp_path / "sessions" / "recordings").write_text("a file where a folder should be")
        with pytest.raises(SessionError, match="sessions cannot be kept"):
            await agent.ask(noise(1), session="a")
        assert (await agent.ask("hello", session="a")).answer_text == "You said: hello."


async def test_a_database_that_another_process_locks_is_told_of(open_one, tmp_path, monkeypatch):
    monkeypatch.setattr("vivavoce.agent.session.log.BUSY_S", 0.1)
    monkeypatch.setattr("vivavoce.agent.session.checkpoints.BUSY_S", 0.1)
    async with open_one() as agent:
        await agent.ask("hello", session="a")
        other = sqlite3.connect(tmp_path / "sessions" / "sessions.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SessionError, match="database is locked") as refused:
            await agent.ask("and now?", session="a")
        assert_one_line(str(refused.value))
        other.execute("ROLLBACK")
        assert (await agent.ask("and now?", session="a")).answer_text == "You said: and now?."
        assert [turn.heard for turn in await agent.history("a")] == ["hello", "and now?"]
        other.close()


def garbage(path):
    path.write_bytes(b"no database at all" * 1_000)


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def newer(path):
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")


def torn(path):
    """Its schema is there, its tables are not."""
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * len(data[4096:])
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (garbage, "file is not a database"),
        (truncated, "malformed"),
        (torn, "malformed"),
        (newer, "a newer Vivavoce wrote these sessions; update this one"),
    ],
)
async def test_a_damaged_or_newer_database_is_told_of_and_left_as_it_is(open_one, tmp_path, damage, why):
    async with open_one() as agent:
        await agent.ask(noise(1), session="a")
    path = tmp_path / "sessions" / "sessions.sqlite"
    damage(path)
    before = path.read_bytes()
    with pytest.raises(SessionError, match=why) as refused:
        async with open_sessions(path.parent):
            pass
    assert_one_line(str(refused.value))
    assert str(path) in str(refused.value)
    assert path.read_bytes() == before
    assert len(list((path.parent / "recordings" / "a").iterdir())) == 1


async def test_one_page_that_is_damaged_costs_the_session_that_lies_on_it(open_one, tmp_path):
    path = tmp_path / "sessions" / "sessions.sqlite"
    async with open_one() as agent:
        for session, words in (("long", 600), ("between", 600), ("between", 600), ("short", 1)):
            await agent.ask("hello " * words, session=session)
    data = bytearray(path.read_bytes())
    start = data.index(b"hello hello") // 4096 * 4096
    data[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    async with open_one() as agent:
        with pytest.raises(SessionError, match="malformed") as refused:
            await agent.ask("and now?", session="long")
        assert_one_line(str(refused.value))
        assert (await agent.ask("and now?", session="short")).answer_text == "You said: and now?."


async def test_a_folder_that_cannot_be_one_is_told_of(tmp_path):
    (tmp_path / "sessions").write_text("a file")
    (tmp_path / "other" / "sessions.sqlite").mkdir(parents=True)
    for folder in (tmp_path / "sessions", tmp_path / "other"):
        with pytest.raises(SessionError, match="sessions cannot be kept"):
            async with open_sessions(folder):
                pass


async def test_a_session_whose_rows_are_damaged_is_told_of_and_can_be_forgotten(open_one, tmp_path):
    async with open_one() as agent:
        await agent.ask("hello", session="a")
        with sqlite3.connect(tmp_path / "sessions" / "sessions.sqlite") as connection:
            connection.execute("UPDATE sessions SET facts = 'no JSON'")
            connection.execute("UPDATE records SET value = '{'")
        connection.close()
        for asked in (agent.history("a"), agent.ask("hello", session="a")):
            with pytest.raises(SessionError, match="sessions cannot be kept"):
                await asked
        assert await agent.forget("a")
        assert (await agent.ask("hello", session="a")).answer_text == "You said: hello."
