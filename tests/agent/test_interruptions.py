"""Turns that are left, cut off or outrun by the next one: the session is free, and the dialogue keeps what was heard."""

import asyncio
import gc
import sqlite3

import pytest

from vivavoce.agent import AudioChunk, ToolStarted, TurnDone
from vivavoce.agent.testing import ToneDecoder
from vivavoce.core.calls import current_call
from vivavoce.core.errors import ConfigError, ModelError, SessionError
from vivavoce.core.messages import AssistantMessage, TextDelta, ToolCall, ToolMessage, ToolOutput, ToolSpec, UserMessage
from vivavoce.tools.adapters import tool

pytestmark = pytest.mark.unit
SENTENCES = ("One two three. ", "Four five six. ", "Seven eight nine. ")


class Hoarse(ToneDecoder):
    """Fails after so many clips of an answer."""

    def __init__(self, clips, error=ModelError):
        self.clips, self.error = clips, error

    async def decode(self, deltas, conditioning):
        left = self.clips
        async for clip in super().decode(deltas, conditioning):
            if not left:
                raise self.error("hoarse") if self.error is ModelError else self.error
            left -= 1
            yield clip


class Counting:
    """Says three sentences, and remembers what it was given to read."""

    def __init__(self):
        self.seen = []

    def __call__(self, messages, tools):
        self.seen.append(list(messages))
        yield from SENTENCES

    def answers(self):
        return [m.text.strip() for m in self.seen[-1] if isinstance(m, AssistantMessage)]


async def test_a_loop_that_is_left_frees_the_session_though_somebody_holds_the_stream(open_one):
    script = Counting()
    async with open_one(script, delay_s=0.01, when_busy="refuse") as agent:
        stream = agent.stream("count", session="a")
        async for event in stream:
            if isinstance(event, AudioChunk) and event.text == SENTENCES[1]:
                break
        await agent.ask("go on", session="a")
        assert script.answers() == ["One two three."]
        assert [type(event) async for event in stream] == [TurnDone]


async def test_a_chunk_is_heard_when_the_next_event_is_asked_for(open_one):
    async with open_one(Counting(), delay_s=0.01) as agent:
        async for event in agent.stream("count", session="a"):
            if isinstance(event, AudioChunk):
                break
        await asyncio.sleep(0)
        turn = await agent.ask("go on", session="a")
        first, second = await agent.history("a")
    assert (first.answer, first.interrupted, second.answer) == ("", True, turn.answer_text)


async def test_who_plays_says_how_much_was_heard_and_the_cut_falls_between_words(open_one):
    script = Counting()
    async with open_one(script) as agent:
        stream = agent.stream("count", session="a")
        chunks = [event async for event in stream if isinstance(event, AudioChunk)]
        stream.played((chunks[1].start_s + chunks[1].end_s) / 2)
        await stream.interrupt()
        (turn,) = await agent.history("a")
        assert (turn.answer, turn.interrupted) == ("One two three. Four", True)
        await agent.ask("go on", session="a")
    assert script.answers() == ["One two three. Four"]


async def test_chunks_tell_which_answer_they_belong_to_and_when(open_one):
    async with open_one(Counting()) as agent:
        events = [event async for event in agent.stream("count")]
    chunks = [event for event in events if isinstance(event, AudioChunk)]
    assert {chunk.answer for chunk in chunks} == {events[-1].turn.id}
    assert [chunk.start_s for chunk in chunks] == [0.0, *(chunk.end_s for chunk in chunks[:-1])]
    assert chunks[-1].end_s == pytest.approx(events[-1].turn.answer_audio.duration_s)


async def test_an_interrupted_turn_goes_on_to_its_end_for_whoever_listens(open_one):
    async with open_one(Counting(), delay_s=0.01) as agent:
        stream = agent.stream("count", session="a")
        async for event in stream:
            if isinstance(event, AudioChunk):
                await stream.interrupt()
            last = event
    assert isinstance(last, TurnDone)
    assert (last.turn.interrupted, last.turn.answer_text) == (True, "")


