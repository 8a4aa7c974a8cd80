"""The checkpoint's ``token2wav/`` folder: weights loaded as data, networks of the front end run by onnxruntime or torch."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from vivavoce.core.durable import write_atomic
from vivavoce.core.errors import ModelError, reason
from vivavoce.model.token2wav.configuration import build_flow, read_flow_sizes
from vivavoce.model.token2wav.flow.matching import Flow
from vivavoce.model.token2wav.speech_tokenizer import HEAD_WIDTH, SpeechTokenizer
from vivavoce.model.token2wav.vocoder import HiFT, fold_weight_norms

HASHED_BYTES = 4096  # of each tensor; enough to tell weights apart
SPEAKER_NETWORK = "campplus.onnx"
TOKENIZER_NETWORK = "speech_tokenizer_v2_25hz.onnx"
CONVERTED = ".safetensors"
CONVERSION_VERSION = 1
DIRECTORY_BYTES = 1 << 20  # at the end of a .pt file: its directory, with a checksum of each tensor


@dataclass(frozen=True, slots=True)
class Token2Wav:
    """Everything the folder holds. tokenizer_network: ONNX, or torch weights. digest: tells these weights from others."""

    flow: Flow
    vocoder: HiFT
    speaker_network: Path
    tokenizer_network: Path
    digest: str


def load_token2wav(folder: Path) -> Token2Wav:
    """Load flow and vocoder on the CPU.

    Raises:
        ModelError: a file is missing, damaged, or does not belong to the others.
    """
    flow = build_flow(read_flow_sizes(folder / "flow.yaml"))
    flow_weights = _read_weights(folder / "flow.pt")
    _fill(flow, flow_weights, folder / "flow.pt")
    vocoder_weights = _renamed(_read_weights(folder / "hift.pt"))
    vocoder = _vocoder_for(vocoder_weights, folder / "hift.pt")
    _fill(vocoder, vocoder_weights, folder / "hift.pt")
    fold_weight_norms([vocoder])
    in_torch = (folder / TOKENIZER_NETWORK).with_suffix(CONVERTED)
    networks = [folder / SPEAKER_NETWORK, in_torch if in_torch.is_file() else folder / TOKENIZER_NETWORK]
    for network in networks:
        if not network.is_file():
            raise ModelError(f"{network} is missing; fetch the checkpoint again")
    digest = _digest({**flow_weights, **{f"hift.{name}": tensor for name, tensor in vocoder_weights.items()}})
    return Token2Wav(_frozen(flow), _frozen(vocoder), networks[0], networks[1], digest)


def load_tokenizer(path: Path) -> SpeechTokenizer:
    """The speech tokenizer in torch, from safetensors under its official names.

    Raises:
        ModelError: the file is damaged or another model's.
    """
    weights, _ = _read_converted(path)
    try:
        width, bands, _ = weights["encoder.conv1.weight"].shape
    except (KeyError, ValueError) as error:
        raise ModelError(f"{path} holds no speech tokenizer; remove it, and the ONNX file is used") from error
    layers = len({name.split(".")[2] for name in weights if name.startswith("encoder.blocks.")})
    tokenizer = SpeechTokenizer(bands, width, max(1, width // HEAD_WIDTH), layers)
    _fill(tokenizer, weights, path)
    return _frozen(tokenizer)


def convert(folder: Path) -> list[Path]:
    """Write flow and vocoder of a ``token2wav/`` folder as safetensors beside the official files; loaded from then on.

    Raises:
        ModelError: a file is missing or damaged. StoreError: the disk is full or read-only.
    """
    written: list[Path] = []
    for name in ("flow.pt", "hift.pt"):
        path = folder / name
        weights = {key: tensor.contiguous() for key, tensor in _read_official(path).items()}
        head = {"token2wav": json.dumps([CONVERSION_VERSION, _fingerprint(path)])}
        write_atomic(path.with_suffix(CONVERTED), save(weights, head))
        written.append(path.with_suffix(CONVERTED))
    return written


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Of an official file, or of what it was converted to."""
    converted = path.with_suffix(CONVERTED)
    if not converted.is_file():
        return _read_official(path)
    weights, head = _read_converted(converted)
    if head[:1] != [CONVERSION_VERSION] or (path.is_file() and head[1:] != [_fingerprint(path)]):
        raise ModelError(
            f"{converted} was not made from this {path.name}; run `vivavoce models convert {path.parent}` again"
        )
    return weights


def _read_converted(path: Path) -> tuple[dict[str, torch.Tensor], list[Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {}).get("token2wav", "[]"))
            return {name: file.get_tensor(name) for name in file.keys()}, list(head)  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path} is damaged; remove it, and the official file is used") from error


def _fingerprint(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - DIRECTORY_BYTES))
        return hashlib.sha256(f"{size} ".encode() + file.read()).hexdigest()


def _read_official(path: Path) -> dict[str, torch.Tensor]:
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing; fetch the checkpoint again") from error
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
        raise ModelError(f"{path} is damaged or holds more than weights ({reason(error)}); fetch it again") from error
    if not isinstance(loaded, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in loaded.values()):
        raise ModelError(f"{path} holds something else than named tensors; fetch it again")
    return {str(name): tensor for name, tensor in loaded.items()}


def _renamed(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Names of the vocoder's tensors as they are today; files of different ages differ."""
    renamed: dict[str, torch.Tensor] = {}
    for name, tensor in weights.items():
        name = name.replace("generator.", "")
        for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
            if name.endswith("." + old):
                name = name.removesuffix(old) + f"parametrizations.weight.{new}"
        renamed[name] = tensor
    return renamed


def _vocoder_for(weights: Mapping[str, torch.Tensor], path: Path) -> HiFT:
    """A vocoder of the sizes that the weights have."""
    try:
        before = weights["conv_pre.parametrizations.weight.original1"].shape
        pitch = weights["f0_predictor.classifier.weight"].shape[1]
    except KeyError as error:
        raise ModelError(f"{path} lacks {reason(error)}; fetch it again") from error
    return HiFT(before[1], before[0], pitch)


def _fill(module: nn.Module, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    wanted = module.state_dict()
    if missing := sorted(wanted.keys() - weights.keys()):
        raise ModelError(f"{path} lacks {len(missing)} tensors, first {missing[0]}; fetch it again")
    if extra := sorted(weights.keys() - wanted.keys()):
        raise ModelError(f"{path} has {len(extra)} tensors that are not known, first {extra[0]}; it is another model's")
    for name, tensor in wanted.items():
        if tensor.shape != weights[name].shape:
            raise ModelError(f"{path}: {name} has the shape {list(weights[name].shape)}, not {list(tensor.shape)}")
    module.load_state_dict({name: tensor.float() for name, tensor in weights.items()})


def _digest(weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(weights):
        head = weights[name].flatten()[: HASHED_BYTES // 4].float().numpy().tobytes()
        digest.update(f"{name} {tuple(weights[name].shape)}".encode() + head)
    return digest.hexdigest()


def _frozen(module: Any) -> Any:  # noqa: ANN401 - the same module
    return module.eval().requires_grad_(False)
