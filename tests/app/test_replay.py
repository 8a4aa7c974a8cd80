"""A dialogue that is played again: the same where nothing changed, and every difference where something did."""

import pytest
from support.agent_parts import SlowTool

from vivavoce.agent import AudioChunk, ToolStarted
from vivavoce.agent.testing import ScriptedLM, ToneDecoder, echo
from vivavoce.app.replay import Difference, replay
from vivavoce.app.wiring import open_agent
from vivavoce.core.errors import ModelError, SessionError
from vivavoce.core.messages import Heard, ToolCall, ToolMessage, UserMessage
from vivavoce.core.settings import load_settings
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path, model="scripted")


class Desk:
    """Books seats, and counts them."""

    def __init__(self):
        self.booked = []

    def tool(self, **options):
        def book(seat: int) -> str:
            """Book a seat."""
            self.booked.append(seat)
            return f"Seat {seat} is booked, as number {len(self.booked)}."

        return tool(book, **options)


@pytest.fixture
def opened(settings):
    def agent(script=echo, delay_s=0.0, **parts):
        return open_agent(settings, lm=ScriptedLM(script, delay_s), **parts)

    return agent


async def again(settings, script=echo, **parts):
    return [turn async for turn in replay("a", settings, lm=ScriptedLM(script), **parts)]


async def sessions_of(opened):
    async with opened() as agent:
        return [summary.name for summary in await agent.services.sessions.all()]


async def test_the_same_model_says_the_same_and_no_tool_is_called(opened, settings, tone):
    desk = Desk()
    async with opened(tools=[desk.tool()]) as agent:
        for question in ('tool book {"seat": 4}', tone, 'tool book {"seat": 4}', "tool nothing {}", 'tool book {"oops'):
            await agent.ask(question, session="a")
    for tools in ([], [desk.tool()]):  # with and without knowing what the tool is
        turns = await again(settings, tools=tools)
        assert [turn.is_same for turn in turns] == [True] * 5, turns
    assert desk.booked == [4, 4]
    assert turns[2].then.answer == "Seat 4 is booked, as number 2."
    assert await sessions_of(opened) == ["a"]


async def test_what_differs_is_shown(opened, settings, tone):
    def other(messages, tools):
        last = messages[-1]
        if isinstance(last, UserMessage) and last.text is None:
            yield Heard("something else")
            yield "Well."
        elif isinstance(last, ToolMessage):
            yield last.result.output.content
        elif last.text == 'tool book {"seat": 4}':
            yield ToolCall("1", "book", '{"seat": 5}')
        else:
            yield from echo(messages, tools)

    async with opened(tools=[Desk().tool()]) as agent:
        for question in (tone, 'tool book {"seat": 4}', "hello"):
            await agent.ask(question, session="a")
    heard, called, same = await again(settings, other)
    assert heard.differences == (
        Difference("heard", "1.0 seconds of speech", "something else"),
        Difference("answer", "You said: 1.0 seconds of speech.", "Well."),
    )
    assert called.differences == (
        Difference("calls", 'book {"seat": 4}', 'book {"seat": 5}'),
        Difference("answer", "Seat 4 is booked, as number 1.", "this call is not in the log"),
    )
    assert same.is_same


async def test_turns_that_were_interrupted_are_interrupted_at_the_same_word(opened, settings):
    seen = []

    def script(messages, tools):
        seen.append([m.result.output.content if isinstance(m, ToolMessage) else m.text for m in messages[1:]])
        if isinstance(messages[-1], UserMessage) and messages[-1].text == "count":
            yield from ("One and two. ", "Three and four. ", "Five and six. ")
        else:
            yield from echo(messages, tools)

    async with opened(script, delay_s=0.01, tools=[SlowTool(), Desk().tool()]) as agent:
        await agent.ask('tool book {"seat": 4}', session="a")
        stream = agent.stream("count", session="a")
        async for event in stream:
            if isinstance(event, AudioChunk) and event.text == "Three and four. ":
                stream.played((event.start_s + event.end_s) / 2)
                break
        await stream.aclose()
        async for event in agent.stream("tool slow {}", session="a"):
            if isinstance(event, ToolStarted):
                break
        await agent.ask("hello", session="a")
        history = await agent.history("a")
    assert [(turn.answer, turn.interrupted) for turn in history[1:3]] == [("One and two. Three", True), ("", True)]
    then = seen[-1]
    turns = await again(settings, script)
    assert [turn.is_same for turn in turns] == [True] * 4
    assert seen[-1] == then  # what the model reads in the last turn is what it read then


async def test_a_confirmation_is_asked_for_again(opened, settings):
    desk = Desk()
    asking = desk.tool(confirm="Shall I book seat {seat}?")
    async with opened(tools=[asking]) as agent:
        for question in ('tool book {"seat": 4}', "yes", 'tool book {"seat": 5}', "no"):
            await agent.ask(question, session="a")
    assert [turn.is_same for turn in await again(settings, tools=[asking])] == [True] * 4
    unknowing = await again(settings)  # without the tool, nobody knows that it asks
    assert [turn.failed for turn in unknowing] == [""] * 4
    assert desk.booked == [4]


class Noting(ToneDecoder):
    """Notes the voices that it speaks in."""

    def __init__(self):
        self.voices = []

    async def prepare(self, voice):
        self.voices.append(voice.id)
        return await super().prepare(voice)


async def test_a_voice_that_was_chosen_is_chosen_again(opened, settings):
    decoder = Noting()
    async with opened() as agent:
        voices = [entry.id for entry in agent.bank.entries()]
        await agent.ask("hello", session="a", voice=voices[-1])
        await agent.ask("hello", session="a", voice=voices[0])
    turns = await again(settings, decoder=decoder)
    assert [turn.is_same for turn in turns] == [True, True]
    assert decoder.voices == [voices[-1], voices[0]]
    assert [turn.then.voices[0].voice_id for turn in turns] == [voices[-1], voices[0]]


async def test_a_turn_that_cannot_be_played_again_is_told_of_and_the_others_are_played(opened, settings, tmp_path, tone):
    async with opened(lambda *_: ["Well."]) as agent:  # which writes down nothing
        await agent.ask(tone, session="a")
        await agent.ask("hello", session="a")
    for path in (tmp_path / "scripted" / "sessions" / "recordings" / "a").iterdir():
        path.unlink()
    turns = await again(settings, lambda *_: ["Well."])
    assert [(turn.failed, turn.differences) for turn in turns] == [("its recording is gone", ()), ("", ())]


async def test_a_model_that_fails_is_a_difference(opened, settings):
    def broken(messages, tools):
        raise ModelError("no memory is left")
        yield

    async with opened() as agent:
        await agent.ask("hello", session="a")
    (turn,) = await again(settings, broken)
    assert (turn.failed, turn.is_same) == ("no memory is left", False)


async def test_there_must_be_such_a_session(settings):
    with pytest.raises(SessionError, match="there is no session 'a'"):
        await again(settings)