@pytest.mark.parametrize("idempotent", [True, False])
async def test_a_call_that_was_interrupted_is_told_of_once_if_it_may_have_acted(open_one, idempotent):
    async def book(seat: int) -> str:
        """Book."""
        await asyncio.sleep(60)
        return "booked"

    seen = []

    def script(messages, tools):
        seen.append(list(messages))
        if isinstance(messages[-1], UserMessage) and messages[-1].text == "book":
            yield ToolCall("1", "book", '{"seat": 4}')
        else:
            yield "Here I am."

    async with open_one(script, tools=(tool(book, idempotent=idempotent),)) as agent:
        async for event in agent.stream("book", session="a"):
            if isinstance(event, ToolStarted):
                break
        second, third = await agent.ask("hello", session="a"), await agent.ask("hello", session="a")
        first = (await agent.history("a"))[0]
    assert ("I had begun to book, with seat 4" in second.answer_text) is not idempotent
    assert third.answer_text == "Here I am."
    assert [result.status for result in first.tool_calls] == ["cancelled" if idempotent else "interrupted"]
    calls = [call.id for m in seen[-1] if isinstance(m, AssistantMessage) for call in m.tool_calls]
    assert calls == [m.result.call.id for m in seen[-1] if isinstance(m, ToolMessage)]


async def test_turns_of_one_session_wait_for_each_other(open_one):
    script = Counting()
    async with open_one(script, delay_s=0.01) as agent:
        turns = await asyncio.gather(*(agent.ask(f"count {n}", session="a") for n in range(4)))
        history = await agent.history("a")
    assert [turn.heard for turn in history] == [f"count {n}" for n in range(4)]
    assert {turn.answer_text for turn in turns} == {"One two three. Four five six. Seven eight nine."}
    assert len(script.answers()) == 3


async def test_a_turn_can_end_the_one_before(open_one):
    async with open_one(Counting(), delay_s=0.05, when_busy="interrupt") as agent:
        first = asyncio.create_task(agent.ask("count", session="a"))
        await asyncio.sleep(0.08)
        second = await agent.ask("again", session="a")
        assert not second.interrupted
        assert (await first).interrupted
        assert [turn.interrupted for turn in await agent.history("a")][1] is False


async def test_a_turn_that_nobody_goes_on_with_does_not_keep_the_next_waiting(open_one):
    async with open_one(Counting(), delay_s=0.01, when_busy="interrupt") as agent:
        stream = agent.stream("count", session="a")
        await anext(stream)
        assert not (await agent.ask("again", session="a")).interrupted
        assert isinstance(await anext(stream), TurnDone)


async def test_a_cancelled_task_frees_the_session(open_one):
    async with open_one(Counting(), delay_s=0.05) as agent:
        task = asyncio.create_task(agent.ask("count", session="a"))
        await asyncio.sleep(0.08)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await agent.ask("again", session="a")


async def test_waiting_for_a_session_can_be_given_up(open_one):
    async with open_one(Counting(), delay_s=0.02) as agent:
        first = asyncio.create_task(agent.ask("count", session="a"))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(agent.ask("count", session="a"))
        await asyncio.sleep(0)
        waiting.cancel()
        await first
        await agent.ask("again", session="a")
        assert len(await agent.history("a")) == 2


async def test_no_exception_is_left_behind(open_one):
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["message"]))
    async with open_one(lambda *_: SENTENCES, delay_s=0.005, decoder=Hoarse(clips=2)) as agent:
        for count in range(6):
            stream = agent.stream("go", session="a")
            try:
                for _ in range(count):
                    await anext(stream)
            except ModelError:
                pass
            await stream.aclose()
            del stream
        gc.collect()
        await asyncio.sleep(0.01)
    assert reported == []


async def test_a_turn_that_fails_keeps_what_was_heard_and_frees_the_session(open_one):
    decoder = Hoarse(clips=2)
    async with open_one(lambda *_: SENTENCES, delay_s=0.01, decoder=decoder) as agent:
        with pytest.raises(ModelError, match="hoarse"):
            await agent.ask("go", session="a")
        decoder.clips = 99
        await agent.ask("again", session="a")
        first = (await agent.history("a"))[0]
    assert first.heard == "go"
    assert first.answer in ("", "One two three.", "One two three. Four five six.")


async def test_resume_needs_a_turn_that_was_cut_off(open_one):
    async with open_one() as agent:
        await agent.ask("hello", session="a")
        with pytest.raises(SessionError, match="no turn that was cut off"):
            await anext(agent.resume("a"))


