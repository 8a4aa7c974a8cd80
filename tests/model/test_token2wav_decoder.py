"""Token2Wav as a decoder, on tiny weights in files of the official kinds."""

import pickle

import numpy as np
import pytest
import torch
from checkpoints import write_token2wav

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, TextDelta
from vivavoce.core.protocols import SpeechDecoder
from vivavoce.core.voice import Voice
from vivavoce.model.scripted import Tone, ToneDecoder
from vivavoce.model.token2wav.reference import loudest_part
from vivavoce.model.token2wav.speech_decoder import Token2WavDecoder, _noise
from vivavoce.model.token2wav.stream import MelStream, Quality


def clip(seconds=2.0, rate=22_050, seed=0):
    times = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, times.size)
    return AudioClip((0.3 * np.sin(2 * np.pi * (150 + 40 * seed) * times) + noise).astype(np.float32), rate)


def voice(reference=None, name="one"):
    return Voice(name, name.title(), "a voice", reference or clip())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("token2wav")
    write_token2wav(folder)
    return folder


@pytest.fixture
def decoder(folder, tmp_path):
    return Token2WavDecoder(folder, tmp_path / "cache", quality=Quality(3), threads=1)


async def said(*deltas):
    for delta in deltas:
        yield delta


def tokens(count, seed=0):
    return AudioTokens(tuple(np.random.default_rng(seed).integers(0, 6561, count).tolist()))


async def sound(decoder, conditioning, *deltas):
    clips = [clip async for clip in decoder.decode(said(*deltas), conditioning)]
    assert all(clip.audio.sample_rate == decoder.sample_rate == 24_000 for clip in clips)
    return clips


async def test_tokens_become_sound_with_their_text(decoder):
    assert isinstance(decoder, SpeechDecoder)
    conditioning = await decoder.prepare(voice())
    assert conditioning.voice_id == "one"
    clips = await sound(decoder, conditioning, TextDelta("Good "), tokens(30), TextDelta("day."), tokens(30, 1))
    assert [clip.text for clip in clips] == ["Good ", "day.", ""]
    assert sum(clip.audio.samples.size for clip in clips) == 60 * 960
    assert await sound(decoder, conditioning) == []
    assert await sound(decoder, conditioning, TextDelta("Text alone is not for it.")) == []
    await decoder.close()
    await decoder.close()
    with pytest.raises(ModelError, match="open the agent again"):
        await decoder.prepare(voice(clip(seed=2)))


async def test_text_alone_is_spoken_by_the_decoder_of_texts(folder, tmp_path):
    both = Token2WavDecoder(folder, tmp_path, quality=Quality(3), threads=1, text_decoder=ToneDecoder())
    conditioning = await both.prepare(voice())
    clips = [clip async for clip in both.decode(said(TextDelta("I heard nothing.")), conditioning)]
    assert "".join(clip.text for clip in clips) == "I heard nothing."
    assert await sound(both, conditioning, TextDelta("Yes."), tokens(5))
    await both.close()


async def test_a_voice_is_read_once_and_another_sounds_different(decoder, folder, tmp_path):
    first = await decoder.prepare(voice())
    other = await decoder.prepare(voice(clip(seed=3), "two"))
    stored = list((tmp_path / "cache").glob("token2wav-*.safetensors"))
    assert len(stored) == 2
    again = Token2WavDecoder(folder, tmp_path / "cache", quality=Quality(3), threads=1)
    again._reader = None
    restored = await again.prepare(voice())
    assert again._reader is None, "the front end did not run again"
    parts = [await sound(d, c, tokens(40)) for d, c in ((decoder, first), (again, restored), (decoder, other))]
    samples = [np.concatenate([clip.audio.samples for clip in part]) for part in parts]
    assert np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    stored[0].write_bytes(stored[0].read_bytes()[:-100])
    stored[1].write_bytes(b"nonsense")
    third = Token2WavDecoder(folder, tmp_path / "cache", quality=Quality(3), threads=1)
    remade = await sound(third, await third.prepare(voice()), tokens(40))
    assert np.array_equal(np.concatenate([clip.audio.samples for clip in remade]), samples[0])


