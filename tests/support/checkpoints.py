"""Tiny checkpoints in the official folder format: the real loading path with weights that fit in a test.

`write_checkpoint` gives random weights. `teach` makes such a model know a few answers by heart, so that the whole product
can be driven by it: it hears recordings, calls tools and speaks in audio tokens.
"""

import calendar
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import torch
from onnx import helper, numpy_helper
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F
from transformers import DynamicCache

from vivavoce.agent.prompts import system_message
from vivavoce.core.audio import AudioClip
from vivavoce.core.messages import AssistantMessage, Message, ToolMessage, ToolOutput, ToolResult, ToolSpec, UserMessage
from vivavoce.core.untrusted import fence
from vivavoce.model.step_audio2.dialect.delta_parser import DeltaParser
from vivavoce.model.step_audio2.dialect.markers import TTS_START
from vivavoce.model.step_audio2.dialect.prompt import PromptWriter
from vivavoce.model.step_audio2.language_model import as_message
from vivavoce.model.step_audio2.network.checkpoint import Checkpoint, read_checkpoint
from vivavoce.model.step_audio2.network.configuration import StepAudio2Config
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM
from vivavoce.model.token2wav.configuration import build_flow, read_flow_sizes
from vivavoce.model.token2wav.vocoder import HiFT

BASE_VOCABULARY = 151_643
SPECIALS = {
    151_643: "<|endoftext|>",
    151_644: "<|im_start|>",
    151_645: "<|im_end|>",
    151_665: "<|EOT|>",
    151_666: "<|BOT|>",
    151_688: "<audio_start>",
    151_689: "<audio_end>",
    151_690: "<audio_patch>",
    151_693: "<tts_start>",
    151_694: "<tts_end>",
    151_695: "<tts_pad>",
}
PLAIN = {151_657: "<tool_call>", 151_658: "</tool_call>"}
AUDIO_0, AUDIO_LAST = 151_696, 158_257
CORPUS = Path(__file__).parents[2] / "tools"
RESULTS = (  # of every length, the shortest first, the longest last
    "2027-05-03T10:00+09:00 (JST), Monday, May 3, 2027",
    "2028-07-30T04:07+09:00 (JST), Sunday, July 30, 2028",
    "2027-02-18T14:41+09:00 (JST), Thursday, February 18, 2027",
    "2026-09-23T23:46+09:00 (JST), Wednesday, September 23, 2026",
)
OF_TIMES = (*calendar.day_name, *calendar.month_name, *map(str, range(60)), *(f"{n:02}" for n in range(60)))
FLOW_YAML = """\
flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
  input_size: 512
  output_size: 80
  spk_embed_dim: 192
  output_type: mel
  vocab_size: 6561
  encoder: !new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
    input_size: 512
    output_size: 512
    input_layer: linear
    pre_lookahead_len: 3
    num_blocks: 6
    num_up_blocks: 4
    up_stride: 2
    up_scale_factor: 2
    attention_heads: 8
    pos_enc_layer_type: rel_pos_espnet
    selfattention_layer_type: rel_selfattn
    key_bias: true
    linear_units: 2048
    dropout_rate: 0.1
    positional_dropout_rate: 0.1
    attention_dropout_rate: 0.1
    normalize_before: true
  decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM
    inference_cfg_rate: 0.7
    estimator: !new:cosyvoice2.flow.decoder_dit.DiT
      in_channels: 320
      out_channels: 80
      mlp_ratio: 4.0
      depth: 16
      num_heads: 8
      head_dim: 64
      hidden_size: 512
"""
TINY_FLOW = {
    "input_size": 16,
    "num_blocks": 2,
    "num_up_blocks": 1,
    "attention_heads": 2,
    "linear_units": 32,
    "depth": 2,
    "num_heads": 2,
    "head_dim": 8,
    "hidden_size": 16,
}
Sizes = dict[str, dict[str, Any]]
TINY: Sizes = {
    "text_config": {
        "vocab_size": 158_720,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_attention_groups": 2,
        "num_key_value_heads": 2,
        "hidden_act": "silu",
        "max_position_embeddings": 4096,
        "max_seq_len": 4096,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "rope_scaling": None,
        "eos_token_id": 151_643,
        "pad_token_id": 151_643,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_sliding_window": False,
    },
    "audio_encoder_config": {
        "n_mels": 128,
        "n_audio_ctx": 1500,
        "n_audio_state": 32,
        "n_audio_head": 2,
        "n_audio_layer": 2,
        "n_codebook_size": 4096,
        "llm_dim": 64,
        "kernel_size": 3,
        "adapter_stride": 2,
    },
}