async def test_a_tool_that_does_not_listen_holds_nobody_up(open_one):
    async def deaf() -> str:
        """Go on whatever happens."""
        for _ in range(100):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                continue
        return "late"

    async with open_one(tools=(tool(deaf, timeout_s=0.1),)) as agent:
        (result,) = (await agent.ask("<tool_call>function\ndeaf\n{}</tool_call>", session="a")).tool_calls
        assert (result.status, "may still finish" in result.output.content) == ("timed_out", True)
        async for event in agent.stream("<tool_call>function\ndeaf\n{}</tool_call>", session="a"):
            if isinstance(event, ToolStarted):
                break
        assert "hello" in (await agent.ask("hello", session="a")).answer_text


async def test_a_turn_that_waits_can_be_interrupted(open_one):
    async with open_one(Counting()) as agent:
        first, second = agent.stream("count", session="a"), agent.stream("again", session="a")
        await anext(first)
        waiting = asyncio.create_task(anext(second))
        await asyncio.sleep(0.01)
        await second.interrupt()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert [type(event) async for event in first][-1] is TurnDone
        assert [turn.heard for turn in await agent.history("a")] == ["count"]


async def test_of_several_that_interrupt_the_last_comes_next(open_one):
    async with open_one(Counting(), delay_s=0.05, when_busy="interrupt") as agent:
        turns = [asyncio.create_task(agent.ask(f"count {n}", session="a")) for n in range(3)]
        assert [turn.interrupted for turn in await asyncio.gather(*turns)] == [True, True, False]
        assert [turn.heard for turn in await agent.history("a")] == ["count 0", "count 1", "count 2"]


async def test_closing_ends_turns_of_every_session_and_those_that_wait(open_one):
    async with open_one(Counting(), delay_s=0.02) as agent:
        turns = [asyncio.create_task(agent.ask("count", session=name)) for name in "aabb"]
        await asyncio.sleep(0.03)
    first, second, third, fourth = await asyncio.gather(*turns, return_exceptions=True)
    assert first.interrupted
    assert third.interrupted
    assert [type(second), type(fourth)] == [SessionError, SessionError]


async def test_what_was_heard_is_kept_while_the_rest_is_played(open_one):
    async with open_one(Counting()) as agent:
        stream = agent.stream("count", session="a")
        heard = []
        async for event in stream:
            await asyncio.sleep(0.02)  # all is made long before it is played
            (turn,) = await agent.history("a")
            assert turn.answer == "".join(heard).strip()
            if isinstance(event, AudioChunk):
                heard.append(event.text)
            if len(heard) == len(SENTENCES):
                break


@pytest.mark.parametrize("seconds", [0.0, 5e-324])
async def test_nothing_of_an_answer_was_heard(open_one, seconds):
    async with open_one(Counting()) as agent:
        stream = agent.stream("count", session="a")
        stream.played(seconds)
        turn = [event async for event in stream][-1].turn
        assert not turn.interrupted
        stream.played(seconds)
        await stream.interrupt()
        (turn,) = await agent.history("a")
        assert turn.answer == ""
        stream = agent.stream("count", session="b")
        stream.played(seconds)
        async for event in stream:
            if isinstance(event, AudioChunk):
                await stream.interrupt()
        assert event.turn.answer_audio is None


async def test_no_two_calls_have_one_id_whatever_the_model_calls_them(open_one):
    ids = []

    def book() -> str:
        """Book."""
        ids.append(current_call().id)
        return "booked"

    def counting(messages, tools):
        yield "Booked." if isinstance(messages[-1], ToolMessage) else ToolCall("0", "book", "{}")

    async with open_one(counting, tools=(tool(book),)) as agent:
        for session in "aab":
            await agent.ask("book", session=session)
    assert len(set(ids)) == 3


async def test_played_takes_lengths_of_time(open_one):
    async with open_one(Counting()) as agent:
        stream = agent.stream("count", session="a")
        for wrong in (float("nan"), -1.0):
            with pytest.raises(ConfigError, match="cannot have been played"):
                stream.played(wrong)
        async for event in stream:
            if isinstance(event, AudioChunk):
                stream.played(float("inf"))
        await stream.interrupt()
        (turn,) = await agent.history("a")
    assert (turn.answer, turn.interrupted) == (event.turn.answer_text, False)


