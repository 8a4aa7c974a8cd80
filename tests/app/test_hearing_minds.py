"""A mind that hears by itself is given the sound of what was just said, and no other."""

import base64

import httpx
import numpy as np
import pytest
from support.command_line import run_here
from support.strict_server import KEY

from vivavoce.agent import HeardText
from vivavoce.agent.testing import ScriptedLM
from vivavoce.app import open_agent
from vivavoce.app.model_choice import ModelChoice
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ConfigError
from vivavoce.core.messages import TextDelta
from vivavoce.core.settings import load_settings
from vivavoce.eval.cli import options_of
from vivavoce.model.mind.opening import open_chat_model
from vivavoce.model.mind.requests import MAX_SOUND_S

pytestmark = pytest.mark.process
TONES = {"model": "scripted", "grounding": "off", "warm": False}
FAILED = "I am sorry, I cannot answer right now: my model has failed."


def look(at: str) -> str:
    """Look at something."""
    return f"I looked at {at}."


class Ears:
    def __init__(self, *heard):
        self.heard = list(heard)

    async def warm_up(self):
        pass

    async def transcribe(self, audio):
        return self.heard.pop(0)

    async def close(self):
        pass


@pytest.fixture
def hearing(strict_server, own_home):
    """An agent with a mind that is given the sound, as an object."""

    def opened(model, *heard, **options):
        mind = open_chat_model(f"openai:{model}", f"{strict_server}/v1", KEY)
        return open_agent(mind=mind, ears=Ears(*heard), **{"mind_hears": True} | TONES | options)

    return opened


@pytest.fixture
async def asked(strict_server):
    """What was said in the last request, roles and contents."""

    async def told():
        async with httpx.AsyncClient() as client:
            messages = (await client.get(f"{strict_server}/last")).json()["messages"]
        return [(message["role"], message.get("content")) for message in messages if message["role"] != "system"]

    return told


async def tries(strict_server, model):
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{strict_server}/tries/{model}")).json()


def sounds_in(content):
    return [AudioClip.from_bytes(base64.b64decode(part["input_audio"]["data"])) for part in content]


def as_text(text):
    return [{"type": "text", "text": text}]


@pytest.mark.parametrize("rate", [16_000, 44_100])
async def test_what_was_spoken_is_heard_by_the_mind_and_written_down(hearing, asked, tone, rate):
    async with hearing("echo", "a note") as agent:
        events = [event async for event in agent.stream(tone.resampled(rate), session="s")]
    turn = events[-1].turn
    assert (turn.heard, turn.answer_text, turn.error) == ("a note", "You said: 1.000 s of sound", "")
    assert isinstance(events[0], HeardText)
    [(role, content)] = await asked()
    [sound] = sounds_in(content)
    assert role == "user"
    assert sound.sample_rate == 16_000
    assert np.abs(sound.samples[500:-500] - tone.samples[500:-500]).max() < 1e-2


async def test_earlier_turns_are_read(hearing, asked, tone):
    async with hearing("echo", "first", "second") as agent:
        await agent.ask(tone, session="s")
        await agent.ask("typed", session="s")
        assert await asked() == [
            ("user", "first"),
            ("assistant", "You said: 1.000 s of sound"),
            ("user", "typed"),
        ]
        await agent.ask(tone, session="s")
    *earlier, (role, content) = await asked()
    assert [said for said in earlier if said[0] == "user"] == [("user", as_text("first")), ("user", as_text("typed"))]
    assert (role, len(sounds_in(content))) == ("user", 1)


async def test_the_mind_still_hears_when_it_reads_what_a_tool_found(hearing, asked, tone):
    async with hearing("call-on-sound", "look at hey", tools=[look]) as agent:
        turn = await agent.ask(tone, session="s")
    assert "I looked at a." in turn.answer_text
    (_, content), (call, _), (result, _) = await asked()
    assert (len(sounds_in(content)), call, result) == (1, "assistant", "tool")


@pytest.mark.parametrize("heard", ["", " "])
async def test_where_nobody_spoke_nothing_is_sent(hearing, strict_server, tone, heard):
    before = await tries(strict_server, "plain")
    async with hearing("plain", heard) as agent:
        turn = await agent.ask(tone)
        assert turn.error == ""
        await agent.ask(AudioClip(np.zeros(16_000, np.float32), 16_000))
    assert await tries(strict_server, "plain") == before


async def test_what_is_too_long_is_read(hearing, asked):
    long = AudioClip(np.full(int(MAX_SOUND_S + 1) * 16_000, 0.1, np.float32), 16_000)
    async with hearing("echo", "a long story", max_question_s=600) as agent:
        turn = await agent.ask(long)
    assert turn.answer_text == "You said: a long story"
    assert await asked() == [("user", "a long story")]


async def test_a_mind_that_takes_no_sound_is_told_of(hearing, tone):
    async with hearing("deaf", "hello") as agent:
        turn = await agent.ask(tone, session="s")
        assert (turn.heard, turn.answer_text) == ("hello", FAILED)
        assert turn.error == (
            "the mind (ChatOpenAI) refused a request with sound (400: Invalid content type. This model takes no "
            "input_audio.); leave off mind_hears, or choose a model that hears"
        )
        assert (await agent.ask("typed", session="s")).answer_text == "You said: typed"
    async with hearing("deaf", "hello", mind_hears=False) as agent:
        assert (await agent.ask(tone, session="s")).answer_text == "You said: hello"


async def test_a_text_model_of_ones_own_gets_text_and_sound(own_home, tone):
    class Listener:
        async def warm_up(self, tools, instructions=()):
            pass

        async def stream(self, messages, tools):
            yield TextDelta(f"{messages[-1].text}, {messages[-1].audio.duration_s:.0f} s.")

        async def close(self):
            pass

    async with open_agent(mind=Listener(), ears=Ears("a note"), mind_hears=True, **TONES) as agent:
        assert (await agent.ask(tone)).answer_text == "a note, 1 s."


@pytest.mark.parametrize("given", [{}, {"model": "step-audio-2"}, {"model": "remote"}, {"lm": ScriptedLM()}])
async def test_without_a_mind_nobody_can_be_given_the_sound(own_home, given):
    with pytest.raises(ConfigError, match="mind_hears gives the sound to a mind, and there is none"):
        async with open_agent(**given, mind_hears=True):
            pass


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--mind-hears"], "there is none; give one, or leave it off"),
        (["--mind-hears", "--model", "step-audio-2"], "leave out --model"),
    ],
)
@pytest.mark.parametrize("command", [["ask", "--text", "hello"], ["doctor"], ["eval", "toolcall"]])
def test_the_command_line_says_so_too(own_home, tmp_path, command, options, told):
    done = run_here(*command, *options, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "\n" not in done.stderr.strip()


def test_it_is_a_setting_that_a_chosen_model_goes_before(monkeypatch):
    assert not load_settings().mind_hears
    monkeypatch.setenv("VIVAVOCE_MIND_HEARS", "true")
    monkeypatch.setenv("VIVAVOCE_MIND", "openai:set")
    assert ModelChoice().settings().mind_hears
    assert not ModelChoice("scripted").settings().mind_hears
    monkeypatch.delenv("VIVAVOCE_MIND_HEARS")
    assert ModelChoice(mind_hears=True).settings().mind_hears
    assert options_of("toolcall", None, None, 1, None, "openai:m", None, mind_hears=True).settings.mind_hears
