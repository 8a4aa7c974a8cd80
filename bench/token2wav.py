"""Token2Wav at official sizes with random weights against the reference's code, in turn, in one process, on one thread.

The reference comes from the package `step-audio2`, which is fetched, unzipped and imported from there; nothing of it is
installed. It runs on the CPU as it is: the parts that are timed call no CUDA.
"""

import gc
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from tests.checkpoints import FLOW_YAML
from vivavoce.model.token2wav.conditioning import ConditioningKey, restore, store
from vivavoce.model.token2wav.configuration import build_flow, read_flow_sizes
from vivavoce.model.token2wav.dynamic_int8 import shrink
from vivavoce.model.token2wav.flow_encoder import EncoderState
from vivavoce.model.token2wav.flow_matching import STEPS, Flow
from vivavoce.model.token2wav.stitching import Stitcher
from vivavoce.model.token2wav.stream import FULL, MelStream, PromptState, Quality, read_prompt
from vivavoce.model.token2wav.vocoder import HiFT, fold_weight_norms

PEER = ("step-audio2==1.0.0", "einops")
PROMPT_TOKENS = TOKENS = 100  # four seconds each
ROUNDS = 2
FAST = Quality(5)
GFLOP = 1300  # of the flow for 400 frames, ten steps, two rows (specification, 8c)
console = Console(highlight=False)


def main() -> None:
    """Print times, ratios and errors."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "flow.yaml").write_text(FLOW_YAML)
        flow = _random(build_flow(read_flow_sizes(place / "flow.yaml")))
        small = build_flow(read_flow_sizes(place / "flow.yaml")).eval()
        small.load_state_dict(flow.state_dict())
        shrink(small.decoder.estimator)
        vocoder = HiFT().eval()
        peer_flow, peer_vocoder = _peers(place, flow, vocoder)
        fold_weight_norms([vocoder])
        clip = _Clip()
        _whole(flow, small, vocoder, peer_flow, peer_vocoder, clip)
        _streams(flow, small, vocoder, peer_flow, clip, place)


class _Clip:
    """A prompt and an utterance of random numbers."""

    def __init__(self) -> None:
        self.prompt = torch.randint(0, 6561, (1, PROMPT_TOKENS))
        self.tokens = torch.randint(0, 6561, (1, TOKENS))
        self.mel = torch.randn(1, 2 * PROMPT_TOKENS, 80)
        self.embedding = torch.randn(1, 192)
        self._noise = torch.randn(1, 30_000, 80)

    def noise(self, offset: int, frames: int) -> torch.Tensor:
        return self._noise[:, offset : offset + frames]


def _whole(flow: Flow, small: Flow, vocoder: HiFT, peer: Any, peer_vocoder: Any, clip: _Clip) -> None:
    """Whole utterances: everything again, and behind a prompt that was read before."""
    prompts = {
        name: read_prompt(model, clip.prompt, clip.mel, clip.embedding, clip.noise, quality)
        for name, model, quality in (("full", flow, FULL), ("int8", small, FULL), ("fast", small, FAST))
    }
    mel = torch.randn(1, 80, 2 * TOKENS)
    runs: dict[str, Callable[[], Any]] = {
        "reference": lambda: _peer_whole(peer, clip),
        "parity mode": lambda: _parity(flow, clip),
        "behind a stored prompt": lambda: _behind(flow, prompts["full"], clip, FULL),
        "int8": lambda: _behind(small, prompts["int8"], clip, FULL),
        "int8, 5 steps": lambda: _behind(small, prompts["fast"], clip, FAST),
        "reference's vocoder": lambda: peer_vocoder(mel),
        "our vocoder": lambda: vocoder.decode(mel, vocoder.source(mel)),
    }
    seconds, results = _timed(runs)
    against = seconds["reference"]
    console.print(
        f"{TOKENS / 25:.0f} s of speech behind a prompt of {PROMPT_TOKENS / 25:.0f} s, one thread, median of {ROUNDS}"
    )
    for name in list(runs)[:5]:
        console.print(f"  flow, {name}: {seconds[name]:.2f} s, {seconds[name] / against:.2f} of the reference")
    ratio = seconds["our vocoder"] / seconds["reference's vocoder"]
    console.print(f"  vocoder: {seconds['our vocoder']:.2f} s, {ratio:.2f} of the reference")
    floor = GFLOP / _gflops()
    console.print(f"  fp32 floor of the flow here: {floor:.1f} s; parity mode is {seconds['parity mode'] / floor:.2f}x that")
    console.print(
        f"  parity mode against the reference: {_error(results['reference'], results['parity mode']):.1e} of the mel"
    )
    for name in ("int8", "int8, 5 steps"):
        error = _error(results["behind a stored prompt"], results[name])
        console.print(f"  mel error of {name}: {100 * error:.2f} % (rms / std)")


def _streams(flow: Flow, small: Flow, vocoder: HiFT, peer: Any, clip: _Clip, folder: Path) -> None:
    """Set-up, first sound, later seconds."""
    chunk = clip.tokens[0, :28].tolist()
    key = ConditioningKey("clip", "weights", FULL)
    prompt = read_prompt(flow, clip.prompt, clip.mel, clip.embedding, clip.noise)
    small_prompt = read_prompt(small, clip.prompt, clip.mel, clip.embedding, clip.noise)
    store(folder, key, prompt)
    peer_state = _peer_set_up(peer, clip)
    runs: dict[str, Callable[[], Any]] = {
        "reference, set-up": lambda: _peer_set_up(peer, clip),
        "set-up from the stored file": lambda: restore(folder, key),
        "reference, a second": lambda: _peer_second(peer, clip, peer_state),
        "a second": lambda: _second(flow, prompt, clip, vocoder, chunk),
        "a second, int8": lambda: _second(small, small_prompt, clip, vocoder, chunk),
        "first sound, int8, first chunk of 5": lambda: _second(small, small_prompt, clip, vocoder, chunk[:8]),
    }
    seconds, _ = _timed(runs)
    first = seconds["reference, set-up"] + seconds["reference, a second"]
    console.print("streaming, flow and vocoder (the reference's seconds: flow alone)")
    for name, taken in seconds.items():
        console.print(f"  {name}: {taken:.3f} s")
    for name in ("a second", "a second, int8"):
        console.print(f"  {name}: {seconds[name] / seconds['reference, a second']:.2f} of the reference")
    console.print(
        f"  first sound: {seconds['first sound, int8, first chunk of 5'] / first:.3f} of the reference with set-up"
    )
    console.print(f"  stored conditioning: {(folder / key.file).stat().st_size / 1e6:.0f} MB")


@torch.inference_mode()
def _parity(flow: Flow, clip: _Clip) -> torch.Tensor:
    tokens = torch.cat([clip.prompt, clip.tokens], 1)
    mu = flow.course(tokens, EncoderState(), last=True)
    prompt = torch.zeros_like(mu)
    prompt[:, : clip.mel.shape[1]] = clip.mel
    return flow.solve(mu, flow.speaker(clip.embedding), prompt, clip.noise(0, mu.shape[1]))[:, clip.mel.shape[1] :]


def _behind(flow: Flow, prompt: PromptState, clip: _Clip, quality: Quality) -> torch.Tensor:
    return MelStream(flow, prompt, clip.noise, quality).push(clip.tokens[0].tolist(), last=True)


def _second(flow: Flow, prompt: PromptState, clip: _Clip, vocoder: HiFT, chunk: list[int]) -> torch.Tensor:
    mel = MelStream(flow, prompt, clip.noise).push(chunk, last=False)
    return Stitcher(vocoder, lambda samples: None).push(mel.transpose(1, 2), last=False)


def _peers(folder: Path, flow: Flow, vocoder: HiFT) -> tuple[Any, Any]:
    """The reference's flow and vocoder with our weights."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), *PEER]
    subprocess.run(command, check=True, capture_output=True)
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "peer")
    sys.path.insert(0, str(folder / "peer"))
    from cosyvoice2.flow.decoder_dit import DiT  # pyright: ignore
    from cosyvoice2.flow.flow import CausalMaskedDiffWithXvec  # pyright: ignore
    from cosyvoice2.flow.flow_matching import CausalConditionalCFM  # pyright: ignore
    from cosyvoice2.transformer.upsample_encoder_v2 import UpsampleConformerEncoderV2  # pyright: ignore
    from flashcosyvoice.modules.hifigan import HiFTGenerator  # pyright: ignore

    sizes = read_flow_sizes(folder / "flow.yaml")
    decoder = CausalConditionalCFM(DiT(**sizes.estimator), inference_cfg_rate=0.7)
    peer = CausalMaskedDiffWithXvec(encoder=UpsampleConformerEncoderV2(**sizes.encoder), decoder=decoder, **sizes.flow)
    peer.load_state_dict(flow.state_dict(), strict=False)
    generator = HiFTGenerator()
    generator.load_state_dict(vocoder.state_dict(), strict=False)
    return peer.eval(), generator.eval()