async def test_faster_ways_are_close(folder, tmp_path):
    async def mel_of(**options):
        decoder = Token2WavDecoder(folder, tmp_path / "modes", threads=1, **options)
        conditioning = await decoder.prepare(voice())
        stream = MelStream(decoder._loaded().flow, conditioning.prompt, _noise(1, 80), options.get("quality", Quality()))
        mel = stream.push(list(tokens(60).ids), last=True)
        await decoder.close()
        return mel

    full = await mel_of()
    for options, bound in (({"int8": True}, 0.05), ({"quality": Quality(10, 2)}, 0.2), ({"quality": Quality(8)}, 0.2)):
        other = await mel_of(**options)
        error = float((full - other).square().mean().sqrt() / full.std())
        assert 0 < error < bound, (options, error)


async def test_a_conditioning_of_another_decoder_is_refused(decoder):
    with pytest.raises(ModelError, match="another decoder"):
        await sound(decoder, Tone("x", 1.0), tokens(3))


@pytest.mark.parametrize(
    ("samples", "line"),
    [
        (np.zeros(48_000), "is silent"),
        (np.full(48_000, 0.2), "is silent"),
        (np.random.default_rng(0).normal(0, 0.1, 1600), "0.5 s are needed"),
    ],
)
async def test_a_clip_that_cannot_be_a_voice_is_one_line(decoder, samples, line):
    with pytest.raises(AudioError, match=line) as caught:
        await decoder.prepare(voice(AudioClip(samples.astype(np.float32), 16_000)))
    assert "voice one" in str(caught.value)


async def test_odd_clips_are_read(decoder):
    loud = np.clip(clip(1.0, 8000).samples * 50 + 0.1, -1, 1).astype(np.float32)
    for reference in (AudioClip(loud, 8000), clip(600.0, 8000), clip(0.6, 48_000)):
        conditioning = await decoder.prepare(voice(reference))
        assert conditioning.prompt.frames <= 250
        assert np.isfinite((await sound(decoder, conditioning, tokens(3)))[0].audio.samples).all()


def test_a_long_clip_is_cut_to_where_it_is_loud():
    quiet = np.random.default_rng(0).normal(0, 0.001, 16_000 * 20).astype(np.float32)
    quiet[16_000 * 9 : 16_000 * 13] += clip(4.0, 16_000).samples
    part = loudest_part(AudioClip(quiet, 16_000))
    assert part.duration_s == 5.0
    assert float((part.samples**2).sum()) > 0.99 * float((quiet**2).sum())


def damage_pickle(path):
    path.write_bytes(pickle.dumps({"weight": print}))


@pytest.mark.parametrize(
    ("name", "change", "line"),
    [
        ("flow.pt", lambda p: p.unlink(), "is missing"),
        ("flow.pt", lambda p: p.write_bytes(p.read_bytes()[:5000]), "damaged or holds more than weights"),
        ("hift.pt", damage_pickle, "damaged or holds more than weights"),
        ("hift.pt", lambda p: torch.save([1, 2], p), "something else than named tensors"),
        ("hift.pt", lambda p: torch.save({"a": torch.zeros(1)}, p), "lacks 'conv_pre"),
        ("flow.pt", lambda p: torch.save({"a": torch.zeros(1)}, p), "tensors, first decoder"),
        ("campplus.onnx", lambda p: p.write_bytes(b"x"), "campplus.onnx is damaged"),
        ("campplus.onnx", lambda p: p.unlink(), "is missing"),
        ("flow.yaml", lambda p: p.unlink(), "is missing"),
    ],
)
async def test_a_damaged_folder_is_one_line(tmp_path, name, change, line):
    write_token2wav(tmp_path)
    change(tmp_path / name)
    broken = Token2WavDecoder(tmp_path, tmp_path / "cache", quality=Quality(2), threads=1)
    with pytest.raises(ModelError, match=line) as caught:
        await broken.prepare(voice())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()
