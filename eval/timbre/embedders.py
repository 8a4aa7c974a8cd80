"""Ears of the timbre lab. Cosines of different embedders mean different things, so each is named in whatever it measured."""

import hashlib
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ConfigError, ModelError, WeightsError, reason
from vivavoce.voicebank.embedders import RATE_HZ, ResemblyzerEmbedder, SpeakerEmbedder

EMBEDDERS = "resemblyzer, campplus:FOLDER of a Token2Wav checkpoint, wavlm-sv:FOLDER as transformers saves it"
MIN_S = 0.4  # CAM++ pools over segments of a second, WavLM over frames; less is no voice
Vector = NDArray[np.float32]


class CamPlusEmbedder:
    """CAM++ (Wang et al. 2023), the speaker network of a Token2Wav folder: ``campplus.onnx``."""

    dimension = 192

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._path = _existing(folder / "campplus.onnx")
        self._threads = threads
        self._session: Any = None
        self._lock = Lock()
        self.id = f"campplus-{_digest(self._path)}"

    def embed(self, clip: AudioClip) -> Vector:
        """Unit vector, float32 (192,).

        Raises:
            AudioError: the clip is too short. ModelError: the network is damaged.
        """
        import torch

        from vivavoce.model.token2wav.prompt_features import speaker_fbank

        fbank = speaker_fbank(torch.from_numpy(_samples(clip)))
        session = self._load()
        [given] = session.get_inputs()
        return _unit(session.run(None, {given.name: (fbank - fbank.mean(0))[None].numpy()})[0])

    def _load(self) -> Any:  # noqa: ANN401 - onnxruntime has no types
        import onnxruntime

        with self._lock:
            if self._session is None:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = self._threads
                try:
                    self._session = onnxruntime.InferenceSession(
                        str(self._path), options, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:
                    raise ModelError(f"{self._path} is damaged ({reason(error)}); fetch the checkpoint again") from error
            return self._session


class WavLMEmbedder:
    """WavLM with a speaker verification head (Chen et al. 2022), such as wavlm-base-plus-sv, from a local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        _existing(folder / "config.json")
        weights = [folder / name for name in ("model.safetensors", "pytorch_model.bin") if (folder / name).is_file()]
        if not weights:
            raise WeightsError(f"{folder} holds neither model.safetensors nor pytorch_model.bin; fetch the model again")
        self.id = f"wavlm-sv-{_digest(weights[0])}"
        self._model: Any = None
        self._lock = Lock()

    @property
    def dimension(self) -> int:
        """Length of a vector; loads the weights."""
        return int(self._load().config.xvector_output_dim)

    def embed(self, clip: AudioClip) -> Vector:
        """Unit vector, float32 (dimension,).

        Raises:
            AudioError: the clip is too short. ModelError: the folder holds no such model.
        """
        import torch

        samples, model = _samples(clip), self._load()
        if model.config.feat_extract_norm == "layer":  # larger WavLMs were trained on normalised sound
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
        with self._lock, torch.inference_mode():
            return _unit(model(torch.from_numpy(samples)[None]).embeddings.numpy())

    def _load(self) -> Any:  # noqa: ANN401 - transformers' classes have no types
        with self._lock:
            if self._model is None:
                from safetensors import SafetensorError
                from transformers import WavLMForXVector

                try:
                    self._model = WavLMForXVector.from_pretrained(self._folder, local_files_only=True).eval()
                except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
                    raise ModelError(f"{self._folder} holds no WavLM with a speaker head ({reason(error)})") from error
            return self._model


def open_embedder(name: str, threads: int = 1) -> SpeakerEmbedder:
    """The embedder of this name; of those in a folder the weights load at the first use.

    Raises:
        ConfigError: there is none of this name. WeightsError: its folder lacks the weights.
    """
    kind, _, folder = name.partition(":")
    match kind:
        case "resemblyzer" if not folder:
            return ResemblyzerEmbedder()
        case "campplus" if folder:
            return CamPlusEmbedder(Path(folder), threads)
        case "wavlm-sv" if folder:
            return WavLMEmbedder(Path(folder))
        case _:
            raise ConfigError(f"there is no speaker embedder {name!r}; choose {EMBEDDERS}")


def _samples(clip: AudioClip) -> Vector:
    """(T,) at 16 kHz.

    Raises:
        AudioError: there is too little.
    """
    if clip.duration_s < MIN_S:
        raise AudioError(f"the clip has {clip.duration_s:.2f} s; {MIN_S} s are needed to tell who speaks")
    return np.array(clip.resampled(RATE_HZ).samples, np.float32)


def _unit(vector: Any) -> Vector:  # noqa: ANN401 - arrays of models without types
    flat = np.asarray(vector, np.float32).reshape(-1)
    return flat / max(float(np.linalg.norm(flat)), 1e-12)


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise WeightsError(f"{path} is missing; name the folder that holds it")
    return path


def _digest(path: Path) -> str:
    """Which weights these are, in short."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]
