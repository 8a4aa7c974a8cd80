"""Token2Wav as a decoder, on tiny weights in files of the official kinds."""

import asyncio
import pickle
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.checkpoints import write_token2wav

from vivavoce.agent.testing.tone_decoder import Tone, ToneDecoder
from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ModelError
from vivavoce.core.messages import AudioTokens, TextDelta
from vivavoce.core.protocols import SpeechDecoder
from vivavoce.core.voice import Voice
from vivavoce.model.packing import bfloat16_is_fast
from vivavoce.model.step_audio2.network.features import log_mel
from vivavoce.model.token2wav import chunk_worker
from vivavoce.model.token2wav.checkpoint import convert, load_token2wav
from vivavoce.model.token2wav.network import Token2WavNetwork
from vivavoce.model.token2wav.reference import ReferenceReader, loudest_part
from vivavoce.model.token2wav.resampling import resample
from vivavoce.model.token2wav.speech_decoder import Token2WavDecoder, _noise
from vivavoce.model.token2wav.speech_tokenizer import SpeechTokenizer
from vivavoce.model.token2wav.stream import MelStream, Quality, push_together

pytestmark = pytest.mark.models


def clip(seconds=2.0, rate=22_050, seed=0):
    times = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.02, times.size)
    return AudioClip((0.3 * np.sin(2 * np.pi * (150 + 40 * seed) * times) + noise).astype(np.float32), rate)


QUICK = Quality(3)


def voice(reference=None, name="one"):
    return Voice(name, name.title(), "a voice", reference or clip())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("token2wav")
    write_token2wav(folder)
    return folder


def opened(folder, cache, quality=QUICK, **options):
    return Token2WavDecoder(Token2WavNetwork(folder, quality, threads=1), cache, **options)


@pytest.fixture
def decoder(folder, tmp_path):
    return opened(folder, tmp_path / "cache")


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
    (alone,) = await sound(decoder, conditioning, TextDelta("Text alone is not for it."))
    assert (alone.text, alone.spoken, alone.audio.is_silent) == ("Text alone is not for it.", False, True)
    await decoder.close()
    await decoder.close()
    with pytest.raises(ModelError, match="open the agent again"):
        await decoder.prepare(voice(clip(seed=2)))


async def test_text_that_no_token_follows_is_kept_and_marked(decoder):
    clips = await sound(
        decoder, await decoder.prepare(voice()), TextDelta("Good day."), tokens(40), TextDelta(" And more. ")
    )
    assert [(clip.text, clip.spoken) for clip in clips if clip.text] == [("Good day.", True), (" And more.", False)]
    assert sum(clip.audio.samples.size for clip in clips if clip.spoken) == 40 * 960
    assert clips[-1].audio.is_silent


async def test_text_alone_is_spoken_by_the_decoder_of_texts(folder, tmp_path):
    both = opened(folder, tmp_path, text_decoder=ToneDecoder())
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
    again = opened(folder, tmp_path / "cache")
    restored = await again.prepare(voice())
    assert again._network._reader is None, "the front end did not run again"
    parts = [await sound(d, c, tokens(40)) for d, c in ((decoder, first), (again, restored), (decoder, other))]
    samples = [np.concatenate([clip.audio.samples for clip in part]) for part in parts]
    assert np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    stored[0].write_bytes(stored[0].read_bytes()[:-100])
    stored[1].write_bytes(b"nonsense")
    third = opened(folder, tmp_path / "cache")
    remade = await sound(third, await third.prepare(voice()), tokens(40))
    assert np.array_equal(np.concatenate([clip.audio.samples for clip in remade]), samples[0])


async def test_faster_ways_are_close(folder, tmp_path):
    async def mel_of(quality):
        decoder = opened(folder, tmp_path / "modes", quality)
        conditioning = await decoder.prepare(voice())
        stream = MelStream(decoder._network.models().flow, conditioning.prompt, _noise(1, 80))
        mel = stream.push(list(tokens(60).ids), last=True)
        await decoder.close()
        return mel

    full = await mel_of(Quality())
    faster = [(Quality(products="int8"), 0.05), (Quality(10, 2), 0.2), (Quality(8), 0.2)]
    if bfloat16_is_fast():
        faster.append((Quality(products="bfloat16"), 0.02))
    for quality, bound in faster:
        other = await mel_of(quality)
        error = float((full - other).square().mean().sqrt() / full.std())
        assert 0 < error < bound, (quality, error)


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
    part = loudest_part(AudioClip(quiet, 16_000), 5.0)
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
    broken = opened(tmp_path, tmp_path / "cache", Quality(2))
    with pytest.raises(ModelError, match=line) as caught:
        await broken.prepare(voice())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


