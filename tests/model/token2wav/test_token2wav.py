"""Streams of the Token2Wav decoder on tiny random weights: what the goldens do not say about the default mode."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vivavoce.core.errors import ModelError
from vivavoce.model.token2wav.configuration import FlowSizes, build_flow, read_flow_sizes
from vivavoce.model.token2wav.flow.memory import RECENT_FRAMES
from vivavoce.model.token2wav.speech_tokenizer import joined_windows, long_windows
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import MelStream, Quality, TokenChunks, push_together, read_prompt
from vivavoce.model.token2wav.vocoder import RATE, HiFT

pytestmark = pytest.mark.models
BANDS, SPEAKER = 12, 8
SIZES = FlowSizes(
    {"vocab_size": 6561, "input_size": 16, "output_size": BANDS, "spk_embed_dim": SPEAKER},
    {
        "input_size": 16,
        "output_size": 16,
        "num_blocks": 2,
        "num_up_blocks": 1,
        "attention_heads": 2,
        "linear_units": 32,
        "key_bias": True,
    },
    {
        "in_channels": 4 * BANDS,
        "out_channels": BANDS,
        "hidden_size": 16,
        "depth": 2,
        "num_heads": 2,
        "head_dim": 8,
        "mlp_ratio": 2.0,
    },
)
STEPS = Quality(3)


def seeded_noise(seed):
    generator = torch.Generator().manual_seed(seed)
    return lambda offset, frames: torch.randn(1, frames, BANDS, generator=generator)


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    flow, vocoder = build_flow(SIZES).eval(), HiFT(BANDS, 16, 8).eval()
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    with torch.no_grad():
        vocoder.f0_predictor.classifier.weight.mul_(300)
        vocoder.f0_predictor.classifier.bias.fill_(150)
    return flow, vocoder


@pytest.fixture(scope="module")
def prompt(models):
    flow, _ = models
    tokens = torch.randint(0, 6561, (1, 20))
    return read_prompt(flow, tokens, torch.randn(1, 40, BANDS), torch.randn(1, SPEAKER), seeded_noise(0), STEPS)


class Voice:
    """One stream, from ids to samples."""

    def __init__(self, models, prompt, seed, first=25):
        flow, vocoder = models
        self.mel = MelStream(flow, prompt, seeded_noise(seed))
        self.stitcher = Stitcher(vocoder, lambda samples: None)
        self.chunks = TokenChunks(first)

    def push(self, ids):
        parts = [self.sound(chunk, last=False) for chunk in self.chunks.push(ids)]
        return torch.cat(parts) if parts else torch.zeros(0)

    def finish(self):
        rest = self.chunks.finish()
        return self.sound(rest, last=True) if rest else torch.zeros(0)

    def sound(self, chunk, *, last):
        return self.stitcher.push(self.mel.push(chunk, last=last).transpose(1, 2), last=last)


def ids_of(seed, count):
    return np.random.default_rng(seed).integers(0, 6561, count).tolist()


def spoken(voice, ids, pieces=1):
    parts = [voice.push(part) for part in np.array_split(np.array(ids, dtype=int), pieces)]
    return torch.cat([*parts, voice.finish()])


@pytest.mark.parametrize("count", [0, 1, 2, 27, 28, 29, 53, 90])
def test_every_token_is_960_samples(models, prompt, count):
    assert spoken(Voice(models, prompt, 1), ids_of(1, count)).numel() == 960 * count


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 70), max_size=6), first=st.sampled_from([5, 25]))
def test_any_split_of_the_tokens_sounds_the_same(models, prompt, cuts, first):
    ids = ids_of(2, 70)
    whole = spoken(Voice(models, prompt, 2, first), ids)
    voice = Voice(models, prompt, 2, first)
    bounds = [0, *sorted(cuts), 70]
    parts = [voice.push(ids[a:b]) for a, b in pairwise(bounds)]
    assert torch.equal(torch.cat([*parts, voice.finish()]), whole)


def test_ids_that_are_no_sound_are_dropped(models, prompt):
    ids = ids_of(3, 40)
    mixed = [6561, *ids[:20], 9999, -1, *ids[20:], 6561]
    assert torch.equal(spoken(Voice(models, prompt, 3), mixed), spoken(Voice(models, prompt, 3), ids))


def test_streams_side_by_side_are_those_alone(models, prompt):
    ids = [ids_of(10 + n, 60 + 7 * n) for n in range(8)]
    alone = [spoken(Voice(models, prompt, n), ids[n]) for n in range(8)]
    voices = [Voice(models, prompt, n) for n in range(8)]
    parts = [[] for _ in voices]
    for start in range(0, 120, 9):
        for n, voice in enumerate(voices):
            parts[n].append(voice.push(ids[n][start : start + 9]))
    for n, voice in enumerate(voices):
        assert torch.equal(torch.cat([*parts[n], voice.finish()]), alone[n])


def test_ten_minutes_remember_no_more_than_ten_seconds(models, prompt):
    voice, sizes = Voice(models, prompt, 5), []
    for second in range(600):
        sound = voice.push(ids_of(second, 25))
        assert sound.isfinite().all()
        state = voice.mel.state
        if second > 30:
            sizes.append((state.length, *(past.shape[2] for past in state.encoder.attention)))
    assert set(sizes) == {sizes[0]}
    assert sizes[0][0] == prompt.frames + RECENT_FRAMES


def test_no_click_where_chunks_meet(models, prompt):
    """The largest step between samples near the joints is no larger than elsewhere."""
    sound = spoken(Voice(models, prompt, 6), ids_of(6, 250))
    steps = sound.diff().abs()
    joints = torch.zeros_like(steps, dtype=torch.bool)
    for at in range(20160, steps.numel(), 24000):
        joints[at - 4000 : at + 100] = True
    assert steps[joints].max() <= 1.5 * steps[~joints].max()
    assert steps[joints].square().mean() <= 1.5 * steps[~joints].square().mean()


def test_a_steady_pitch_goes_on_over_chunks(models):
    """Phases continue: one long source and its chunks are the same wave."""
    _, vocoder = models
    f0 = torch.full((1, 200), 220.0)
    start = torch.zeros(1, 9, dtype=torch.float64)
    with torch.inference_mode():
        whole = vocoder.m_source(f0, None, start)[0, 0]
    spectrum = torch.fft.rfft(whole * torch.hann_window(whole.numel()))
    peak = spectrum.abs()[10:2000].argmax() + 10
    assert abs(float(peak) * RATE / whole.numel() / 220 % 1) < 0.02


def test_long_clips_lose_no_token():
    for frames in (100, 3000, 3001, 5600, 5700, 9001):
        windows = long_windows(frames)
        codes = [torch.arange(begin // 4, -(-end // 4)) for begin, end in windows]
        assert joined_windows(codes).tolist() == list(range(-(-frames // 4)))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("flow: !!python/object/apply:os.system ['true']", "does not describe a flow"),
        ("flow: !new:os.system {}", "does not describe a flow"),
        ("- 1", "does not describe a flow"),
        ("flow: {encoder: {pre_lookahead_len: 5}, decoder: {estimator: {}}}", "only 3 is known here"),
    ],
)
def test_a_strange_flow_file_is_one_line(tmp_path, text, line):
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=line) as caught:
        read_flow_sizes(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="is missing"):
        read_flow_sizes(tmp_path / "absent.yaml")
    with pytest.raises(ModelError, match="lacks a size"):
        build_flow(FlowSizes({}, {}, {}))


def test_streams_solved_together_are_those_alone(models, prompt):
    flow, _ = models
    other = read_prompt(
        flow, torch.randint(0, 6561, (1, 33)), torch.randn(1, 66, BANDS), torch.randn(1, SPEAKER), seeded_noise(4), STEPS
    )
    prompts = [prompt, other, prompt]
    chunks = [[ids_of(20 + 3 * n + part, 28) for part in range(4)] for n in range(3)]

    def streams():
        return [MelStream(flow, given, seeded_noise(30 + n)) for n, given in enumerate(prompts)]

    alone = [[stream.push(part, last=False) for part in parts] for stream, parts in zip(streams(), chunks, strict=True)]
    batch = streams()
    batch[2].push(ids_of(1, 28), last=False)  # one that is further on than the others
    third = MelStream(flow, prompt, seeded_noise(32))
    third.push(ids_of(1, 28), last=False)
    alone[2] = [third.push(part, last=False) for part in chunks[2]]
    for part in range(4):
        together = push_together(batch, [parts[part] for parts in chunks], last=False)
        for n, mel in enumerate(together):
            assert torch.equal(mel, alone[n][part])


def test_the_reference_loses_tokens_of_long_clips():
    for frames in (3000, 3001, 5201, 5300, 5599, 5600, 7900):
        windows = long_windows(frames, as_reference=True)
        codes = [torch.arange(begin // 4, -(-end // 4)) for begin, end in windows]
        rest = frames - 2600 * (len(windows) - 1)
        lost = 0 if len(windows) < 3 or rest >= 400 else 50 if rest <= 200 else 100 - -(-rest // 4)
        assert joined_windows(codes).numel() == -(-frames // 4) - lost, frames
