"""What the decoder knows of a voice, in memory and as one file."""

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vivavoce.core.durable import write_atomic
from vivavoce.core.protocols import VoiceConditioning
from vivavoce.model.token2wav.flow_encoder import EncoderState
from vivavoce.model.token2wav.flow_matching import FlowState
from vivavoce.model.token2wav.memory import Memory
from vivavoce.model.token2wav.stream import PromptState, Quality

VERSION = 2


@dataclass(frozen=True, slots=True)
class Token2WavConditioning:
    """A voice that this decoder has read. for_text: what the decoder of texts made of it."""

    voice_id: str
    prompt: PromptState
    for_text: VoiceConditioning | None = None


@dataclass(frozen=True, slots=True)
class ConditioningKey:
    """What a stored conditioning belongs to: content of the clip, weights, and how carefully the flow was followed."""

    clip: str
    weights: str
    quality: Quality

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"token2wav-{self.clip[:32]}-{self.weights[:16]}-{self.quality.steps}-{self.quality.guided_every}.safetensors"

    def metadata(self, frames: int) -> dict[str, str]:
        """What stands at the head of the file."""
        return {"token2wav": json.dumps([VERSION, self.clip, self.weights, *astuple(self.quality), frames])}


def store(folder: Path, key: ConditioningKey, prompt: PromptState) -> None:
    """Write a prompt's state.

    Raises:
        StoreError: the disk is full or read-only.
    """
    encoder = prompt.state.encoder
    tensors = {"speaker": prompt.speaker}
    if encoder.context is not None and encoder.up_context is not None:
        tensors |= {"context": encoder.context, "up_context": encoder.up_context}
    tensors |= {f"attention.{layer}": past for layer, past in enumerate(encoder.attention)}
    # One tensor a step: thousands of small ones would take longer to open than to read.
    for step, memories in enumerate(prompt.state.memories):
        parts = [memory.parts[0] for memory in memories]
        tensors[f"keys.{step}"] = torch.stack([keys for keys, _ in parts])
        tensors[f"values.{step}"] = torch.stack([values for _, values in parts])
        tensors[f"contexts.{step}"] = torch.stack([memory.context for memory in memories if memory.context is not None])
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    write_atomic(folder / key.file, save(whole, key.metadata(prompt.frames)))


def restore(folder: Path, key: ConditioningKey) -> PromptState | None:
    """Read a prompt's state; None where there is none, or it belongs to something else."""
    path = folder / key.file
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {}).get("token2wav", "[]"))
            if head[:-1] != [VERSION, key.clip, key.weights, *astuple(key.quality)]:
                return None
            names = set(file.keys())
            attention = [file.get_tensor(f"attention.{n}") for n in range(_count(names, "attention."))]
            memories = [_memories(file, step) for step in range(key.quality.steps)]
            encoder = EncoderState(file.get_tensor("context"), file.get_tensor("up_context"), attention)
            speaker = file.get_tensor("speaker")
    except (SafetensorError, OSError, ValueError, IndexError):
        return None  # damaged: it is made again
    return PromptState(FlowState(memories, encoder), speaker, int(head[-1]))


def _memories(file: Any, step: int) -> list[Memory]:  # noqa: ANN401 - safetensors has no types
    keys, values, contexts = (file.get_tensor(f"{name}.{step}") for name in ("keys", "values", "contexts"))
    return [Memory((keys[n], values[n]), None, contexts[n]) for n in range(len(keys))]


def _count(names: set[str], prefix: str) -> int:
    return sum(name.startswith(prefix) for name in names)
