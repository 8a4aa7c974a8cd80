"""A checkpoint folder: read, checked and loaded without running anything that lies in it (specification, section 1)."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding

from vivavoce.core.errors import ConfigError, ModelError, reason
from vivavoce.model.step_audio2.dialect.token_ids import TokenIds, Tokenizer, resolve_token_ids
from vivavoce.model.step_audio2.network.configuration import StepAudio2Config
from vivavoce.model.step_audio2.network.memory import SHRINKING, check_memory, free_bytes
from vivavoce.model.step_audio2.network.modeling import StepAudio2ForCausalLM
from vivavoce.model.step_audio2.network.weight_only import WeightBits, check_device, quantised

Variant = Literal["chat", "base", "think"]
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
PLAIN_NAME = re.compile(r"[A-Za-z0-9._-]+\.safetensors")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
STORED = {"F32": torch.float32, "BF16": torch.bfloat16, "F16": torch.float16}
MAX_JSON_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a folder holds. placed: tensor names and the files they are in. shapes: of every tensor. dtype: as stored."""

    folder: Path
    config: StepAudio2Config
    tokenizer: Tokenizer
    ids: TokenIds
    variant: Variant
    placed: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    dtype: str

    @property
    def parameters(self) -> int:
        """How many numbers the weights are."""
        return sum(torch.Size(shape).numel() for shape in self.shapes.values())


def read_checkpoint(folder: Path, variant: Variant | None = None) -> Checkpoint:
    """Read and check everything but the weights themselves.

    variant: how prompts are written; None tells it from the folder's name (``...-Base``, ``...-Think``).

    Raises:
        ModelError: something is missing, damaged, or does not belong to a Step-Audio 2 checkpoint.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder; give the folder that holds the checkpoint's config.json")
    config = _read_config(folder)
    shards = _shard_names(folder)
    placed, shapes, dtype = _read_headers(folder, shards)
    _check_shapes(config, shapes, folder)
    tokenizer = _read_tokenizer(folder)
    ids = resolve_token_ids(tokenizer, config.text_config.vocab_size)
    return Checkpoint(folder, config, tokenizer, ids, variant or _variant_of(folder), placed, shapes, dtype)


def load_model(
    checkpoint: Checkpoint,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightBits = "full",
    *,
    free: Callable[[torch.device], int | None] = free_bytes,
) -> StepAudio2ForCausalLM:
    """Load the weights, one tensor after the other.

    device: "auto", "cpu", "cuda", "cuda:1", "mps". dtype: "auto" (as stored), "float32", "bfloat16", "float16". weights:
    "int8" and "int4" shrink the backbone's linear layers while they are read, and compute in bfloat16. free: tells the bytes
    that are free on a device.

    Raises:
        ModelError: a file is damaged, or memory does not suffice. ConfigError: no such device or dtype.
    """
    place = choose_device(device)
    check_device(weights, place)
    kind = choose_dtype(dtype, checkpoint, weights)
    check_memory(checkpoint.shapes, kind, weights, place, free(place))
    config = checkpoint.config
    config.dtype = kind
    with torch.device("meta"):
        model = StepAudio2ForCausalLM(config)
    # Layers that are shrunk go first, the largest before all: then the rest does not add to what that takes.
    sizes = {name: torch.Size(shape).numel() for name, shape in checkpoint.shapes.items()}
    for name in sorted(checkpoint.placed, key=lambda name: (not _shrinks(name), -sizes[name])):
        shard = checkpoint.placed[name]
        _assign(model, name, _read_tensor(checkpoint.folder / shard, name).to(place, kind), weights)
    # The frequencies are computed, not stored; in half precision they would be far off at late positions (section 10.6).
    model.model.rotary_emb = Qwen2RotaryEmbedding(config.text_config).to(place)
    return model.eval().requires_grad_(False)


def choose_device(name: str) -> torch.device:
    """The device of a name; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        ConfigError: there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"there is no device {name!r} here; use auto, cpu, cuda or mps") from error
    return device


