"""What the decoder knows of a voice, in memory and as one file."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vivavoce.core.durable import write_atomic
from vivavoce.core.protocols import VoiceConditioning
from vivavoce.model.token2wav.flow.encoder import EncoderState
from vivavoce.model.token2wav.flow.matching import FlowState
from vivavoce.model.token2wav.flow.memory import Memory, ReferenceMemory
from vivavoce.model.token2wav.stream import PromptState, Quality

VERSION = 3


@dataclass(frozen=True, slots=True)
class Token2WavConditioning:
    """A voice that this decoder has read. for_text: what the decoder of texts made of it."""

    voice_id: str
    prompt: PromptState
    for_text: VoiceConditioning | None = None


@dataclass(frozen=True, slots=True)
class ConditioningKey:
    """What a stored conditioning belongs to: content of the clip, weights, and how both were read."""

    clip: str
    weights: str
    quality: Quality

    @property
    def file(self) -> str:
        """Name of the file."""
        quality = hashlib.sha256(repr(astuple(self.quality)).encode()).hexdigest()
        return f"token2wav-{self.clip[:32]}-{self.weights[:16]}-{quality[:8]}.safetensors"

    @property
    def head(self) -> list[Any]:
        """What the head of the file begins with; behind it the frames of the prompt and a checksum."""
        return [VERSION, self.clip, self.weights, *astuple(self.quality)]


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
    head = json.dumps([*key.head, prompt.frames, _checksum(whole)])
    write_atomic(folder / key.file, save(whole, {"token2wav": head}))


def restore(folder: Path, key: ConditioningKey, *, verify: bool = False) -> PromptState | None:
    """Read a prompt's state; None where there is none, or it is damaged, or belongs to something else.

    verify: read all of it now and compare its checksum; otherwise it is mapped, and read when it is used.
    """
    path = folder / key.file
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {}).get("token2wav", "[]"))
            names = set(file.keys())
            if head[:-2] != key.head or (verify and head[-1] != _checksum({n: file.get_tensor(n) for n in names})):
                return None
            attention = [file.get_tensor(f"attention.{n}") for n in range(_count(names, "attention."))]
            memories = [_memories(file, step, key.quality.as_reference) for step in range(key.quality.steps)]
            encoder = EncoderState(file.get_tensor("context"), file.get_tensor("up_context"), attention)
            speaker = file.get_tensor("speaker")
    except (SafetensorError, OSError, ValueError, IndexError):
        return None  # damaged: it is made again
    return PromptState(FlowState(memories, encoder), speaker, int(head[-2]), key.quality)


def _memories(file: Any, step: int, as_reference: bool) -> list[Memory]:  # noqa: ANN401 - safetensors has no types
    keys, values, contexts = (file.get_tensor(f"{name}.{step}") for name in ("keys", "values", "contexts"))
    kind = ReferenceMemory if as_reference else Memory
    return [kind(None, (keys[n], values[n]), contexts[n]).as_prompt() for n in range(len(keys))]


def _checksum(tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()


def _count(names: set[str], prefix: str) -> int:
    return sum(name.startswith(prefix) for name in names)
