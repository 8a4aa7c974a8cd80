"""The embedded decoder over a voice that the tests hold in hand."""

import asyncio
import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.messages import TextDelta
from vivavoce.core.voice import Voice
from vivavoce.model.embedded.speaking.speech_decoder import NATIVE_VOICE, EmbeddedDecoder
from vivavoce.model.embedded.speaking.synthesiser import Synthesiser
from vivavoce.model.embedded.speaking.timbre import measure

pytestmark = pytest.mark.unit


def buzz(seconds=2.0, pitch=120, rate=24_000):
    times = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(0, 0.005, times.size)
    return AudioClip((sum(np.sin(2 * np.pi * pitch * h * times) / h for h in range(1, 20)) * 0.1 + noise).astype("f4"), rate)


class Voicebox:
    """Says everything with one buzz, but for what a test forbids."""

    timbre_key = "ab" * 32

    def __init__(self, fails=lambda text: None, loads=True):
        self.fails, self.loads, self.said, self.measured = fails, loads, [], 0

    def load(self):
        if not self.loads:
            raise ModelError("the voice cannot be loaded: OSError: gone")

    def speak(self, text):
        self.load()
        self.said.append(text)
        self.fails(text)
        return buzz(0.2)

    def timbre(self):
        self.measured += 1
        return measure(buzz())


NATIVE = Voice("default", "Heart", "her own voice", buzz(), native=NATIVE_VOICE)
OTHER = Voice("other", "Other", "another voice", buzz(pitch=200))


async def spoken(decoder, *texts, voice=NATIVE):
    async def deltas():
        for text in texts:
            yield TextDelta(text)

    return [clip async for clip in decoder.decode(deltas(), await decoder.prepare(voice))]


def raising(error, word):
    def fails(text):
        if word in text:
            raise error

    return fails


@pytest.mark.parametrize("voice", [NATIVE, OTHER], ids=["native", "converted"])
@pytest.mark.parametrize(
    "error",
    [
        ModelError("no"),
        IndexError("list index out of range"),
        RuntimeError(),
        MemoryError(),
        ZeroDivisionError(),
        OSError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_phrase_that_fails_is_left_out_and_marked(tmp_path, caplog, voice, error):
    decoder = EmbeddedDecoder(Voicebox(raising(error, "odd")), tmp_path)
    with caplog.at_level(logging.WARNING):
        clips = await spoken(decoder, "Before it. ", "Something odd. ", "After it.", voice=voice)
    assert [(clip.text, clip.spoken) for clip in clips] == [
        ("Before it. ", True),
        ("Something odd. ", False),
        ("After it.", True),
    ]
    assert [clip.audio.is_silent for clip in clips] == [False, True, False]
    assert AudioClip.joined([clip.audio for clip in clips]).duration_s < 1.5
    assert type(error).__name__ in caplog.text


@pytest.mark.parametrize("samples", [[], [np.nan], [np.inf, 0.0]])
async def test_a_voice_that_brings_no_sound_ends_nothing(tmp_path, monkeypatch, samples):
    synthesiser = Synthesiser()

    class Hibari:
        def __call__(self, text, seed):
            return np.array(samples if "odd" in text else [0.1] * 2400, np.float32)

    monkeypatch.setattr(synthesiser, "_tts", Hibari())
    clips = await spoken(EmbeddedDecoder(synthesiser, tmp_path), "One. ", "How odd. ", "Two.")
    assert [clip.spoken for clip in clips] == [True, False, True]


async def test_a_phrase_whose_timbre_cannot_be_changed_is_left_out(tmp_path, monkeypatch):
    def convert(*_):
        raise ValueError("no frames")

    monkeypatch.setattr("vivavoce.model.embedded.speaking.speech_decoder.convert", convert)
    clips = await spoken(EmbeddedDecoder(Voicebox(), tmp_path), "One. Two.", voice=OTHER)
    assert [(clip.text, clip.spoken) for clip in clips] == [("One. ", False), ("Two.", False)]


async def test_a_voice_that_cannot_be_loaded_is_an_error(tmp_path):
    decoder = EmbeddedDecoder(Voicebox(loads=False), tmp_path)
    with pytest.raises(ModelError, match="cannot be loaded"):
        await decoder.warm_up()
    with pytest.raises(ModelError, match="cannot be loaded"):
        await spoken(decoder, "One.")


async def test_what_is_written_comes_back_and_what_is_said_goes_to_the_voice(tmp_path):
    voicebox = Voicebox()
    clips = await spoken(EmbeddedDecoder(voicebox, tmp_path), "**It** is 5 °C.\n", "咖啡机\n", "See http://x.org/y")
    assert [(clip.text, clip.spoken) for clip in clips] == [
        ("**It** is 5 °C.\n", True),
        ("咖啡机\n", False),
        ("See http://x.org/y", True),
    ]
    assert voicebox.said == ["It is 5 degrees Celsius.", "See a link"]


ODD = st.sampled_from(
    ["咖啡机", "⑴", "9" * 70, "\ud800", "🙂", "\u200fשלום", "…", "x" * 120, "\n\n", "5 °C", "**a**", "U.S. "]
)


@given(st.lists(st.text(max_size=30) | st.text(st.sampled_from("ab .,!?\n"), max_size=30) | ODD, max_size=12))
@settings(max_examples=200)
def test_the_texts_of_all_clips_are_the_text(tmp_path_factory, texts):
    decoder = EmbeddedDecoder(Voicebox(raising(ValueError("b"), "b")), tmp_path_factory.getbasetemp())
    clips = asyncio.run(spoken(decoder, *texts))
    assert "".join(clip.text for clip in clips).rstrip() == "".join(texts).rstrip()
    assert all(clip.text.strip() for clip in clips)
    assert all(clip.spoken or clip.audio.is_silent for clip in clips)


async def test_only_a_converted_voice_is_measured_and_only_once(tmp_path):
    first = Voicebox()
    decoder = EmbeddedDecoder(first, tmp_path)
    await decoder.warm_up()
    await spoken(decoder, "One.")
    assert first.measured == 0
    assert not list(tmp_path.iterdir())
    sound = await spoken(decoder, "One.", voice=OTHER)
    assert first.measured == 1
    later = Voicebox()
    again = await spoken(EmbeddedDecoder(later, tmp_path), "One.", voice=OTHER)
    assert later.measured == 0
    assert np.array_equal(sound[0].audio.samples, again[0].audio.samples)
    for file in tmp_path.iterdir():
        file.write_bytes(b"torn")
    await spoken(EmbeddedDecoder(later, tmp_path), "One.", voice=OTHER)
    assert later.measured == 1


async def test_an_answer_that_is_dropped_frees_the_worker_and_leaves_no_error(tmp_path):
    reached, go_on, told = threading.Event(), threading.Event(), []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def fails(text):
        if "first" in text:
            reached.set()
            go_on.wait(10)
            raise RuntimeError("after nobody listens")

    voicebox = Voicebox(fails)
    decoder = EmbeddedDecoder(voicebox, tmp_path)
    dropped = asyncio.create_task(spoken(decoder, "The first. ", "Never said."))
    waiting = asyncio.create_task(spoken(decoder, "Never said either."))
    await asyncio.to_thread(reached.wait, 10)
    for task in (dropped, waiting):
        task.cancel()
    assert [type(end) for end in await asyncio.gather(dropped, waiting, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 2
    go_on.set()
    assert [clip.spoken for clip in await spoken(decoder, "The next.")] == [True]
    assert voicebox.said == ["The first.", "The next."]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not told