@dataclass(frozen=True)
class Lesson:
    """What a taught model answers: the beginning of the answer that is given, and how it goes on."""

    messages: Sequence[Message]
    tools: Sequence[ToolSpec]
    opening: str
    answer: str


def write_checkpoint(folder: Path, *, sizes: Sizes = TINY, seed: int = 0, shards: int = 2) -> Path:
    """A checkpoint with random weights."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = StepAudio2ForCausalLM(StepAudio2Config(**sizes))
    write_config(folder, sizes)
    write_weights(folder, model.state_dict(), shards)
    write_tokenizer(folder)
    token2wav = folder / "token2wav"
    token2wav.mkdir(exist_ok=True)
    write_token2wav(token2wav)
    return folder


def write_token2wav(folder: Path) -> None:
    """Flow, vocoder and the two networks of the front end, small and random, as files of the official kinds."""
    (folder / "flow.yaml").write_text(tiny_flow_yaml())
    flow = build_flow(read_flow_sizes(folder / "flow.yaml"))
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.save(flow.state_dict(), folder / "flow.pt")
    vocoder = HiFT(80, 16, 8)
    with torch.no_grad():
        vocoder.f0_predictor.classifier.weight.mul_(300)
        vocoder.f0_predictor.classifier.bias.fill_(150)
    torch.save({f"generator.{name}": tensor for name, tensor in vocoder.state_dict().items()}, folder / "hift.pt")
    write_network(folder / "campplus.onnx", speaker_nodes(), [("input", 1, [1, "T", 80])], ("output", 1, [1, 192]))
    given = [("feats", 1, [1, 128, "T"]), ("feats_length", 6, [1])]
    write_network(folder / "speech_tokenizer_v2_25hz.onnx", tokenizer_nodes(), given, ("indices", 6, [1, "N"]))


def tiny_flow_yaml() -> str:
    """The official description with smaller numbers."""
    text = FLOW_YAML.replace("    output_size: 512", "    output_size: 16")
    for name, size in TINY_FLOW.items():
        text = re.sub(rf"(?m)^(\s*{name}:) \d+$", rf"\g<1> {size}", text)
    return text


def speaker_nodes():
    """The mean over time, turned into 192 numbers."""
    turn = numpy_helper.from_array(np.random.default_rng(1).normal(size=(80, 192)).astype(np.float32), "turn")
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "turn"], ["output"]),
    ]
    return nodes, [turn, numpy_helper.from_array(np.array([1], dtype=np.int64), "axes")]


def tokenizer_nodes():
    """A code for each four frames, from their mean."""
    mix = np.random.default_rng(2).normal(size=(1, 128, 4)).astype(np.float32) * 100
    initial = [numpy_helper.from_array(mix, "mix"), numpy_helper.from_array(np.array([6561.0], np.float32), "codes")]
    initial.append(numpy_helper.from_array(np.array([1], dtype=np.int64), "axis"))
    nodes = [
        helper.make_node("Conv", ["feats", "mix"], ["mixed"], strides=[4], pads=[0, 3], kernel_shape=[4]),
        helper.make_node("Squeeze", ["mixed", "axis"], ["row"]),
        helper.make_node("Abs", ["row"], ["size"]),
        helper.make_node("Mod", ["size", "codes"], ["rest"], fmod=1),
        helper.make_node("Cast", ["rest"], ["indices"], to=6),
    ]
    return nodes, initial


def write_network(path: Path, network, inputs, output) -> None:
    """An ONNX file."""
    nodes, initial = network
    infos = [helper.make_tensor_value_info(*given) for given in inputs]
    graph = helper.make_graph(nodes, path.stem, infos, [helper.make_tensor_value_info(*output)], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def write_config(folder: Path, sizes: Sizes = TINY, *, flat: bool = False) -> None:
    """config.json as the checkpoint has it."""
    fields = {"text_config": sizes["text_config"]} if not flat else dict(sizes["text_config"])
    fields |= {"audio_encoder_config": sizes["audio_encoder_config"], "model_type": "step_audio_2"}
    fields |= {
        "architectures": ["StepAudio2ForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_step_audio_2.StepAudio2ForCausalLM"},
        "transformers_version": "4.49.0",
    }
    (folder / "config.json").write_text(json.dumps(fields))


def write_weights(folder: Path, weights: dict[str, torch.Tensor], shards: int = 2) -> None:
    """Weights in several files with an index."""
    weights = {name: tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    names = sorted(weights)
    placed = {}
    for number in range(shards):
        file = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        part = {name: weights[name] for name in names[number::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        placed |= dict.fromkeys(part, file)
    size = sum(tensor.nbytes for tensor in weights.values())
    index = {"metadata": {"total_size": size}, "weight_map": placed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_tokenizer(folder: Path, renamed: dict[int, str] | None = None) -> None:
    """Byte-level BPE with the official ids of all special tokens. ``renamed`` makes it a wrong one."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    trained.train_from_iterator((path.read_text() for path in sorted(CORPUS.glob("*.py"))), trainer)
    learnt = json.loads(trained.to_str())["model"]
    vocabulary = learnt["vocab"]
    vocabulary |= {f"<unused_{i}>": i for i in range(len(vocabulary), BASE_VOCABULARY)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(merge) for merge in learnt["merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {i: f"<reserved_{i}>" for i in range(BASE_VOCABULARY, AUDIO_0)}
    names |= {AUDIO_0 + n: f"<audio_{n}>" for n in range(AUDIO_LAST - AUDIO_0 + 1)}
    names |= SPECIALS | PLAIN | (renamed or {})
    tokenizer.add_tokens([AddedToken(names[i], special=i not in PLAIN, normalized=False) for i in sorted(names)])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "Qwen2TokenizerFast"}))


