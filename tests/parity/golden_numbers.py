"""The golden numbers of the reference implementation: where they lie and how they are read."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent / "golden"
ELSEWHERE = os.environ.get("VIVAVOCE_GOLDEN")


def about(name: str) -> dict:
    """A file's description; skips the test when the folder that VIVAVOCE_GOLDEN names lacks it."""
    path = Path(ELSEWHERE or HERE) / f"{name}.json"
    if ELSEWHERE and not path.is_file():
        pytest.skip(f"VIVAVOCE_GOLDEN names a folder without {path.name}")
    return json.loads(path.read_text())


def tensors(name: str) -> dict[str, torch.Tensor]:
    about(name)
    return load_file(Path(ELSEWHERE or HERE) / f"{name}.safetensors")


def official_keys(name: str) -> dict:
    """Keys and shapes at official sizes, always of this repository."""
    return json.loads((HERE / f"keys_{name}.json").read_text())


def weights(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("weight."): tensor for name, tensor in found.items() if name.startswith("weight.")}
