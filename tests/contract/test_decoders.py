"""What every decoder does with what cannot be spoken, and how it stops."""

import asyncio
import gc
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.agent.testing.tone_decoder import ToneDecoder
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import AudioTokens, TextDelta
from vivavoce.core.voice import Voice
from vivavoce.model.embedded.speaking.speech_decoder import NATIVE_VOICE, EmbeddedDecoder
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser

pytestmark = pytest.mark.contract
UNSPEAKABLE = ("🙂", "…", "\ud800", "\x00\x07", "\u200f\u200e", "—")
ODD = ["咖啡机", "⑴", "9" * 70, "\ud800", "🙂", "\u200fשלום", "…", "10⁻⁵", "\x1b[0m", "x" * 10_000, "\n\n", "5 °C", "**a**"]


@pytest.fixture(scope="module")
def token2wav(tmp_path_factory):
    from support.checkpoints import write_token2wav

    from vivavoce.model.token2wav.network import Token2WavNetwork
    from vivavoce.model.token2wav.speech_decoder import Token2WavDecoder
    from vivavoce.model.token2wav.stream import Quality

    folder = tmp_path_factory.mktemp("token2wav")
    write_token2wav(folder)

    def opened(text_decoder):
        return Token2WavDecoder(Token2WavNetwork(folder, Quality(2), threads=1), folder, text_decoder=text_decoder)

    return opened


@pytest.fixture(
    params=["tone", *(pytest.param(name, marks=pytest.mark.models) for name in ("embedded", "token2wav", "tokens"))]
)
def decoder(request, tmp_path):
    """Every decoder; that of tokens with and without one for texts, on tiny weights."""
    match request.param:
        case "tone":
            return ToneDecoder()
        case "embedded":
            return EmbeddedDecoder(Synthesiser(), tmp_path)
        case "token2wav":
            return request.getfixturevalue("token2wav")(EmbeddedDecoder(Synthesiser(), tmp_path))
        case _:
            return request.getfixturevalue("token2wav")(None)


@pytest.fixture
def texts_are_spoken(request):
    return "tokens" not in request.node.callspec.params.values()


def buzz():
    times = np.arange(48_000) / 16_000
    noise = np.random.default_rng(0).normal(0, 0.005, times.size)
    return AudioClip((sum(np.sin(2 * np.pi * 120 * h * times) / h for h in range(1, 20)) * 0.1 + noise).astype("f4"), 16_000)


VOICE = Voice("buzz", "Buzz", "a buzz", buzz())
OWN = replace(VOICE, native=NATIVE_VOICE)


async def given_out(deltas):
    for delta in deltas:
        yield TextDelta(delta) if isinstance(delta, str) else delta


async def spoken(decoder, *deltas, voice=VOICE):
    return [clip async for clip in decoder.decode(given_out(deltas), await decoder.prepare(voice))]


def text_of(clips):
    return "".join(clip.text for clip in clips).rstrip()


async def test_what_cannot_be_spoken_is_left_out_and_marked_and_the_rest_is_spoken(decoder, texts_are_spoken):
    for sign in UNSPEAKABLE:
        clips = await spoken(decoder, "One thing.\n", sign + "\n", "Another thing.")
        assert text_of(clips) == f"One thing.\n{sign}\nAnother thing."
        if texts_are_spoken:
            assert [clip.spoken for clip in clips] == [True, False, True]
            assert [clip.audio.is_silent for clip in clips] == [False, True, False]
        assert {clip.audio.sample_rate for clip in clips} == {decoder.sample_rate}
        assert AudioClip.joined([clip.audio for clip in clips]).duration_s > 0
    await decoder.close()


async def test_an_answer_that_cannot_be_spoken_at_all_is_text_and_silence(decoder):
    clips = await spoken(decoder, *(sign + "\n" for sign in UNSPEAKABLE))
    assert text_of(clips) == "\n".join(UNSPEAKABLE)
    assert not any(clip.spoken for clip in clips)
    assert AudioClip.joined([clip.audio for clip in clips]).is_silent
    await decoder.close()


async def test_nothing_is_nothing(decoder):
    assert await spoken(decoder) == []
    assert await spoken(decoder, "", "  ", "\n", "") == []
    await decoder.close()


@pytest.mark.parametrize("name", ["tone", *(pytest.param(n, marks=pytest.mark.models) for n in ("embedded", "token2wav"))])
def test_the_texts_of_all_clips_are_what_was_written(name, tmp_path_factory, request):
    folder, synthesiser = tmp_path_factory.mktemp(name), Synthesiser()
    token2wav = request.getfixturevalue("token2wav") if name == "token2wav" else None
    text = st.text(max_size=20) | st.text(st.sampled_from("ab 1.,!?\n"), max_size=20) | st.sampled_from(ODD)
    tokens = st.lists(st.integers(0, 6560), max_size=30).map(lambda ids: AudioTokens(tuple(ids)))

    @given(st.lists(st.one_of(text, text, tokens) if name != "embedded" else text, max_size=8))
    @settings(max_examples=200 if name == "tone" else 30)
    def check(deltas):
        decoder = ToneDecoder() if name == "tone" else EmbeddedDecoder(synthesiser, folder)
        if token2wav:
            decoder = token2wav(decoder)

        async def run():
            clips = await spoken(decoder, *deltas, voice=OWN)
            await decoder.close()
            return clips

        clips = asyncio.run(run())
        assert text_of(clips) == "".join(delta for delta in deltas if isinstance(delta, str)).rstrip()
        assert all(clip.spoken or (clip.text.strip() and clip.audio.is_silent) for clip in clips)

    check()


async def test_an_answer_that_is_closed_early_leaves_nothing_behind(decoder):
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    before = asyncio.all_tasks()
    conditioning = await decoder.prepare(VOICE)
    for _ in range(3):
        deltas = given_out([*(f"This is sentence number {i}.\n" for i in range(50)), AudioTokens((1,) * 200)])
        async with aclosing(deltas), aclosing(decoder.decode(deltas, conditioning)) as clips:
            await anext(clips)
    stopped = asyncio.create_task(spoken(decoder, *(f"This is sentence number {i}.\n" for i in range(50))))
    await asyncio.sleep(0.01)
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    assert await asyncio.wait_for(spoken(decoder, "The next answer.", AudioTokens((1,) * 30)), 20)
    await decoder.close()
    gc.collect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert not told