def teach(
    folder: Path, lessons: Iterable[Lesson], *, unread: Iterable[str] = (), steps: int = 300, seed: int = 0
) -> Checkpoint:
    """Train a written checkpoint until it gives every lesson's answer, greedily, and write it again.

    Only the ids that occur are trained, in a model with a small vocabulary of its own; their rows then go into the large
    tables, where every other row of the head is zero and so never wins. What ``unread`` consists of stays zero as well, as
    every id does that no lesson holds: times of day look the same, those of the lessons and those of the day of the test.
    """
    checkpoint = read_checkpoint(folder)
    writer = PromptWriter(checkpoint.tokenizer, checkpoint.ids, TINY["audio_encoder_config"]["n_mels"])
    examples = []
    for lesson in lessons:
        prompt = writer.write(lesson.messages, lesson.tools, lesson.opening, 4096)
        ids = writer.encode(lesson.answer)
        examples.append((prompt, [*ids, checkpoint.ids.eot]))
        writer.remember(said(checkpoint, lesson), writer.encode(lesson.opening) + ids)
    said_ids = {i for _, answer in examples for i in answer}
    blank = {i for text in unread for i in writer.encode(text)} - said_ids
    used = sorted({i for prompt, _ in examples for i in prompt.ids} - blank | said_ids)
    place = dict.fromkeys(blank, len(used)) | {token_id: row for row, token_id in enumerate(used)}
    torch.manual_seed(seed)
    text = TINY["text_config"] | {"vocab_size": len(used) + 1, "pad_token_id": len(used)}
    model = StepAudio2ForCausalLM(StepAudio2Config(text, TINY["audio_encoder_config"]))
    for part in (*model.encoder.modules(), *model.adapter.modules()):
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()  # larger than the model's own beginnings, so that recordings come out different
    torch.nn.init.zeros_(model.encoder.positional_embedding.weight)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    shared = _shared([prompt.ids for prompt, _ in examples])
    for _ in range(steps):
        losses = _losses(model, examples, shared, place)
        optimiser.zero_grad()
        torch.stack([loss for loss, _ in losses]).sum().backward()
        optimiser.step()
        if all(right for _, right in losses) and max(loss.item() for loss, _ in losses) < 0.015:
            break
    else:
        raise AssertionError("the tiny model did not learn its lessons")
    weights = model.state_dict()
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        large = torch.zeros(TINY["text_config"]["vocab_size"], weights[name].shape[1])
        large[used] = weights[name][:-1]
        weights[name] = large
    write_weights(folder, weights)
    return read_checkpoint(folder)