@torch.inference_mode()
def _peer_whole(peer: Any, clip: _Clip) -> torch.Tensor:
    peer.decoder.rand_noise = clip.noise(0, 30_000).transpose(1, 2).contiguous()
    counts = [torch.tensor([n]) for n in (TOKENS, PROMPT_TOKENS, clip.mel.shape[1])]
    return peer.inference(
        clip.tokens.int(), counts[0], clip.prompt.int(), counts[1], clip.mel, counts[2], clip.embedding, STEPS
    ).transpose(1, 2)


@torch.inference_mode()
def _peer_set_up(peer: Any, clip: _Clip) -> Any:
    return peer.setup_cache(torch.cat([clip.prompt, clip.prompt[:, :3]], 1).int(), clip.mel, clip.embedding, STEPS)


@torch.inference_mode()
def _peer_second(peer: Any, clip: _Clip, state: Any) -> Any:
    copy = {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in state.items()}
    return peer.inference_chunk(clip.tokens[:, :28].int(), clip.embedding, copy, False, STEPS)


def _timed(runs: dict[str, Callable[[], Any]]) -> tuple[dict[str, float], dict[str, Any]]:
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


def _random(flow: Flow) -> Flow:
    for parameter in flow.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return flow.eval()


def _error(wanted: torch.Tensor, given: torch.Tensor) -> float:
    return float((wanted - given).square().mean().sqrt() / wanted.std())


def _gflops() -> float:
    """What matrix products reach here."""
    a, b = torch.randn(800, 512), torch.randn(512, 2048)
    start = time.perf_counter()
    for _ in range(100):
        a @ b
    return 100 * 2 * 800 * 512 * 2048 / (time.perf_counter() - start) / 1e9


if __name__ == "__main__":
    main()
