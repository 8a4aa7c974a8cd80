"""Token2Wav at official sizes with random weights against the reference's code, in turn, in one process, on one thread."""

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from bench.token2wav_peer import Peer
from tests.support.checkpoints import FLOW_YAML
from vivavoce.core.audio import AudioClip
from vivavoce.model.packing import PackedLinear, bfloat16_is_fast
from vivavoce.model.token2wav.checkpoint import Token2Wav, load_token2wav
from vivavoce.model.token2wav.conditioning import ConditioningKey, restore, store
from vivavoce.model.token2wav.configuration import build_flow, read_flow_sizes
from vivavoce.model.token2wav.flow.encoder import EncoderState
from vivavoce.model.token2wav.flow.matching import Flow
from vivavoce.model.token2wav.network import quicken
from vivavoce.model.token2wav.stitching import TAIL, Stitcher
from vivavoce.model.token2wav.stream import FULL, MelStream, PromptState, Quality, TokenChunks, push_together, read_prompt
from vivavoce.model.token2wav.vocoder import RATE, HiFT
from vivavoce.voicebank.embedders import ResemblyzerEmbedder

PROMPT_TOKENS = TOKENS = 100  # four seconds each
ROUNDS = 3
STREAMS = 4
GFLOP = 1300  # of the flow for 400 frames, ten steps, two rows (specification, 8c)
MODES = {
    "default": FULL,
    "every other step guided": Quality(guided_every=2),
    "bfloat16": Quality(products="bfloat16"),
    "int8": Quality(products="int8"),
    "int8, 5 steps (fast)": Quality(5, products="int8"),
    "int8, 6 steps, every other guided": Quality(6, 2, "int8"),
}
console = Console(highlight=False, width=120)
Runs = dict[str, Callable[[], Any]]