async def test_an_answer_that_was_cut_while_it_was_written_counts_as_cut_though_all_of_it_was_heard(open_one, monkeypatch):
    async def stalling(messages, tools):
        yield TextDelta(SENTENCES[0])
        yield TextDelta(SENTENCES[1])
        await asyncio.Event().wait()

    async with open_one() as agent:
        monkeypatch.setattr(agent.services.lm, "stream", stalling)
        stream = agent.stream("count", session="a")
        async for event in stream:
            if isinstance(event, AudioChunk):
                stream.played(event.end_s)
                await stream.interrupt()
        (turn,) = await agent.history("a")
    assert (turn.answer, turn.interrupted) == ("One two three.", True)


async def test_who_gives_up_on_ask_has_heard_nothing(open_one):
    async with open_one(Counting(), delay_s=0.05) as agent:
        task = asyncio.create_task(agent.ask("count", session="a"))
        await asyncio.sleep(0.12)  # sentences were spoken, and nobody heard them
        task.cancel()
        await asyncio.wait([task])
        (turn,) = await agent.history("a")
    assert (turn.answer, turn.interrupted) == ("", True)


async def test_closing_ends_every_turn_though_the_disk_refuses_one(open_one, monkeypatch):
    with pytest.raises(SessionError, match="full"):
        async with open_one(Counting(), delay_s=0.02) as agent:
            turns = [asyncio.create_task(agent.ask("count", session=name)) for name in "ab"]
            await asyncio.sleep(0.03)
            write = agent.services.sessions.log._put

            def refusing(session, *rest):
                if session == "a":
                    raise sqlite3.OperationalError("disk is full")
                write(session, *rest)

            monkeypatch.setattr(agent.services.sessions.log, "_put", refusing)
    first, second = await asyncio.gather(*turns, return_exceptions=True)
    assert isinstance(first, SessionError)
    assert second.interrupted


async def test_another_event_loop_is_refused(open_one):
    async with open_one() as agent:

        def inner() -> str:
            """Ask from a thread with a loop of its own."""
            return asyncio.run(agent.ask("hello", session="a")).answer_text

        agent.services.tools.add(inner)
        (result,) = (await agent.ask("tool inner {}", session="a")).tool_calls
        assert (result.status, "SessionError" in result.output.content) == ("failed", True)
        assert (await agent.ask("hello", session="a")).answer_text == "You said: hello."


async def test_sessions_that_are_closed_say_so(open_one):
    async with open_one() as agent:
        await agent.ask("hello", session="a")
    for again in (agent.ask("hello", session="a"), agent.history("a"), agent.forget("a")):
        with pytest.raises(SessionError, match="closed"):
            await again


async def test_a_decoder_that_breaks_in_its_own_way_is_a_model_error(open_one):
    async with open_one(decoder=Hoarse(0, ValueError)) as agent:
        with pytest.raises(ModelError, match=r"failed \(ValueError\)"):
            await agent.ask("go", session="a")


@pytest.mark.parametrize("given", [ToolOutput(42), ToolOutput(None), ToolOutput("x", sources=None), "a text", None])
async def test_a_tool_that_gives_what_it_should_not_has_failed(open_one, given):
    class Odd:
        spec = ToolSpec("odd", "Give anything.", {"type": "object", "properties": {}})

        async def call(self, arguments):
            return given

    async with open_one(tools=(Odd(),)) as agent:
        turn = await agent.ask("tool odd {}", session="a")
        assert [result.status for result in turn.tool_calls] == ["failed"]


async def test_a_tool_that_panics_ends_its_call_and_nothing_else(open_one):
    class Panic(BaseException):
        pass

    def panic() -> str:
        """Panic."""
        raise Panic

    async with open_one(tools=(panic,)) as agent:
        (result,) = (await agent.ask("tool panic {}", session="a")).tool_calls
        assert (result.status, "Panic" in result.output.content) == ("failed", True)


async def test_the_history_knows_at_once_what_was_heard_of_an_answer_that_was_left(open_one):
    async with open_one(Counting()) as agent:
        stream = agent.stream("count", session="a")
        async for event in stream:
            if isinstance(event, AudioChunk):
                stream.played(event.end_s)
                break
        (turn,) = await agent.history("a")
    assert (turn.answer, turn.interrupted) == ("One two three.", True)
