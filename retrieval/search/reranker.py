"""Cross-encoders: models that read question and passage together, slower and better than comparing vectors."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from vivavoce.core.errors import ModelError, reason
from vivavoce.core.store.vector_index import Vector

MAX_TOKENS = 384
BATCH = 16


class CrossEncoderReranker:
    """Implements `Reranker` by a sentence-transformers cross-encoder. Loaded at the first use.

    name: a folder, or a model of a hub such as cross-encoder/ms-marco-MiniLM-L6-v2. hub: whether it may be fetched.
    """

    def __init__(self, name: str, *, threads: int = 2, hub: bool = False) -> None:
        self._name = name
        self._threads = threads
        self._hub = hub
        self._lock = Lock()
        self._model: Any = None

    def score(self, query: str, texts: Sequence[str]) -> Vector:
        """See `Reranker.score`.

        Raises:
            ModelError: the model cannot be loaded.
        """
        with self._lock:
            if self._model is None:
                self._model = self._load()
            scores: Any = self._model.predict([(query, text) for text in texts], batch_size=BATCH, show_progress_bar=False)
        return np.asarray(scores, np.float32).reshape(len(texts), -1)[:, 0]

    def _load(self) -> Any:  # noqa: ANN401 - a model of another library
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        torch.set_num_threads(self._threads)
        local = not self._hub or Path(self._name).is_dir()
        try:
            return CrossEncoder(
                self._name,
                device="cpu",
                max_length=MAX_TOKENS,
                local_files_only=local,
                trust_remote_code=False,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
            where = "no folder" if local else "cannot be fetched"
            raise ModelError(
                f"the reranker {self._name} cannot be loaded ({where}: {reason(error)}); name another one"
            ) from error
