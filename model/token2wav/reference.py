"""A reference clip to what the flow is told about a voice: speech tokens, x-vector, mel frames (specification, 7.2)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vivavoce.core.audio import AudioClip
from vivavoce.core.errors import AudioError, ModelError, reason
from vivavoce.model.step_audio2.network.features import log_mel
from vivavoce.model.token2wav.checkpoint import CONVERTED, load_tokenizer
from vivavoce.model.token2wav.prompt_features import MEL_RATE, SPEAKER_RATE, fitted_to_tokens, prompt_mel, speaker_fbank
from vivavoce.model.token2wav.resampling import resample
from vivavoce.model.token2wav.speech_tokenizer import joined_windows, long_windows

Codes = Callable[[torch.Tensor], torch.Tensor]  # log-mel (1, bands, T) to tokens (T / 4,)
SHORTEST_S = 0.5
STEP_S = 0.1
SILENT = 1e-4


@dataclass(frozen=True, slots=True)
class Reference:
    """What a clip says. tokens: (1, P). embedding: (1, S). mel: (1, 2 P, bands)."""

    tokens: torch.Tensor
    embedding: torch.Tensor
    mel: torch.Tensor


class ReferenceReader:
    """Runs the two networks of the front end.

    threads: of each. bands: of the flow's mel.
    """

    def __init__(self, speaker_network: Path, tokenizer_network: Path, bands: int, threads: int) -> None:
        self._speaker = _session(speaker_network, threads)
        in_torch = tokenizer_network.suffix == CONVERTED
        self._codes = _codes_in_torch(tokenizer_network) if in_torch else _codes_in_onnx(tokenizer_network, threads)
        self._bands = bands

    def read(self, clip: AudioClip, longest_s: float, *, as_reference: bool = False) -> Reference:
        """Measure a clip, cut to its most energetic seconds. as_reference: lose tokens of long clips (8b.6). Blocking.

        Raises:
            AudioError: it is silent, too short, or no sound at all.
        """
        clip = loudest_part(clip, longest_s)
        samples = torch.from_numpy(clip.samples.copy())
        low = resample(samples, clip.sample_rate, SPEAKER_RATE)
        tokens = self._tokens(log_mel(low, padding=0), as_reference)
        fbank = speaker_fbank(low)
        embedding = _run(self._speaker, [(fbank - fbank.mean(0))[None].numpy()])
        mel = prompt_mel(resample(samples, clip.sample_rate, MEL_RATE), self._bands)
        return Reference(
            torch.from_numpy(tokens)[None],
            torch.from_numpy(embedding.astype(np.float32).reshape(1, -1)),
            fitted_to_tokens(mel, tokens.size)[None],
        )

    def _tokens(self, mel: torch.Tensor, as_reference: bool) -> np.ndarray:
        windows = long_windows(mel.shape[1], as_reference=as_reference)
        return joined_windows([self._codes(mel[None, :, begin:end]) for begin, end in windows]).numpy()


def loudest_part(clip: AudioClip, longest_s: float) -> AudioClip:
    """The stretch with the most energy, at most ``longest_s``.

    Raises:
        AudioError: there is too little sound in it.
    """
    if clip.duration_s < SHORTEST_S:
        raise AudioError(f"the clip has {clip.duration_s:.2f} s and {SHORTEST_S} s are needed; give a longer one")
    swing = clip.samples - clip.samples.mean(dtype=np.float64)
    if float(np.abs(swing).max()) < SILENT:
        raise AudioError("the clip is silent; give one with speech in it")
    size, step = int(longest_s * clip.sample_rate), max(1, int(STEP_S * clip.sample_rate))
    if clip.samples.size <= size:
        return clip
    energy = np.concatenate([[0.0], np.cumsum(swing**2)])
    starts = np.arange(0, clip.samples.size - size + 1, step)
    best = int(starts[np.argmax(energy[starts + size] - energy[starts])])
    return AudioClip(clip.samples[best : best + size].copy(), clip.sample_rate)


def _codes_in_torch(path: Path) -> Codes:
    tokenizer = load_tokenizer(path)

    def codes(mel: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return tokenizer(mel, torch.tensor([mel.shape[2]]))[0][0]

    return codes


def _codes_in_onnx(path: Path, threads: int) -> Codes:
    session = _session(path, threads)

    def codes(mel: torch.Tensor) -> torch.Tensor:
        found = _run(session, [mel.numpy(), np.array([mel.shape[2]], dtype=np.int32)])
        return torch.from_numpy(found.reshape(-1).astype(np.int64))

    return codes


def _run(session: Any, values: list[np.ndarray]) -> np.ndarray:  # noqa: ANN401 - onnxruntime has no types
    names = [given.name for given in session.get_inputs()]
    return np.asarray(session.run(None, dict(zip(names, values, strict=True)))[0])


def _session(path: Path, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{path} is damaged ({reason(error)}); fetch the checkpoint again") from error
