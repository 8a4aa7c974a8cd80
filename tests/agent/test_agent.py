import asyncio
from dataclasses import replace

import numpy as np
import pytest
from support.agent_parts import NO_ARGUMENTS, FlakyTool, VoiceTool, noise

from vivavoce.agent import AudioChunk, SpokenText, ToolFinished, VoiceChanged
from vivavoce.agent.testing import ToneDecoder
from vivavoce.core.audio import AudioClip
from vivavoce.core.calls import current_call
from vivavoce.core.errors import AudioError, ConfigError, SessionError, VoiceNotFound, VoiceRefused
from vivavoce.core.language.sentences import NOTHING_HEARD
from vivavoce.core.messages import (
    AssistantMessage,
    SessionFacts,
    ToolCall,
    ToolMessage,
    ToolOutput,
    ToolSpec,
    UserMessage,
)
from vivavoce.core.voice import Voice

pytestmark = pytest.mark.unit


async def test_a_turn_is_heard_answered_and_spoken(open_one):
    async with open_one() as agent:
        turn = await agent.ask(noise(9), session="a")
    assert turn.heard == "2.0 seconds of speech"
    assert turn.answer_text == "You said: 2.0 seconds of speech."
    assert turn.answer_audio.duration_s > 0.5
    assert turn.timings.ttfa_s <= turn.timings.total_s


async def test_the_same_turn_already_speaks_in_the_new_voice_and_a_restart_keeps_it(open_one, bank):
    async with open_one() as agent:
        events = [event async for event in agent.stream("tool voice {}", session="a")]
    kinds = [type(event) for event in events]
    assert kinds.index(VoiceChanged) < kinds.index(AudioChunk)
    tone = await ToneDecoder().prepare(bank.get("other"))
    chunk = next(event for event in events if isinstance(event, AudioChunk))
    spectrum = np.abs(np.fft.rfft(chunk.audio.samples))
    frequency = spectrum.argmax() * chunk.audio.sample_rate / chunk.audio.samples.size
    assert frequency == pytest.approx(tone.frequency_hz, abs=chunk.audio.sample_rate / chunk.audio.samples.size)
    async with open_one() as again:
        assert (await again.ask("hello", session="a")).voice.id == "other"
        assert (await again.ask("hello", session="b")).voice.id == "default"


async def test_a_voice_that_left_the_bank_falls_back_to_the_default(open_one, bank):
    async with open_one() as agent:
        await agent.ask("tool voice {}", session="a")
        bank.remove("other")
        assert (await agent.ask("hello", session="a")).voice.id == "default"
        turn = await agent.ask('tool voice {"id": "../../etc"}', session="a")
    assert turn.tool_calls[0].status == "failed"


async def test_every_switch_is_in_the_sessions_trace_with_its_provenance(open_one, bank):
    async with open_one() as agent:
        assert (await agent.ask("hello", session="a")).voice_switches == ()
        await agent.ask("tool voice {}", session="a")
        turn = await agent.ask("hello", session="a", voice="default")
        assert [(s.voice_id, s.licence, s.source) for s in turn.voice_switches] == [
            ("other", "none", "test"),
            ("default", "none", "test"),
        ]
        again = await agent.ask("hello", session="a", voice="default")
        assert again.voice_switches == turn.voice_switches  # it spoke in that voice already
    async with open_one() as restarted:
        assert (await restarted.ask("hello", session="a")).voice_switches == turn.voice_switches


async def test_an_interrupted_turn_keeps_its_switch(open_one):
    async with open_one(delay_s=0.02) as agent:
        events = agent.stream("tool voice {}", session="a")
        async for event in events:
            if isinstance(event, AudioChunk):
                break
        await events.aclose()
        turn = await agent.ask("hello", session="a")
    assert [switch.voice_id for switch in turn.voice_switches] == ["other"]
    assert turn.voice.id == "other"


async def test_a_voice_that_may_not_be_cloned_is_never_spoken_in(open_one, bank):
    private = Voice("private", "Private", "", noise(7), licence="none", source="test", do_not_clone=True)
    bank.add(private)
    async with open_one() as agent:
        with pytest.raises(VoiceRefused, match="do not clone"):
            await agent.ask("hello", voice="private")
        turn = await agent.ask('tool voice {"id": "private"}', session="a")
        assert (turn.tool_calls[0].status, turn.voice.id) == ("failed", "default")
        assert "do not clone" in turn.answer_text
        await agent.ask("tool voice {}", session="a")
        bank.add(replace(private, id="other"), replace_existing=True)  # it is marked while a session speaks in it
        assert (await agent.ask("hello", session="a")).voice.id == "default"


async def test_a_tool_may_know_the_voice_and_what_it_was_asked_for(open_one):
    seen = []

    class Curious(VoiceTool):
        spec = ToolSpec("curious", "Wants to know.", NO_ARGUMENTS)

        async def call(self, arguments):
            seen.append(current_call().session)
            return ToolOutput("changed", voice_id="other", asked="a better voice")

    async with open_one(tools=(Curious(),)) as agent:
        await agent.ask("tool curious {}", session="a")
        await agent.ask("tool curious {}", session="a")
    assert seen == [SessionFacts("default", ""), SessionFacts("other", "a better voice")]


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ("tool nope {}", "failed", "no tool called nope"),
        ("tool slow {}", "timed_out", "did not answer within"),
        ("tool broken {}", "failed", "RuntimeError"),
        ("tool huge {oops", "failed", "arguments"),
        ('tool huge {"x": 1}', "failed", "arguments"),
    ],
)
async def test_a_tool_that_fails_is_spoken_about_and_the_dialogue_goes_on(open_one, said, status, why):
    async with open_one() as agent:
        turn = await agent.ask(said, session="a")
        assert [result.status for result in turn.tool_calls] == [status]
        assert why in turn.answer_text
        assert "secret" not in turn.answer_text
        assert turn.answer_audio is not None
        assert (await agent.ask("hello", session="a")).answer_text == "You said: hello."


