"""What every implementation of a protocol must do."""

import numpy as np
import pytest

from vivavoce.agent.testing.tone_decoder import Tone, ToneDecoder
from vivavoce.app.backends import open_decoder, open_language_model
from vivavoce.app.parts import Parts
from vivavoce.app.wiring import open_tools
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError, ToolFailed, VoiceNotFound
from vivavoce.core.messages import AudioTokens, Heard, SpokenClip, TextDelta, ToolCall, UserMessage
from vivavoce.core.protocols import Retriever, SpeechDecoder, SpeechLM, Tool, VoiceBank
from vivavoce.core.settings import load_settings
from vivavoce.core.voice import Voice, VoiceFilters
from vivavoce.tools.registry import ToolRegistry

pytestmark = pytest.mark.contract
MODELS = [pytest.param("scripted"), pytest.param("embedded", marks=pytest.mark.models)]


async def deltas(*texts):
    for text in texts:
        yield TextDelta(text)


@pytest.fixture
def voice():
    rng = np.random.default_rng(0)
    times = np.arange(48_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * h * times) / h for h in range(1, 20)) * 0.1 + rng.normal(0, 0.005, times.size)
    return Voice("buzz", "Buzz", "a buzz", AudioClip(buzz.astype(np.float32), 16_000))


@pytest.fixture
def chosen(request, tmp_path):
    """Settings of a model or a decoder by its name; only who needs weights waits for them."""

    def settings(name):
        match name:
            case "scripted":
                return load_settings(home=tmp_path, model=name)
            case "remote":
                address = f"{request.getfixturevalue('server')}/fork"
                return load_settings(home=tmp_path, model=name, base_url=address, remote_model="echo")
            case "mind":
                address = f"{request.getfixturevalue('strict_server')}/v1"
                return request.getfixturevalue("home").changed(mind="openai:echo", mind_url=address)
            case "embedded":
                return request.getfixturevalue("learnt_home")
        home, taught = request.getfixturevalue("home"), request.getfixturevalue("taught")
        if name == "token2wav":
            return home.changed(decoder=name, checkpoint=taught, flow_steps=2)
        return home.changed(model=name, checkpoint=taught, temperature=0)

    return settings


@pytest.fixture(params=[*MODELS, pytest.param("token2wav", marks=pytest.mark.models)])
def decoder(request, chosen):
    """Token2Wav on tiny weights; what comes as text alone it leaves to the embedded decoder."""
    return open_decoder(chosen(request.param))


async def test_a_decoder_speaks_in_order_and_knows_its_text(decoder, voice):
    assert isinstance(decoder, SpeechDecoder)
    conditioning = await decoder.prepare(voice)
    assert conditioning.voice_id == "buzz"
    clips = [clip async for clip in decoder.decode(deltas("One thing. ", "Another", " thing. ", "The end"), conditioning)]
    assert all(isinstance(clip, SpokenClip) and clip.audio.sample_rate == decoder.sample_rate for clip in clips)
    assert "".join(clip.text for clip in clips).split() == ["One", "thing.", "Another", "thing.", "The", "end"]
    assert [clip async for clip in decoder.decode(deltas("", "  "), conditioning)] == []
    await decoder.close()
    await decoder.close()


async def test_a_conditioning_among_the_deltas_is_the_voice_of_what_follows(decoder, voice):
    other = Voice("other", "Other", "another", AudioClip(voice.reference.samples[::-1].copy(), 22_050))
    first, second = await decoder.prepare(voice), await decoder.prepare(other)

    async def heard(conditioning, *said):
        async def given():
            for delta in said:
                yield delta

        return [clip async for clip in decoder.decode(given(), conditioning)]

    one, two = TextDelta("One thing. "), TextDelta("Another thing.")
    clips = await heard(first, one, second, two)
    assert "".join(clip.text for clip in clips).split() == ["One", "thing.", "Another", "thing."]
    alone = [*(await heard(first, one)), *(await heard(second, two))]
    for clip, wanted in zip(clips, alone, strict=True):
        assert np.array_equal(clip.audio.samples, wanted.audio.samples)
    await decoder.close()