def choose_dtype(name: str, checkpoint: Checkpoint, weights: WeightBits) -> torch.dtype:
    """The dtype to compute in.

    Raises:
        ConfigError: no such dtype, or one that small weights do not go with.
    """
    if weights != "full":
        if name not in ("auto", "bfloat16"):
            raise ConfigError(f"{weights} weights compute in bfloat16, not {name}; leave the dtype at auto")
        return torch.bfloat16
    name = checkpoint.dtype if name == "auto" else name
    if name not in DTYPES:
        raise ConfigError(f"dtype {name!r} is not known; use auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def _assign(model: StepAudio2ForCausalLM, name: str, tensor: torch.Tensor, bits: WeightBits) -> None:
    """Put a tensor into its place; shrink a linear layer once all of it is there."""
    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    setattr(module, leaf, torch.nn.Parameter(tensor, requires_grad=False))
    if bits == "full" or not _shrinks(name) or not isinstance(module, torch.nn.Linear):
        return
    if not any(parameter.is_meta for parameter in module.parameters()):
        parent, _, child = path.rpartition(".")
        setattr(model.get_submodule(parent), child, quantised(module, bits))


def _read_tensor(path: Path, name: str) -> torch.Tensor:
    """One tensor of a file whose header was checked, read straight into memory of its own.

    The library maps the file instead; what it touched stays resident beside the copy, which for the largest tensors is much.

    Raises:
        ModelError: the file has changed or cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            entry = json.loads(file.read(size))[name]
            begin, end = entry["data_offsets"]
            file.seek(8 + size + begin)
            data = bytearray(end - begin)
            if file.readinto(data) != end - begin:
                raise ModelError(f"{path} is cut short; fetch it again")
        buffer = torch.frombuffer(data, dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        return buffer.view(STORED[entry["dtype"]]).view(entry["shape"])
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path} cannot be read ({reason(error)}); fetch it again") from error


def _shrinks(name: str) -> bool:
    """Whether a tensor may belong to a layer that is stored in fewer bits."""
    return name.startswith(SHRINKING)


def _read_config(folder: Path) -> StepAudio2Config:
    fields = _read_json(folder / "config.json")
    kind = fields.get("model_type")
    if kind != StepAudio2Config.model_type:
        raise ModelError(f"{folder / 'config.json'} is of model type {kind!r}, not {StepAudio2Config.model_type!r}")
    if "audio_encoder_config" not in fields:
        raise ModelError(f"{folder / 'config.json'} lacks audio_encoder_config; fetch it again")
    for ignored in ("audio_start_token_id", "auto_map", "architectures", "transformers_version"):
        fields.pop(ignored, None)
    try:
        config = StepAudio2Config(**fields)
        with torch.device("meta"):
            StepAudio2ForCausalLM(config)
        return config
    except Exception as error:
        raise ModelError(f"{folder / 'config.json'} is not usable: {reason(error)}; fetch it again") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise ModelError(f"{path} is larger than any such file; fetch it again")
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{path} is missing; give the folder of a complete checkpoint") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} is not readable JSON ({reason(error)}); fetch it again") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} does not hold a JSON object; fetch it again")
    return value


def _shard_names(folder: Path) -> tuple[str, ...]:
    if (folder / INDEX).is_file():
        placed = _read_json(folder / INDEX).get("weight_map")
        if not isinstance(placed, dict) or not placed:
            raise ModelError(f"{folder / INDEX} names no weights; fetch it again")
        names = sorted({str(name) for name in placed.values()})
    elif (folder / SINGLE).is_file():
        names = [SINGLE]
    elif any(path for pattern in PICKLES for path in folder.glob(pattern)):
        raise ModelError(f"{folder} holds weights as pickles, which can run code; get the checkpoint as safetensors")
    else:
        raise ModelError(f"{folder} holds no weights ({INDEX} is missing); fetch the checkpoint again")
    if bad := [name for name in names if not PLAIN_NAME.fullmatch(name)]:
        raise ModelError(f"{folder / INDEX} names {bad[0]!r}, which is no file of this folder; do not use this checkpoint")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ModelError(f"{folder} lacks {len(missing)} of {len(names)} weight files, first {missing[0]}; fetch it again")
    return tuple(names)


def _read_headers(folder: Path, shards: tuple[str, ...]) -> tuple[dict[str, str], dict[str, tuple[int, ...]], str]:
    placed: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    dtypes: set[str] = set()
    for shard in shards:
        try:
            with safe_open(folder / shard, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    placed[name] = shard
                    part = file.get_slice(name)
                    shapes[name] = tuple(part.get_shape())
                    dtypes.add(part.get_dtype())
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{folder / shard} is damaged or cut short ({reason(error)}); fetch it again") from error
    if unknown := sorted(dtypes - STORED.keys()):
        raise ModelError(f"{folder} stores weights as {unknown[0]}; only {', '.join(STORED)} can be read")
    return placed, shapes, "bfloat16" if "BF16" in dtypes else "float16" if "F16" in dtypes else "float32"


def _check_shapes(config: StepAudio2Config, shapes: Mapping[str, tuple[int, ...]], folder: Path) -> None:
    with torch.device("meta"):
        wanted = {name: tuple(t.shape) for name, t in StepAudio2ForCausalLM(config).state_dict().items()}
    if missing := sorted(wanted.keys() - shapes.keys()):
        raise ModelError(f"{folder} lacks {len(missing)} tensors, first {missing[0]}; fetch the checkpoint again")
    if extra := sorted(shapes.keys() - wanted.keys()):
        raise ModelError(f"{folder} has {len(extra)} tensors that config.json does not explain, first {extra[0]}")
    if wrong := [name for name in wanted if wanted[name] != shapes[name]]:
        first = wrong[0]
        raise ModelError(
            f"{folder}: {first} has the shape {list(shapes[first])} where config.json asks for {list(wanted[first])}"
            + (f", and {len(wrong) - 1} more differ" if len(wrong) > 1 else "")
        )


def _read_tokenizer(folder: Path) -> Tokenizer:
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.json")):
        raise ModelError(f"{folder} lacks tokenizer.json; fetch the checkpoint again")
    try:
        if (folder / "tokenizer.json").is_file():
            return cast(Tokenizer, PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json")))
        from transformers import Qwen2Tokenizer

        return cast(Tokenizer, Qwen2Tokenizer.from_pretrained(folder, local_files_only=True))
    except Exception as error:
        raise ModelError(f"the tokenizer in {folder} cannot be read ({reason(error)}); fetch it again") from error


def _variant_of(folder: Path) -> Variant:
    name = folder.resolve().name.lower()
    return "base" if "base" in name else "think" if "think" in name else "chat"
