"""Speaker embeddings: which voice a clip sounds like."""

from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import ModelError
from vivavoce.core.networks import open_network, packaged
from vivavoce.core.slaney import slaney_filters
from vivavoce.voicebank.torch_weights import read_weights

PACKAGE, ADVICE = "resemblyzer", "run `pip install --no-deps Resemblyzer`"
GRAPH = Path(__file__).with_name("resemblyzer.onnx")  # see resemblyzer_graph.py
LAYERS = 3
RATE_HZ = 16_000
WINDOW, HOP, BANDS = 400, 160, 40  # samples; of bands of power
PIECE, STEP = 160, 77  # frames
LEAST_OF_PIECE = 0.75


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
    """The GE2E encoder of the package Resemblyzer, whose weights load on first use. threads: that it computes in."""

    id = "resemblyzer-0.1"
    dimension = 256

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads
        self._network: Any = None
        self._lock = Lock()

    def embed(self, clip: AudioClip) -> NDArray[np.float32]:
        """Unit vector, float32 (256,).

        Raises:
            ModelError: the package is not installed, or damaged.
        """
        samples = clip.resampled(RATE_HZ).samples
        with self._lock:
            if self._network is None:
                self._network = _open(self._threads)
        pieces = _pieces(samples / max(float(np.abs(samples).max()), 1e-6))
        mean = self._network.run(None, {"mels": pieces})[0].mean(0)
        return mean / max(float(np.linalg.norm(mean)), 1e-6)


def _pieces(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power in bands of pieces that overlap by half: (pieces, PIECE, BANDS). A last one that is too empty is left out."""
    starts = list(range(0, max(1, -(-(samples.size + 1) // HOP) - PIECE + STEP + 1), STEP))
    if len(starts) > 1 and samples.size - starts[-1] * HOP < LEAST_OF_PIECE * PIECE * HOP:
        starts.pop()
    missing = max(0, (starts[-1] + PIECE) * HOP - samples.size)
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + missing))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1])) ** 2
    mels = (power @ slaney_filters(RATE_HZ, WINDOW, BANDS, RATE_HZ / 2).T).astype(np.float32)
    return np.stack([mels[start : start + PIECE] for start in starts])


def _open(threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    path = packaged(PACKAGE, "pretrained.pt", ADVICE)
    try:
        saved = read_weights(path, "model_state")
        weights = {name: saved[name] for name in ("linear.weight", "linear.bias")}
        for layer in range(LAYERS):
            names = [f"lstm.{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            into, recurrent, *biases = (_as_onnx(saved[name]) for name in names)
            weights |= {f"input-{layer}": into[None], f"recurrent-{layer}": recurrent[None]}
            weights[f"bias-{layer}"] = np.concatenate(biases)[None]
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is damaged; {ADVICE} again") from error
    return open_network(GRAPH, weights, threads)


def _as_onnx(gates: NDArray[np.float32]) -> NDArray[np.float32]:
    """Input, forget, cell and output gates in the order of ONNX: input, output, forget, cell."""
    into, forget, cell, out = np.split(gates, 4)
    return np.concatenate([into, out, forget, cell])
