"""Speaker embeddings: which voice a clip sounds like."""

from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError

RATE_HZ = 16_000


class SpeakerEmbedder(Protocol):
    """Turns a clip into a vector of who speaks."""

    @property
    def id(self) -> str:
        """Name and version of the weights."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def embed(self, clip: AudioClip) -> NDArray[np.float32]:
        """Unit vector, float32 (dimension,). Blocking."""
        ...


class ResemblyzerEmbedder:
    """The GE2E encoder of the package Resemblyzer; its weights are in the package and load on first use."""

    id = "resemblyzer-0.1"
    dimension = 256

    def __init__(self) -> None:
        self._encoder: Any = None
        self._lock = Lock()

    def embed(self, clip: AudioClip) -> NDArray[np.float32]:
        """Unit vector, float32 (256,).

        Raises:
            ModelError: the package is not installed.
        """
        samples = clip.resampled(RATE_HZ).samples
        with self._lock:
            encoder = self._load()
        vector = encoder.embed_utterance(samples / max(float(np.abs(samples).max()), 1e-6))
        return np.asarray(vector, np.float32) / max(float(np.linalg.norm(vector)), 1e-6)

    def _load(self) -> Any:  # noqa: ANN401 (the package has no types)
        if self._encoder is None:
            try:
                from resemblyzer import VoiceEncoder
            except ImportError as error:
                missing = error.name or "Resemblyzer"
                raise ModelError(
                    f"search by clip needs the package {missing}; install Resemblyzer (--no-deps), "
                    "webrtcvad-wheels, librosa and torch"
                ) from error
            self._encoder = VoiceEncoder("cpu", verbose=False)
        return self._encoder