async def heard(decoder, conditioning, *deltas):
    return np.concatenate([clip.audio.samples for clip in await sound(decoder, conditioning, *deltas)])


@pytest.mark.parametrize("products", ["float32", "bfloat16", "int8"])
async def test_many_answers_at_once_are_those_alone(products, folder, tmp_path, monkeypatch):
    if products == "bfloat16" and not bfloat16_is_fast():
        pytest.skip("this processor has no bfloat16 products")
    decoder = opened(folder, tmp_path, Quality(3, products=products))
    voices = [await decoder.prepare(voice(clip(seed=n), str(n))) for n in range(3)]
    alone = [await heard(decoder, voices[n % 3], tokens(60, n)) for n in range(6)]
    sizes = []

    def counted(streams, chunks, *, last):
        sizes.append(len(streams))
        return push_together(streams, chunks, last=last)

    monkeypatch.setattr(chunk_worker, "push_together", counted)
    together = await asyncio.gather(*(heard(decoder, voices[n % 3], tokens(60, n)) for n in range(6)))
    assert (max(sizes) > 1) == (products != "int8"), "chunks that wait are computed as one batch"
    assert sum(sizes) == 6 * 3
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


async def test_the_voice_changes_within_an_answer(decoder):
    one, two = [await decoder.prepare(voice(clip(seed=n), str(n))) for n in (1, 2)]
    before, after = tokens(60, 1), tokens(70, 2)
    changed = await heard(decoder, one, before, two, after)
    assert changed.size == 130 * 960
    border, fade = 60 * 960, 4 * 960
    first = await heard(decoder, one, before)
    second = await heard(decoder, two, AudioTokens(before.ids[-4:] + after.ids))
    assert np.array_equal(changed[: border - fade], first[: border - fade])
    assert np.array_equal(changed[border:], second[fade:])
    falling = np.linspace(1, 0, fade)
    straight = first[border - fade :] * falling + second[:fade] * (1 - falling)
    assert np.abs(changed[border - fade : border] - straight).max() < 0.15 * np.abs(changed).max()
    steps = np.abs(np.diff(changed))
    assert steps[border - fade - 200 : border + 200].max() <= 1.5 * max(steps[: border - fade].max(), steps[border:].max())


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
async def test_a_voice_may_change_at_any_time(decoder, count):
    one, two = [await decoder.prepare(voice(clip(seed=n), str(n))) for n in (1, 2)]
    few, more = AudioTokens(tokens(9).ids[:count]), tokens(30, 1)
    assert (await heard(decoder, one, few, two, two, one, more, two, few)).size == (2 * count + 30) * 960


async def test_a_decoder_that_is_asked_for_little_starts_early(folder, tmp_path):
    early = opened(folder, tmp_path, Quality(2), first_chunk=4)
    conditioning = await early.prepare(voice())
    clips = await sound(early, conditioning, TextDelta("Hi."), tokens(40))
    assert sum(clip.audio.samples.size for clip in clips) == 40 * 960
    assert "".join(clip.text for clip in clips) == "Hi."


async def test_nothing_is_computed_for_an_answer_that_is_closed(decoder, monkeypatch):
    conditioning = await decoder.prepare(voice())
    chunks, second, loop = [], asyncio.Event(), asyncio.get_running_loop()

    def counted(streams, given, *, last):
        chunks.append(len(given))
        if len(chunks) == 2:
            loop.call_soon_threadsafe(second.set)
        return push_together(streams, given, last=last)

    monkeypatch.setattr(chunk_worker, "push_together", counted)
    answer = decoder.decode(said(tokens(2500)), conditioning)
    await anext(answer)
    await answer.aclose()
    waiting = asyncio.create_task(heard(decoder, conditioning, tokens(2500)))
    await second.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    done = len(chunks)
    await heard(decoder, conditioning, tokens(3))
    assert len(chunks) <= done + 2, "the chunk that was being computed, and the next answer's"


