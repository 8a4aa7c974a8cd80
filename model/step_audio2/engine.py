"""Runs the model: sound is encoded once, a dialogue's past is never computed again."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vivavoce.core.errors import ModelError
from vivavoce.model.step_audio2.dialect.chat_template import Sound
from vivavoce.model.step_audio2.dialect.prompt import Prompt
from vivavoce.model.step_audio2.kv_cache import GrowingCache, PrefixCache
from vivavoce.model.step_audio2.network.features import UNCOUNTED_FRAMES
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM

PREFILL_CHUNK = 512  # positions a pass at most: bounds memory
FIRST_CHUNK = (
    64  # positions of the first pass; doubled while passes are quick, so that a slow machine can still be interrupted
)
QUICK_S = 0.5
MIB = 1 << 20


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


@dataclass(slots=True)
class Work:
    """What has been computed so far. prefilled: prompt positions that no cache held. encoded: pieces of sound."""

    prefilled: int = 0
    encoded: int = 0
    decoded: int = 0


class Engine:
    """One model and what it remembers. Not thread-safe: all calls come from one thread.

    cache_mib: memory for pasts of dialogues. sound_mib: memory for encoded sound.
    """

    def __init__(self, model: StepAudio2ForCausalLM, cache_mib: int = 1024, sound_mib: int = 64) -> None:
        self.model = model
        self.work = Work()
        self._past = PrefixCache(model.config.text_config, cache_mib * MIB)
        self._heard: OrderedDict[bytes, torch.Tensor] = OrderedDict()
        self._sound_bytes = sound_mib * MIB

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return self.model.model.embed_tokens.weight.device

    @torch.inference_mode()
    def read(self, prompt: Prompt, cancelled: Callable[[], bool] = lambda: False) -> "Decoding":
        """Compute what is new of a prompt.

        Raises:
            Cancelled: between two chunks; what was computed is kept. ModelError: the prompt is empty.
        """
        if not prompt.ids:
            raise ModelError("there is nothing to answer; say or type something")
        cache, done = self._past.take(prompt.keys)
        states, size = torch.empty(0), FIRST_CHUNK
        while done < len(prompt.ids):
            if cancelled():
                self._past.put(prompt.keys[:done], cache)
                raise Cancelled
            end, start = min(done + size, len(prompt.ids)), time.perf_counter()
            states = self._forward(self._embedded(prompt, done, end), cache)
            self.work.prefilled += end - done
            done = end
            if time.perf_counter() - start < QUICK_S:
                size = min(2 * size, PREFILL_CHUNK)
        return Decoding(self, cache, prompt, self._logits(states))

    @torch.inference_mode()
    def step(self, cache: GrowingCache, ids: Sequence[int]) -> torch.Tensor:
        """Append ids to a dialogue; the logits (V,) behind the last."""
        self.work.decoded += len(ids)
        embeddings = self.model.model.embed_tokens(torch.tensor([list(ids)], device=self.device))
        return self._logits(self._forward(embeddings, cache))

    def keep(self, keys: np.ndarray, cache: GrowingCache) -> None:
        """Remember a dialogue's past for its next turn."""
        self._past.put(keys, cache)

    @torch.inference_mode()
    def hear(self, sound: Sound) -> torch.Tensor:
        """Embeddings of a piece (n, hidden_size), encoded by itself and only once.

        A piece that has the company of others in a batch comes out different in the reference (section 8, quirk 4).
        """
        if sound.key in self._heard:
            self._heard.move_to_end(sound.key)
            return self._heard[sound.key]
        if sound.frames is None:
            raise ValueError("this sound has no frames to encode")
        self.work.encoded += 1
        lengths = torch.tensor([sound.frames.shape[1] - UNCOUNTED_FRAMES])
        rows = self.model.hear(sound.frames[None], lengths)[0]
        self._heard[sound.key] = rows
        while len(self._heard) > 1 and sum(kept.nbytes for kept in self._heard.values()) > self._sound_bytes:
            self._heard.popitem(last=False)
        return rows

    def forget(self) -> None:
        """Free what is remembered of dialogues and sounds."""
        self._past.clear()
        self._heard.clear()

    def _embedded(self, prompt: Prompt, begin: int, end: int) -> torch.Tensor:
        ids = torch.tensor([prompt.ids[begin:end]], device=self.device)
        embeddings = self.model.model.embed_tokens(ids)
        for at, sound in prompt.sounds:
            first, last = max(at + 1, begin), min(at + 1 + sound.tokens, end)
            if first < last:
                rows = self.hear(sound)[first - at - 1 : last - at - 1]
                embeddings[0, first - begin : last - begin] = rows.to(embeddings.device, embeddings.dtype)
        return embeddings

    def _forward(self, embeddings: torch.Tensor, cache: GrowingCache) -> torch.Tensor:
        return self.model.model(inputs_embeds=embeddings, past_key_values=cache, use_cache=True).last_hidden_state

    def _logits(self, states: torch.Tensor) -> torch.Tensor:
        return self.model.lm_head(states[:, -1:])[0, -1]


class Decoding:
    """One answer under way. logits: (V,) for the next id. prompt_ids: what was read."""

    def __init__(self, engine: Engine, cache: GrowingCache, prompt: Prompt, logits: torch.Tensor) -> None:
        self._engine = engine
        self._cache = cache
        self._keys = prompt.keys
        self._written: list[int] = []
        self._whole = True
        self.logits = logits
        self.prompt_ids = prompt.ids

    @property
    def length(self) -> int:
        """Positions that are read and written."""
        return len(self.prompt_ids) + len(self._written)

    def feed(self, ids: Sequence[int]) -> None:
        """Append what was written."""
        self._whole = False
        self.logits = self._engine.step(self._cache, ids)
        self._whole = True
        self._written += ids

    def close(self) -> None:
        """Hand the past back for the next turn, unless a failure left its layers at odds. Must be called once, last."""
        if not self._whole:
            return
        self._engine.keep(np.concatenate([self._keys, np.array(self._written, dtype=np.int64)]), self._cache)
