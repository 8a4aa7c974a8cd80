"""An agent whose every part is a developer's own: nothing of the product's is opened, so no weights are needed."""

import json

import numpy as np
import pytest
from langgraph.checkpoint.memory import InMemorySaver

from vivavoce.app import open_agent
from vivavoce.core import (
    AudioClip,
    ConfigError,
    Heard,
    Passage,
    SpokenClip,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolMessage,
    Voice,
    VoiceEntry,
    VoiceHit,
    VoiceNotFound,
)

pytestmark = pytest.mark.contract
RATE = 8_000


def tone(seconds, hz=300.0):
    times = np.arange(int(seconds * RATE), dtype=np.float32) / RATE
    return AudioClip((0.2 * np.sin(2 * np.pi * hz * times)).astype(np.float32), RATE)


class OwnModel:
    """Looks things up in the documents, or changes the voice, and reads out what comes."""

    def __init__(self):
        self.read, self.closed, self.warmed = [], 0, 0

    async def warm_up(self, tools, instructions=()):
        self.warmed += 1

    async def stream(self, messages, tools):
        self.read.append(messages)
        last = messages[-1]
        if isinstance(last, ToolMessage):
            yield TextDelta(last.result.output.spoken or last.result.output.content)
            return
        said = last.text
        if said is None:
            said = f"voice, {last.audio.duration_s:.0f} second"
            yield Heard(said)
        if said.startswith("voice"):
            yield ToolCall("1", "voice_search", json.dumps({"description": said}))
        else:
            yield ToolCall("1", "knowledge_search", json.dumps({"query": said}))

    async def close(self):
        self.closed += 1


class OwnConditioning:
    def __init__(self, voice):
        self.voice_id = voice.id


class OwnDecoder:
    sample_rate = RATE

    def __init__(self):
        self.spoke, self.closed = [], 0

    async def warm_up(self):
        pass

    async def prepare(self, voice):
        return OwnConditioning(voice)

    async def decode(self, deltas, conditioning):
        async for delta in deltas:
            if isinstance(delta, TextDelta) and delta.text.strip():
                self.spoke.append(conditioning.voice_id)
                yield SpokenClip(tone(0.1), delta.text)

    async def close(self):
        self.closed += 1


class OwnBank:
    def __init__(self, *ids):
        self.voices = {
            i: Voice(i, i.title(), f"The voice {i}", tone(1.0), licence="mine", consent="me", source="test") for i in ids
        }

    def __len__(self):
        return len(self.voices)

    def has(self, voice_id):
        return voice_id in self.voices

    def get(self, voice_id):
        if voice_id not in self.voices:
            raise VoiceNotFound(f"no voice is called {voice_id!r}")
        return self.voices[voice_id]

    def entry(self, voice_id):
        return VoiceEntry.of(self.get(voice_id))

    async def search(self, query, k, filters=None, *, like=None):
        return [VoiceHit(self.entry("july"), 0.9, "it is warm")][:k]


class OwnDocuments:
    async def search(self, query, k):
        return [Passage("The harbour opens at six.", "harbour.txt", "Harbour rules", "line 1", 0.9)]


@pytest.fixture
def own():
    return {
        "lm": OwnModel(),
        "decoder": OwnDecoder(),
        "bank": OwnBank("june", "july"),
        "documents": OwnDocuments(),
        "checkpointer": InMemorySaver(),
        "voice": "june",
        "grounding": "off",
    }


async def test_every_part_can_be_a_developers_own(own, own_home):
    async with open_agent(**own, instructions="You keep the harbour.") as agent:
        turn = await agent.ask("When does the harbour open?", session="a")
        assert turn.answer_text == "According to the Harbour rules: The harbour opens at six."
        assert turn.voice.id == "june"
        assert turn.answer_audio.sample_rate == RATE
        switched = await agent.ask(tone(1.0), session="a")
        assert (switched.heard, switched.voice.id) == ("voice, 1 second", "july")
        assert own["decoder"].spoke == ["june", "july"]
        first = own["lm"].read[0][0]
        assert isinstance(first, SystemMessage)
        assert first.text.startswith("You keep the harbour.")
    assert (own["lm"].warmed, own["lm"].closed, own["decoder"].closed) == (1, 0, 0)  # whoever opened them closes them
    assert not (own_home / "weights").exists()
    assert not (own_home / "voices").exists()
    async with open_agent(**own) as agent:
        assert (await agent.ask("And on Sundays?", session="a")).voice.id == "july"  # the checkpointer kept the session


async def test_a_bank_without_the_voice_of_new_sessions_is_refused(own, own_home):
    own["voice"] = "august"
    with pytest.raises(VoiceNotFound, match="august"):
        async with open_agent(**own):
            pass


async def test_back_to_normal_is_the_agents_own_voice(own, own_home):
    async with open_agent(**own) as agent:
        await agent.ask("voice like a summer day", session="a")
        back = await agent.ask("voice: go back to your normal voice", session="a")
    assert back.voice.id == "june"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"only": ["abc"]}, "there are get_date_time"),
        ({"only": "get_date_time"}, "give a list of names"),
        ({"tools": None}, "give a list of tools"),
        ({"tools": print}, "give a list of tools"),
        ({"instructions": 3}, "give a text"),
        ({"langauge": "zh"}, "did you mean language"),
    ],
)
async def test_what_cannot_be_meant_is_one_line(own, own_home, wrong, told):
    with pytest.raises(ConfigError, match=told) as error:
        async with open_agent(**own | wrong):
            pass
    assert "\n" not in str(error.value)