async def test_the_way_of_the_reference_is_kept_too(folder, tmp_path):
    results = []
    for _ in range(2):
        parity = opened(folder, tmp_path, Quality(3, as_reference=True))
        results.append(await heard(parity, await parity.prepare(voice()), tokens(150)))
        await parity.close()
    assert np.array_equal(*results), "what was stored forgets as what was read"
    fixed = opened(folder, tmp_path)
    ours = await heard(fixed, await fixed.prepare(voice()), tokens(150))
    assert ours.size == results[0].size
    assert not np.allclose(ours, results[0])


async def test_weights_that_were_converted_sound_the_same(tmp_path):
    folder = tmp_path / "token2wav"
    folder.mkdir()
    write_token2wav(folder)
    official = load_token2wav(folder)
    assert [path.name for path in convert(folder)] == ["flow.safetensors", "hift.safetensors"]
    (folder / "hift.pt").rename(tmp_path / "hift.pt")
    converted = load_token2wav(folder)
    assert converted.digest == official.digest
    for ours, theirs in ((converted.flow, official.flow), (converted.vocoder, official.vocoder)):
        for name, tensor in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], tensor)
    torch.save({"other": torch.ones(3)}, folder / "hift.pt")
    with pytest.raises(ModelError, match=r"not made from this hift\.pt"):
        load_token2wav(folder)
    (folder / "hift.pt").unlink()
    (folder / "hift.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"hift\.safetensors is damaged"):
        load_token2wav(folder)
    with pytest.raises(ModelError, match="is missing"):
        convert(folder)


async def test_the_tokenizer_may_be_given_in_torch(folder, tmp_path):
    own = tmp_path / "token2wav"
    shutil.copytree(folder, own)
    torch.manual_seed(5)
    tokenizer = SpeechTokenizer(width=64, heads=1, layers=1)
    for name, parameter in tokenizer.named_parameters():
        torch.nn.init.normal_(parameter, std=3.0 if "project_down" in name else 0.2)
    path = own / "speech_tokenizer_v2_25hz.safetensors"
    save_file(tokenizer.state_dict(), path)
    models = load_token2wav(own)
    assert models.tokenizer_network == path
    reader = ReferenceReader(models.speaker_network, models.tokenizer_network, 80, 1)
    found = reader.read(clip(), 5.0).tokens
    with torch.inference_mode():
        mel = log_mel(resample(torch.from_numpy(clip().samples.copy()), 22_050, 16_000), padding=0)
        wanted, _ = tokenizer.eval()(mel[None], torch.tensor([mel.shape[1]]))
    assert torch.equal(found, wanted)
    assert found.unique().numel() > 2
    save_file({"other": torch.zeros(1)}, path)
    with pytest.raises(ModelError, match="holds no speech tokenizer"):
        ReferenceReader(models.speaker_network, path, 80, 1)


async def test_a_long_clip_is_said_to_be_cut(decoder, caplog):
    await decoder.prepare(voice(clip(8.0)))
    assert [record.getMessage() for record in caplog.records] == [
        "voice one: of its 8.0 s the 5 s with the most energy are used"
    ]


async def test_decoders_share_a_network_and_none_closes_it_for_the_others(folder, tmp_path):
    network = Token2WavNetwork(folder, Quality(3), threads=1)
    one, two = (Token2WavDecoder(network, tmp_path / name) for name in ("one", "two"))
    await asyncio.gather(one.warm_up(), two.warm_up())
    models = network.models()
    voices = await asyncio.gather(one.prepare(voice()), two.prepare(voice()))
    sounds = await asyncio.gather(*(heard(d, v, tokens(40)) for d, v in zip((one, two), voices, strict=True)))
    assert np.array_equal(*sounds)
    await one.close()
    assert np.array_equal(await heard(two, await two.prepare(voice()), tokens(40)), sounds[0])
    assert network.models() is models, "loaded once"
    await two.close()


async def test_damage_that_only_a_checksum_shows(decoder, folder, tmp_path):
    await decoder.prepare(voice())
    path = next((tmp_path / "cache").glob("token2wav-*"))
    content = path.read_bytes()
    path.write_bytes(content[:-400] + bytes(4) + content[-396:])
    careful = opened(folder, tmp_path / "cache", verify=True)
    await careful.prepare(voice())
    assert path.read_bytes() == content


async def test_closing_ends_answers_that_wait_in_one_line(decoder):
    conditioning = await decoder.prepare(voice())
    waiting = [asyncio.create_task(heard(decoder, conditioning, tokens(2500, n))) for n in range(20)]
    await asyncio.sleep(0.05)
    await decoder.close()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert done
    assert all(isinstance(error, ModelError) and "open the agent again" in str(error) for error in done)