async def leaves() -> str:
    """Leave."""
    raise SystemExit("bye")


def leaves_in_a_thread() -> str:
    """Leave."""
    raise SystemExit("bye")


async def cancels_itself() -> str:
    """Cancel."""
    raise asyncio.CancelledError


@pytest.mark.parametrize("tool", [leaves, leaves_in_a_thread, cancels_itself])
async def test_a_tool_ends_its_call_and_not_the_turn(open_one, tool):
    async with open_one(tools=(tool,)) as agent:
        turn = await agent.ask(f"tool {tool.__name__} {{}}", session="a")
        assert [result.status for result in turn.tool_calls] == ["failed"]
        assert (await agent.ask("hello", session="a")).answer_text == "You said: hello."


async def test_ten_megabytes_with_markers_are_cut_and_made_inert(open_one):
    async with open_one(result_chars=500) as agent:
        turn = await agent.ask("tool huge {}")
    content = turn.tool_calls[0].output.content
    assert len(content) < 700
    assert "<tool_call>" not in content
    assert "<|EOT|>" not in content


async def test_only_idempotent_tools_are_tried_again(open_one):
    safe, unsafe = FlakyTool("safe", True), FlakyTool("unsafe", False)
    async with open_one(tools=(safe, unsafe)) as agent:
        assert (await agent.ask("tool safe {}")).tool_calls[0].status == "done"
        assert (await agent.ask("tool unsafe {}")).tool_calls[0].status == "failed"
    assert (safe.calls, unsafe.calls) == (2, 1)


async def test_calls_run_in_parallel_and_results_keep_the_order_of_the_calls(open_one):
    gate = asyncio.Event()

    async def first() -> str:
        """Wait for the second."""
        await gate.wait()
        return "one"

    async def second() -> str:
        """Let the first go on."""
        gate.set()
        return "two"

    def script(messages, tools):
        if isinstance(messages[-1], UserMessage):
            yield ToolCall("1", "first", "{}")
            yield ToolCall("2", "second", "{}")
        else:
            yield " ".join(m.result.output.content for m in messages if isinstance(m, ToolMessage))

    async with open_one(script, tools=(first, second)) as agent:
        turn = await agent.ask("go")
    assert turn.answer_text.index("one") < turn.answer_text.index("two")


async def test_endless_calls_end_after_max_steps(open_one):
    def script(messages, tools):
        yield ToolCall(f"c{len(messages)}", "voice", "{}")

    async with open_one(script, max_steps=3) as agent:
        turn = await agent.ask("go")
    assert len(turn.tool_calls) == 3
    assert "steps" in turn.answer_text


async def test_an_interrupted_turn_keeps_what_was_heard_and_cancels_open_calls(open_one):
    seen = []

    def script(messages, tools):
        seen.append(list(messages))
        yield from ("One. ", "Two. ", "Three. ", "Four. ")

    async with open_one(script, delay_s=0.02) as agent:
        events = agent.stream("count", session="a")
        async for event in events:
            if isinstance(event, AudioChunk) and event.text == "Three. ":
                break
        await events.aclose()
        await agent.ask("go on", session="a")
    said = [m.text for m in seen[-1] if isinstance(m, AssistantMessage)]
    assert said[0].startswith("One. Two.")
    assert "Three" not in said[0]


async def test_silence_is_answered_without_the_model(open_one):
    def script(messages, tools):
        raise AssertionError("the model was asked")
        yield

    async with open_one(script) as agent:
        turn = await agent.ask(AudioClip(np.zeros(16_000, np.float32), 16_000))
    assert (turn.heard, turn.answer_text) == ("", NOTHING_HEARD())


async def test_bad_questions_are_refused_before_anything_runs(open_one):
    async with open_one(max_question_s=1.0) as agent:
        with pytest.raises(AudioError, match="at most"):
            await agent.ask(noise(1))
        for text in ("", "   ", "x" * 5000):
            with pytest.raises(ConfigError):
                await agent.ask(text)
        with pytest.raises(ConfigError, match="session"):
            await agent.ask("hello", session="../x")
        with pytest.raises(VoiceNotFound):
            await agent.ask("hello", voice="nobody")


async def test_two_turns_of_one_session_at_once_can_be_refused(open_one):
    async with open_one(delay_s=0.05, when_busy="refuse") as agent:
        events = agent.stream("hello", session="a")
        await anext(events)
        with pytest.raises(SessionError, match="in a turn already"):
            await agent.ask("hello", session="a")
        await events.aclose()


async def test_the_database_holds_no_sound(open_one, tmp_path):
    async with open_one() as agent:
        question = noise(3, seconds=20)
        for _ in range(3):
            await agent.ask(question, session="a")
    assert sum(file.stat().st_size for file in (tmp_path / "sessions").glob("sessions.sqlite*")) < 100_000
    assert len(list((tmp_path / "sessions" / "recordings" / "a").glob("*.flac"))) == 1


async def test_text_arrives_before_the_turn_is_done(open_one):
    async with open_one(delay_s=0.01) as agent:
        kinds = [type(event) async for event in agent.stream("tool voice {}")]
    assert kinds.index(ToolFinished) < kinds.index(SpokenText) < len(kinds) - 1