def main() -> None:
    """Print times, ratios, errors and memory."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        flow, vocoder = _write(folder)
        peer = Peer(folder, flow, vocoder)
        del flow, vocoder
        clip = _Clip()
        modes = {name: _Mode(folder, quality, clip) for name, quality in MODES.items() if _can(quality)}
        console.print("one thread; random weights, whose errors say little of trained ones; medians of 3 rounds in turn")
        _whole(peer, modes, clip)
        _vocoders(peer, modes)
        _streams(peer, modes, clip, folder)
        _together(modes["default"], clip)
        _fixed(modes["default"], clip)
        _memory(folder)


class _Clip:
    """A prompt and an utterance of random numbers."""

    def __init__(self) -> None:
        self.prompt = torch.randint(0, 6561, (1, PROMPT_TOKENS))
        self.tokens = torch.randint(0, 6561, (1, TOKENS))
        self.mel = torch.randn(1, 2 * PROMPT_TOKENS, 80)
        self.embedding = torch.randn(1, 192)
        self.all_noise = torch.randn(1, 30_000, 80)

    def noise(self, offset: int, frames: int) -> torch.Tensor:
        return self.all_noise[:, offset : offset + frames]


class _Mode:
    """Models of a quality, and the prompt as they read it."""

    def __init__(self, folder: Path, quality: Quality, clip: _Clip) -> None:
        self.models: Token2Wav = load_token2wav(folder)
        quicken(self.models, quality)
        self.prompt = self.read(clip, quality)
        store(folder, ConditioningKey("clip", "weights", quality), self.prompt)

    def read(self, clip: _Clip, quality: Quality) -> PromptState:
        return read_prompt(self.models.flow, clip.prompt, clip.mel, clip.embedding, clip.noise, quality)

    def stream(self, clip: _Clip) -> MelStream:
        return MelStream(self.models.flow, self.prompt, clip.noise)

    def whole(self, clip: _Clip) -> torch.Tensor:
        return self.stream(clip).push(clip.tokens[0].tolist(), last=True)

    def second(self, clip: _Clip, chunk: list[int]) -> torch.Tensor:
        mel = self.stream(clip).push(chunk, last=False)
        return Stitcher(self.models.vocoder, lambda samples: None).push(mel.transpose(1, 2), last=False)

    def sound(self, mel: torch.Tensor) -> AudioClip:
        stitcher = Stitcher(self.models.vocoder, lambda samples: None)
        return AudioClip(stitcher.push(mel.transpose(1, 2), last=True).numpy(), RATE)


def _whole(peer: Peer, modes: dict[str, _Mode], clip: _Clip) -> None:
    """The flow for whole utterances: everything again, and behind a prompt that was read before."""
    runs: Runs = {
        "reference": lambda: peer.whole(clip.prompt, clip.tokens, clip.mel, clip.embedding, clip.all_noise),
        "parity, nothing stored": lambda: _parity(modes["default"].models.flow, clip),
    }
    runs |= {name: lambda mode=mode: mode.whole(clip) for name, mode in modes.items()}
    seconds, results = _timed(runs)
    console.print(f"flow, {TOKENS / 25:.0f} s of speech behind a prompt of {PROMPT_TOKENS / 25:.0f} s")
    speakers = ResemblyzerEmbedder()
    vector = speakers.embed(modes["default"].sound(results["default"]))
    for name, taken in seconds.items():
        line = f"  {name}: {taken:.2f} s, {taken / seconds['reference']:.2f} of the reference"
        if name in modes and name != "default":
            similarity = float(vector @ speakers.embed(modes["default"].sound(results[name])))
            line += f"; mel error {100 * _error(results['default'], results[name]):.2f} %, speaker {similarity:.3f}"
        console.print(line)
    console.print(f"  parity against the reference: {_error(results['reference'], results['parity, nothing stored']):.0e}")
    plain, packed = _gflops(nn.Linear(512, 2048)), _gflops(PackedLinear(nn.Linear(512, 2048), torch.float32))
    tera, slowdown = GFLOP / 1000, seconds["parity, nothing stored"] * packed / GFLOP
    console.print(
        f"  floor of {tera} TFLOP: {GFLOP / plain:.1f} s at {plain:.0f} GFLOP/s (torch's products), "
        f"{GFLOP / packed:.1f} s at {packed:.0f} (packed); parity takes {slowdown:.2f}x the latter"
    )


def _vocoders(peer: Peer, modes: dict[str, _Mode]) -> None:
    mel = torch.randn(1, 80, 2 * TOKENS)
    ours = {name: modes[name].models.vocoder for name in ("default", "bfloat16") if name in modes}
    source = ours["default"].source(mel)
    runs: Runs = {"reference": lambda: peer.vocoder(mel)}
    runs |= {name: lambda model=model: model.decode(mel, model.source(mel)) for name, model in ours.items()}
    seconds, _ = _timed(runs)
    console.print(f"vocoder, {TOKENS / 25:.0f} s of speech")
    for name, taken in seconds.items():
        console.print(f"  {name}: {taken:.2f} s, {taken / seconds['reference']:.2f} of the reference")
    if "bfloat16" in ours:
        error = _error(*(model.decode(mel, source) for model in ours.values()))
        console.print(f"  sound error of bfloat16: {100 * error:.2f} %")


def _streams(peer: Peer, modes: dict[str, _Mode], clip: _Clip, folder: Path) -> None:
    """Set-up, first sound, later seconds; flow and vocoder."""
    chunk = clip.tokens[0, :28].tolist()
    key = ConditioningKey("clip", "weights", FULL)
    state = peer.set_up(clip.prompt, clip.mel, clip.embedding)
    runs: Runs = {
        "reference, set-up": lambda: peer.set_up(clip.prompt, clip.mel, clip.embedding),
        "reference, a second": lambda: peer.second(clip.tokens[:, :28], clip.embedding, state),
        "set-up from the stored file": lambda: restore(folder, key),
    }
    runs |= {f"{name}, a second": lambda mode=mode: mode.second(clip, chunk) for name, mode in modes.items()}
    runs |= {f"{name}, first chunk of 5": lambda mode=mode: mode.second(clip, chunk[:8]) for name, mode in modes.items()}
    seconds, _ = _timed(runs)
    second, first = seconds["reference, a second"], seconds["reference, a second"] + seconds["reference, set-up"]
    console.print("streams")
    for name, taken in seconds.items():
        of = f", {taken / second:.2f} of the reference's" if name.endswith("a second") else ""
        console.print(f"  {name}: {taken:.3f} s{of}")
    for name in ("a second", "first chunk of 5"):
        taken = seconds["set-up from the stored file"] + seconds[f"default, {name}"]
        console.print(f"  first sound by default, {name}: {taken / first:.3f} of the reference with its set-up")
    console.print(f"  stored conditioning: {(folder / key.file).stat().st_size / 1e6:.0f} MB")


def _together(mode: _Mode, clip: _Clip) -> None:
    """A chunk of several streams at once and in turn."""
    chunks = [torch.randint(0, 6561, (28,)).tolist() for _ in range(STREAMS)]

    def in_turn() -> list[torch.Tensor]:
        return [mode.stream(clip).push(chunk, last=False) for chunk in chunks]

    def at_once() -> list[torch.Tensor]:
        return push_together([mode.stream(clip) for _ in chunks], chunks, last=False)

    seconds, results = _timed({"in turn": in_turn, "at once": at_once})
    same = all(torch.equal(one, other) for one, other in zip(*results.values(), strict=True))
    console.print(
        f"{STREAMS} streams, a second of each: in turn {seconds['in turn']:.2f} s, at once {seconds['at once']:.2f} s, "
        f"results {'equal bit by bit' if same else 'DIFFERENT'}"
    )


def _fixed(mode: _Mode, clip: _Clip) -> None:
    """What mending the reference's mistakes changes, chunk by chunk, in a stream of eight seconds."""
    ids = torch.randint(0, 6561, (200,)).tolist()
    parity = mode.read(clip, replace(FULL, as_reference=True))
    streams = [MelStream(mode.models.flow, prompt, _behind(clip, prompt)) for prompt in (parity, mode.prompt)]
    stitchers = [Stitcher(mode.models.vocoder, lambda samples: None, as_reference=flag) for flag in (True, False)]
    errors, fades = list[str](), list[list[float]]()
    for number, chunk in enumerate(TokenChunks().push(ids)):
        mels = [stream.push(chunk, last=False) for stream in streams]
        errors.append(f"{100 * _error(*mels):.0f}")
        sounds = [stitcher.push(mels[1].transpose(1, 2), last=False)[:TAIL] for stitcher in stitchers]
        if number:
            fades.append([float(sound.square().mean().sqrt()) for sound in sounds])
    levels = np.array(fades).sum(0)
    console.print(f"default against the reference's way, mel rms / std by second: {', '.join(errors)} %")
    console.print(f"  level of the fades in the reference's way: {levels[0] / levels[1]:.2f} of the default's")