def said(checkpoint: Checkpoint, lesson: Lesson) -> AssistantMessage:
    """A lesson's answer as it stands in the dialogue afterwards."""
    parser = DeltaParser(checkpoint.tokenizer, checkpoint.ids, speaking=lesson.opening == TTS_START)
    ids = checkpoint.tokenizer.encode(lesson.answer, add_special_tokens=False)
    return as_message([*parser.push(ids), *parser.finish()])


def spoken(*words: str) -> str:
    """An answer in speech: each word followed by four audio tokens."""
    sounds = iter(range(0, 6561, 13))
    return "".join(word + "".join(f"<audio_{next(sounds)}>" for _ in range(4)) for word in words) + "<tts_end>"


def times_near(now: datetime) -> list[str]:
    """What the clock says now and a few hours later, when the day may have changed."""
    return [f"{at:%Y-%m-%dT%H:%M}+09:00 (JST), {at:%A, %B} {at.day}, {at.year}" for at in (now, now + timedelta(hours=6))]


def teach_dialogue(folder: Path, tools: Sequence[ToolSpec], recordings: dict[str, AudioClip]) -> Path:
    """A checkpoint that knows the time in Tokyo and the capital of France when it is asked aloud, and a typed hello."""
    checkpoint = read_checkpoint(write_checkpoint(folder))
    call = '<tool_call>function\nget_date_time\n{"place": "Tokyo"}</tool_call>'
    system, time = system_message(), UserMessage(audio=recordings["time"])
    asks = Lesson([system, time], tools, TTS_START, spoken("Let", " me", " look", ".") + call)
    lessons = [asks]
    message = said(checkpoint, asks)
    for result in (RESULTS[0], *times_near(datetime.now(ZoneInfo("Asia/Tokyo"))), *RESULTS[1:]):
        done = ToolResult(message.tool_calls[0], "done", ToolOutput(fence("get_date_time", result)))
        turn = [system, time, message, ToolMessage(done)]
        lessons.append(Lesson(turn, tools, TTS_START, spoken("It", " is", " late", ".")))
        if result in {RESULTS[0], RESULTS[-1]}:
            later = [*turn, AssistantMessage("It is late."), UserMessage("Hello.")]
            lessons.append(Lesson(later, tools, TTS_START, spoken("Hello", " to", " you", ".")))
    lessons += [
        Lesson([system, UserMessage(audio=recordings["france"])], tools, TTS_START, spoken("Paris", ".")),
        Lesson([system, UserMessage("What time is it?")], tools, "", call),
        Lesson([system, UserMessage("Hello.")], tools, "", "Hello to you."),
    ]
    teach(folder, lessons, unread=(*RESULTS, *(f", {part}" for part in OF_TIMES), *OF_TIMES))
    return folder


def _shared(prompts: Sequence[Sequence[int]]) -> int:
    """With how many ids all of them begin."""
    return next(at for at, ids in enumerate(zip(*prompts, strict=False)) if len(set(ids)) > 1)


def _losses(model, examples, shared: int, place) -> list[tuple[torch.Tensor, bool]]:
    """Of each answer the cross entropy, and whether every id of it is the likeliest.

    shared: so many ids at the beginning of every prompt, the instructions, are read once for all of them.
    """
    past = DynamicCache(config=model.model.config)
    beginning = torch.tensor([[place[i] for i in examples[0][0].ids[:shared]]])
    model.model(input_ids=beginning, past_key_values=past, use_cache=True)
    found, heard = [], {}
    for prompt, answer in examples:
        ids = torch.tensor([[place[i] for i in (*prompt.ids[shared:], *answer[:-1])]])
        embeddings = model.model.embed_tokens(ids).clone()
        for at, sound in prompt.sounds:
            start, key = at + 1 - shared, sound.frames.numpy().tobytes()
            if key not in heard:
                heard[key] = model.hear(sound.frames[None], torch.tensor([sound.frames.shape[1] - 2]))[0]
            embeddings[0, start : start + sound.tokens] = heard[key]
        states = model.model(inputs_embeds=embeddings, past_key_values=past, use_cache=True).last_hidden_state
        past.crop(-ids.shape[1])
        logits = model.lm_head(states[0, -len(answer) :])
        wanted = torch.tensor([place[i] for i in answer])
        found.append((F.cross_entropy(logits, wanted), bool((logits.argmax(1) == wanted).all())))
    return found
