"""Tokens a second of the local Step-Audio 2 against the reference's way, on the same random weights, in turn.

The reference has no cache: each token runs the audio encoder, the whole sequence and the head at all positions again. Its
steps are timed at a few lengths and summed in between. "bare" is transformers' Qwen2 with its own cache and the head at the
last position, without any sound.
"""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from transformers import DynamicCache

from tests.support.checkpoints import write_checkpoint
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import AssistantMessage, SystemMessage, UserMessage
from vivavoce.model.step_audio2.dialect.prompt import Prompt, PromptWriter
from vivavoce.model.step_audio2.engine import Engine
from vivavoce.model.step_audio2.network.checkpoint import Checkpoint, load_model, read_checkpoint
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM
from vivavoce.model.step_audio2.sampling import Sampler, Sampling

SIZES = {
    "text_config": {
        "vocab_size": 158_720,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 8,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "max_position_embeddings": 16_384,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
    },
    "audio_encoder_config": {
        "n_mels": 128,
        "n_audio_ctx": 1500,
        "n_audio_state": 512,
        "n_audio_head": 8,
        "n_audio_layer": 6,
        "llm_dim": 896,
        "kernel_size": 3,
        "adapter_stride": 2,
    },
}
GREEDY = Sampling(temperature=0, repetition_penalty=1.0)
ROUNDS = 3
SAMPLED_STEPS = 5
console = Console(highlight=False)


def main() -> None:
    """Print speeds, agreement of small weights, the cost of a second turn, and memory."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = read_checkpoint(write_checkpoint(Path(folder) / "Step-Audio-2-bench", sizes=SIZES))
        gc.collect()
        for weights in ("int8", "full"):
            _memory(checkpoint, weights)
        full, small = (load_model(checkpoint, "cpu", *how) for how in (("float32",), ("auto", "int8")))
    prompt = _prompt(checkpoint)
    console.print(f"prompt of {len(prompt.ids)} tokens with 4 s of sound; greedy; medians of {ROUNDS} rounds in turn")
    for threads in (1, 2):
        torch.set_num_threads(threads)
        _speeds(full, small, prompt, threads)
    _agreement(full, small, prompt)
    _second_turn(checkpoint, full)


def _speeds(full: StepAudio2ForCausalLM, small: StepAudio2ForCausalLM, prompt: Prompt, threads: int) -> None:
    for count in (64, 256):
        peers: dict[str, Callable[[], float]] = {
            "reference": lambda count=count: _reference_s(full, prompt, count),
            "bare": lambda count=count: _bare_s(full, prompt, count),
            "ours fp32": lambda count=count: _ours_s(full, prompt, count),
            "ours int8": lambda count=count: _ours_s(small, prompt, count),
        }
        times = {name: [] for name in peers}
        for _ in range(ROUNDS):
            for name, run in peers.items():
                times[name].append(run())
        medians = {name: statistics.median(seconds) for name, seconds in times.items()}
        rates = ", ".join(f"{name} {count / seconds:.2f}" for name, seconds in medians.items())
        console.print(f"{threads} thread(s), {count} tokens, tokens/s: {rates}")
        against = medians["reference"]
        console.print(
            f"  fp32 {against / medians['ours fp32']:.1f}x the reference, int8 {against / medians['ours int8']:.1f}x; "
            f"fp32 {medians['bare'] / medians['ours fp32']:.2f}x bare"
        )


def _ours_s(model: StepAudio2ForCausalLM, prompt: Prompt, count: int) -> float:
    start = time.perf_counter()
    _ours(model, prompt, count)
    return time.perf_counter() - start


def _ours(model: StepAudio2ForCausalLM, prompt: Prompt, count: int) -> list[int]:
    """The product's own path, sampler included."""
    decoding = Engine(model).read(prompt)
    sampler = Sampler(GREEDY, torch.tensor(prompt.ids), SIZES["text_config"]["vocab_size"])
    ids: list[int] = []
    for _ in range(count):
        ids.append(sampler.choose(decoding.logits))
        decoding.feed(ids[-1:])
    return ids


@torch.inference_mode()
def _bare_s(model: StepAudio2ForCausalLM, prompt: Prompt, count: int) -> float:
    start = time.perf_counter()
    cache = DynamicCache(config=model.config.text_config)
    ids = torch.tensor([prompt.ids])
    for _ in range(count + 1):
        states = model.model(input_ids=ids, past_key_values=cache, use_cache=True).last_hidden_state
        ids = model.lm_head(states[:, -1:]).argmax(2)
    return time.perf_counter() - start