def _behind(clip: _Clip, prompt: PromptState) -> Callable[[int, int], torch.Tensor]:
    """Noise that is the same behind prompts of different lengths."""
    return lambda offset, frames: clip.noise(offset - prompt.frames, frames)


def _memory(folder: Path) -> None:
    """Peaks of whole processes."""
    peaks: dict[str, float] = {}
    for who in ("reference", "ours", "int8"):
        command = [sys.executable, "-m", "bench.token2wav_memory", who, str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[who] = int(done.stdout) / 1e6
    console.print("peak memory of a process with one stream")
    for who, peak in peaks.items():
        console.print(f"  {who}: {peak:.2f} GB, {peak / peaks['reference']:.2f} of the reference")


def _write(folder: Path) -> tuple[Flow, HiFT]:
    """A folder of official kinds and sizes; the networks of the front end are not run."""
    (folder / "flow.yaml").write_text(FLOW_YAML)
    flow, vocoder = build_flow(read_flow_sizes(folder / "flow.yaml")), HiFT()
    for parameter in flow.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    with torch.no_grad():
        vocoder.f0_predictor.classifier.bias.fill_(150)
    torch.save(flow.state_dict(), folder / "flow.pt")
    torch.save(vocoder.state_dict(), folder / "hift.pt")
    for name in ("campplus.onnx", "speech_tokenizer_v2_25hz.onnx"):
        (folder / name).touch()
    return flow, vocoder


@torch.inference_mode()
def _parity(flow: Flow, clip: _Clip) -> torch.Tensor:
    tokens = torch.cat([clip.prompt, clip.tokens], 1)
    mu = flow.course(tokens, EncoderState(), last=True)
    prompt = torch.zeros_like(mu)
    prompt[:, : clip.mel.shape[1]] = clip.mel
    noise = clip.noise(0, mu.shape[1])
    return flow.solve(mu, flow.speaker(clip.embedding), prompt, noise, [flow.fresh()], last=True)[:, clip.mel.shape[1] :]


def _can(quality: Quality) -> bool:
    return quality.products != "bfloat16" or bfloat16_is_fast()


def _timed(runs: Runs) -> tuple[dict[str, float], dict[str, Any]]:
    """Medians over rounds in which everybody has a turn, and the last results."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    results: dict[str, Any] = {}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            gc.collect()
            start = time.perf_counter()
            with torch.inference_mode():
                results[name] = run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}, results


def _error(wanted: torch.Tensor, given: torch.Tensor) -> float:
    """Root of the mean square over the standard deviation."""
    return float((wanted - given).square().mean().sqrt() / wanted.std())


@torch.inference_mode()
def _gflops(layer: nn.Module) -> float:
    """What a product of 800 rows reaches here."""
    x, rates = torch.randn(800, 512), list[float]()
    for _ in range(50):
        start = time.perf_counter()
        layer(x)
        rates.append(2 * 800 * 512 * 2048 / (time.perf_counter() - start) / 1e9)
    return float(np.median(rates))


if __name__ == "__main__":
    main()
