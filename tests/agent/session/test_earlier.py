"""Sessions of the version before the log, see support/earlier_sessions.py."""

import asyncio
import logging
import shutil
import zipfile
from pathlib import Path

import pytest
from support.crash_worker import deaths
from support.strict_messages import faults

from vivavoce.agent.session.store import open_sessions
from vivavoce.agent.state import to_messages
from vivavoce.core.messages import UserMessage
from vivavoce.model.remote.wire import chat_request

pytestmark = pytest.mark.unit
EARLIER = Path(__file__).with_name("earlier.zip")
UNKNOWN = "the call was interrupted, and nobody knows whether it went through"
DIALOGUES = {  # of each turn: heard, answer, whether it was interrupted, calls
    "plain": [("hello", "You said: hello.", False, []), ("again", "You said: again.", False, [])],
    "spoken": [("0.5 seconds of speech", "You said: 0.5 seconds of speech.", False, [])] * 2,
    "switched": [
        ("tool voice {}", "Changed.", False, ["voice {} done"]),
        ("hello", "You said: hello.", False, []),
        ("tool voice {}", "Changed.", False, ["voice {} done"]),
    ],
    "tools": [
        ('tool book {"seat": 4}', "Seat 4 is booked.", False, ['book {"seat": 4} done']),
        ("tool nothing {}", "there is no tool called nothing", False, ["nothing {} failed"]),
        ("seat 5", "Seat 5 is booked.", False, ['book {"seat": 5} interrupted']),  # its result was written over by the next
        ("seat 6", "You said: .", False, ['book {"seat": 6} done']),
    ],
    "cut": [
        ("count", "One. Two. Three.", False, []),
        ("tool slow {}", "", True, ["slow {} cancelled"]),
        ("book and tell", "Let me see. It is done. Have", True, ['book {"seat": 4} done']),
        ("count", "One. Two. Three. Four.", True, []),
        ("hello", "You said: hello.", False, []),
    ],
}


def told(turn):
    calls = [f"{result.call.name} {result.call.arguments} {result.status}" for result in turn.tool_calls]
    return turn.heard, turn.answer, turn.interrupted, calls


async def contents(folder):
    """All that is kept, the times aside."""
    async with open_sessions(folder) as sessions:
        kept = {}
        for summary in await sessions.all():
            records = await sessions.log.records(summary.name)
            facts = await sessions.log.facts(summary.name)
            sound = sorted(path.name for path in (folder / "recordings" / summary.name).glob("*.flac"))
            kept[summary.name] = (summary, records, facts, sound)
        return kept


@pytest.fixture
def earlier(tmp_path):
    folder = tmp_path / "sessions"
    with zipfile.ZipFile(EARLIER) as archive:
        archive.extractall(folder)
    return folder


async def test_every_dialogue_is_taken_over_as_it_was(earlier):
    before = (earlier / "sessions.sqlite").stat()
    async with open_sessions(earlier) as sessions:
        kept = {summary.name: await sessions.history(summary.name) for summary in await sessions.all()}
        assert {name: [told(turn) for turn in turns] for name, turns in kept.items()} == DIALOGUES
        assert await sessions.checkpoints.threads() == []
        spoken = sessions.recordings.get(kept["spoken"][0].recording)
        facts = await sessions.log.facts("switched")
        times = [(summary.begun, summary.used) for summary in await sessions.all()]
    assert spoken.duration_s == 0.5
    assert (facts["voice_id"], facts["asked"]["other"]) == ("other", "a better voice")
    assert [[switch.voice_id for switch in turn.voices] for turn in kept["switched"]] == [["other"], ["default"], ["other"]]
    assert all(begun < used < before.st_mtime + 1 for begun, used in times)
    assert not (earlier / "audio").exists()
    assert (earlier / "sessions.sqlite").stat().st_size < 0.7 * before.st_size
    assert all(path.stat().st_mode & 0o077 == 0 for path in [earlier, *earlier.rglob("*")])


async def test_prompts_of_what_was_taken_over_are_valid(earlier):
    for _, records, _, _ in (await contents(earlier)).values():
        messages = to_messages(records, lambda _: None)
        assert faults(chat_request(messages, (), "vllm-omni", speaking=False)["messages"]) == []


async def test_the_dialogue_goes_on(earlier, open_one):
    seen = []

    def script(messages, tools):
        seen.append(messages)
        yield "Well."

    async with open_one(script) as agent:
        turn = await agent.ask("hello", session="switched")
        assert (turn.voice.id, len(turn.voice_switches)) == ("other", 3)
        asked = await agent.ask("and now?", session="tools")
    assert asked.answer_text == "Well."  # nobody is told now of what was lost long ago
    questions = [message.text for message in seen[-1] if isinstance(message, UserMessage)]
    assert questions == ['tool book {"seat": 4}', "tool nothing {}", "seat 5", "seat 6", "and now?"]


@pytest.mark.process
def test_a_process_that_dies_meanwhile_loses_nothing(earlier, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(earlier, whole)
    expected = asyncio.run(contents(whole))
    earlier.rename(tmp_path / "template")

    def work(folder):
        asyncio.run(contents(folder))

    for number, died in deaths(tmp_path, work):
        killed = tmp_path / "killed"
        assert asyncio.run(contents(killed)) == expected, (number, died)
        assert not (killed / "audio").exists()


async def test_two_that_open_at_once_take_over_once(earlier):
    first, second = await asyncio.gather(contents(earlier), contents(earlier))
    assert first == second
    assert list(first) and not (earlier / "locks" / ".taking-over.lock").exists()


async def test_a_session_that_nobody_can_read_stays_and_the_others_come(earlier, caplog):
    checkpoint = {"v": 1, "id": "1", "ts": "", "channel_versions": {}, "versions_seen": {}}
    async with open_sessions(earlier.with_name("other")) as sessions:
        await sessions.checkpoints.aput(
            {"configurable": {"thread_id": "odd", "checkpoint_ns": ""}},
            {**checkpoint, "channel_values": {"messages": [{"role": "user"}]}},
            {},
            {},
        )
        await sessions.checkpoints.conn.execute(f"ATTACH '{earlier / 'sessions.sqlite'}' AS earlier")
        await sessions.checkpoints.conn.execute("INSERT INTO earlier.checkpoints SELECT * FROM checkpoints")
        await sessions.checkpoints.conn.commit()
    with caplog.at_level(logging.WARNING):
        assert set(await contents(earlier)) == set(DIALOGUES)
    assert "the session odd of an earlier version cannot be read (KeyError: 'id')" in caplog.text
    assert (earlier / "audio").is_dir()
    async with open_sessions(earlier) as sessions:
        assert await sessions.checkpoints.threads() == ["odd"]