@pytest.mark.models
async def test_a_decoder_refuses_what_it_cannot_read(home, voice):
    async def tokens():
        yield AudioTokens((1, 2))

    decoder = open_decoder(home)
    with pytest.raises(ModelError, match="audio tokens"):
        [clip async for clip in decoder.decode(tokens(), await decoder.prepare(voice))]
    with pytest.raises(ModelError, match="another decoder"):
        [clip async for clip in decoder.decode(deltas("x"), Tone("x", 1.0))]
    with pytest.raises(ModelError, match="another decoder"):
        [clip async for clip in ToneDecoder().decode(deltas("x"), await decoder.prepare(voice))]


@pytest.mark.models
async def test_the_same_text_sounds_the_same_in_any_split_and_a_prepared_voice_is_reused(home, voice):
    first, second = open_decoder(home), open_decoder(home)
    whole = [c.audio.samples async for c in first.decode(deltas("Good morning to you."), await first.prepare(voice))]
    split = [c.audio.samples async for c in second.decode(deltas(*"Good morning to you."), await second.prepare(voice))]
    assert np.array_equal(np.concatenate(whole), np.concatenate(split))
    assert list((home.home / "conditioning").glob("*.npz"))


@pytest.mark.parametrize(
    "model",
    [
        *MODELS,
        pytest.param("step-audio-2", marks=pytest.mark.models),
        pytest.param("remote", marks=pytest.mark.process),
        pytest.param("mind", marks=pytest.mark.models),
    ],
)
async def test_a_language_model_answers_text_and_calls_a_tool(model, chosen):
    settings = chosen(model)
    specs = open_tools(Parts(chosen("scripted") if model == "remote" else settings)).specs
    lm = await open_language_model(settings, Parts(settings).embedder)
    assert isinstance(lm, SpeechLM)
    said = "tool get_date_time {}" if model in ("scripted", "remote", "mind") else "What time is it?"
    calls = [delta async for delta in lm.stream([UserMessage(said)], specs) if isinstance(delta, ToolCall)]
    assert [call.name for call in calls] == ["get_date_time"]
    hello = [delta async for delta in lm.stream([UserMessage("Hello.")], specs)]
    assert "".join(d.text for d in hello if isinstance(d, TextDelta)).strip()
    assert not any(isinstance(delta, Heard) for delta in hello)
    await lm.close()
    await lm.close()


@pytest.mark.models
async def test_tools_have_schemas_and_refuse_wrong_arguments(home):
    async def double(number: int) -> str:
        """Double a number."""
        return str(2 * number)

    registry: ToolRegistry = open_tools(Parts(home))
    registry.add(double)
    for spec in registry.specs:
        tool = registry.get(spec.name)
        assert isinstance(tool, Tool)
        assert spec.as_json_schema()["function"]["parameters"]["type"] == "object"
        for raw in ("{", "[]", '{"nonsense": 1}', "null"):
            with pytest.raises(ToolFailed) as caught:
                await tool.call(raw)
            assert "\n" not in str(caught.value)


@pytest.mark.models
async def test_a_retriever_finds_the_passage_and_says_where_it_stands(home):
    index = Parts(home).index
    assert isinstance(index, Retriever)
    found = await index.search("How long is the warranty of the espresso machine?", 2)
    assert len(found) == 2
    assert "three years" in found[0].text
    assert found[0].title == "Kestrel espresso machine manual"
    assert found[0].location.startswith("lines ")
    assert found[0].score >= found[1].score


@pytest.mark.models
async def test_a_voice_bank_finds_by_words_and_by_clip(home):
    bank = Parts(home).bank
    assert isinstance(bank, VoiceBank)
    assert (await bank.search("a deep old man", 1))[0].voice.id == "old-deep-man"
    clip = bank.get("beckett-reader").reference
    assert (await bank.search(clip, 1))[0].voice.id == "beckett-reader"
    women = await bank.search("somebody", 20, VoiceFilters(gender="female"))
    assert women
    assert {hit.voice.facts.gender for hit in women} == {"female"}
    with pytest.raises(VoiceNotFound):
        bank.get("nobody")
