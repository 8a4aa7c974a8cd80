"""A turn whose process died: a copy of the sessions folder at that moment is what a kill leaves."""

import shutil
from contextlib import asynccontextmanager

import pytest

from vivavoce.agent import Agent, AudioChunk, ToolFinished, ToolStarted, TurnDone
from vivavoce.agent.session.store import open_sessions
from vivavoce.agent.testing import ScriptedLM, ToneDecoder
from vivavoce.core.messages import ToolCall, ToolMessage
from vivavoce.tools.adapters import tool
from vivavoce.tools.registry import ToolRegistry

pytestmark = pytest.mark.unit
BEGUN = "I had begun to book, with seat 4"


class Desk:
    """Books seats."""

    def __init__(self):
        self.booked = []

    def tool(self, **options):
        def book(seat: int) -> str:
            """Book."""
            self.booked.append(seat)
            return f"Seat {seat} is booked."

        return tool(book, **options)


def books(messages, tools):
    last = messages[-1]
    if isinstance(last, ToolMessage):
        yield last.result.output.spoken or f"{last.result.status}."
    elif last.text == "book":
        yield ToolCall("1", "book", '{"seat": 4}')
    else:
        yield "Here I am."


@pytest.fixture
def after_a_kill(tmp_path, bank):
    """An agent on what a process left that was killed when it had given out an event of a kind."""

    @asynccontextmanager
    async def agent_in(name, made):
        tools = ToolRegistry()
        tools.add(made)
        async with open_sessions(tmp_path / name) as sessions:
            yield Agent(lm=ScriptedLM(books), decoder=ToneDecoder(), bank=bank, tools=tools, sessions=sessions)

    @asynccontextmanager
    async def opened(killed_at, made):
        async with agent_in("first", made) as agent:
            async for event in agent.stream("book", session="a"):
                if isinstance(event, killed_at):
                    shutil.copytree(tmp_path / "first", tmp_path / "second")
                    break
        async with agent_in("second", made) as agent:
            yield agent

    return opened


async def events_of(stream):
    return [event async for event in stream]


async def test_a_call_that_had_begun_is_not_made_again_and_the_user_is_told(after_a_kill):
    desk = Desk()
    async with after_a_kill(ToolStarted, desk.tool()) as agent:
        (turn,) = await agent.history("a")
        assert [result.status for result in turn.tool_calls] == ["interrupted"]
        booked = len(desk.booked)
        *_, done = await events_of(agent.resume("a"))
        assert BEGUN in done.turn.answer_text
        assert len(desk.booked) == booked
        assert BEGUN not in (await agent.ask("hello", session="a")).answer_text
        assert len(await agent.history("a")) == 2


async def test_an_idempotent_call_is_made_again(after_a_kill):
    desk = Desk()
    async with after_a_kill(ToolStarted, desk.tool(idempotent=True)) as agent:
        *_, done = await events_of(agent.resume("a"))
        assert done.turn.answer_text == "Seat 4 is booked."
        assert [result.status for result in done.turn.tool_calls] == ["done"]


async def test_a_result_that_was_kept_is_used(after_a_kill):
    desk = Desk()
    async with after_a_kill(ToolFinished, desk.tool()) as agent:
        assert [result.status for result in (await agent.history("a"))[0].tool_calls] == ["done"]
        *_, done = await events_of(agent.resume("a"))
        assert isinstance(done, TurnDone)
        assert done.turn.answer_text == "Seat 4 is booked."
    assert desk.booked == [4]


async def test_an_answer_that_nobody_heard_is_given_again(after_a_kill):
    desk = Desk()
    async with after_a_kill(AudioChunk, desk.tool()) as agent:
        (turn,) = await agent.history("a")
        assert turn.answer == ""
        *_, done = await events_of(agent.resume("a"))
        assert done.turn.answer_text == "Seat 4 is booked."
        (turn,) = await agent.history("a")
        assert (turn.answer, turn.interrupted) == ("Seat 4 is booked.", False)
    assert desk.booked == [4]


async def test_another_question_leaves_the_turn_as_it_is(after_a_kill):
    desk = Desk()
    async with after_a_kill(ToolStarted, desk.tool()) as agent:
        assert BEGUN in (await agent.ask("hello", session="a")).answer_text
        assert BEGUN not in (await agent.ask("hello", session="a")).answer_text
        assert [turn.heard for turn in await agent.history("a")] == ["book", "hello", "hello"]
    assert len(desk.booked) <= 1