@torch.inference_mode()
def _reference_s(model: StepAudio2ForCausalLM, prompt: Prompt, count: int) -> float:
    """Seconds for all steps, from steps at a few lengths."""
    at = np.linspace(0, count - 1, SAMPLED_STEPS).astype(int)
    frames = prompt.sounds[0][1].frames
    assert frames is not None
    lengths = torch.tensor([frames.shape[1] - 2])
    seconds: list[float] = []
    for step in at:
        ids = torch.tensor([[*prompt.ids, *[5] * int(step)]])
        start = time.perf_counter()
        model(ids, frames[None], lengths, use_cache=False).logits[:, -1].argmax()
        seconds.append(time.perf_counter() - start)
    return float(np.interp(np.arange(count), at, seconds).sum())


def _agreement(full: StepAudio2ForCausalLM, small: StepAudio2ForCausalLM, prompt: Prompt) -> None:
    logits = [Engine(model).read(prompt).logits.float() for model in (full, small)]
    error = float((logits[0] - logits[1]).norm() / logits[0].norm())
    decoding, same = Engine(small).read(prompt), 0
    wanted = _ours(full, prompt, 64)
    for token_id in wanted:  # both read the same text, so that one early difference does not count 64 times
        same += int(int(decoding.logits.argmax()) == token_id)
        decoding.feed([token_id])
    console.print(f"int8 against fp32: relative logit error {error:.4f}, same likeliest token at {same} of 64 steps")


def _second_turn(checkpoint: Checkpoint, model: StepAudio2ForCausalLM) -> None:
    """A long first turn, then a short second one."""
    writer = PromptWriter(checkpoint.tokenizer, checkpoint.ids, 128)
    first = [SystemMessage("Be kind. " * 300), UserMessage(audio=_sound(20.0))]
    prompt = writer.write(first, (), "<tts_start>", 16_000)
    engine = Engine(model)
    start = time.perf_counter()
    decoding = engine.read(prompt)
    first_s = time.perf_counter() - start
    ids = [5, 6, 7]
    decoding.feed(ids)
    decoding.close()
    writer.remember(AssistantMessage("hm"), (checkpoint.ids.tts_start, *ids))
    second = writer.write([*first, AssistantMessage("hm"), UserMessage("And now?")], (), "<tts_start>", 16_000)
    before, start = engine.work.prefilled, time.perf_counter()
    engine.read(second)
    second_s, new = time.perf_counter() - start, engine.work.prefilled - before
    console.print(
        f"first turn: {before} positions, {first_s:.2f} s; second turn: prompt of {len(second.ids)}, of which {new} "
        f"computed, {second_s:.2f} s; sound encoded {engine.work.encoded} time(s)"
    )


def _memory(checkpoint: Checkpoint, weights: str) -> None:
    """Peak of loading and answering over what weights and cache take."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status("VmRSS")
    model = load_model(checkpoint, "cpu", "float32" if weights == "full" else "auto", weights)  # pyright: ignore
    prompt = _prompt(checkpoint)
    _ours(model, prompt, 16)
    stored = sum(t.nbytes for t in (*model.parameters(), *model.buffers()))
    peak = _status("VmHWM") - before
    console.print(f"{weights}: weights {stored / 1e9:.2f} GB, peak of loading and answering {peak / stored:.2f}x of that")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def _prompt(checkpoint: Checkpoint) -> Prompt:
    """92 tokens, whatever the tokenizer makes of the text."""
    writer = PromptWriter(checkpoint.tokenizer, checkpoint.ids, 128)
    prompt = writer.write([SystemMessage("Hi"), UserMessage(audio=_sound(4.0))], (), "<tts_start>", 16_000)
    fill = 92 - len(prompt.ids)
    messages = [SystemMessage("Hi" + " a" * fill), UserMessage(audio=_sound(4.0))]
    return writer.write(messages, (), "<tts_start>", 16_000)


def _sound(seconds: float) -> AudioClip:
    samples = np.random.default_rng(0).normal(0, 0.1, int(16_000 * seconds)).astype(np.float32)
    return AudioClip(samples, 16_000)


if __name__ == "__main__":
    main()
