"""The golden numbers of the reference implementation: where they lie and how they are read."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SHARED = Path(__file__).parents[3] / "shared" / "golden"
FOLDER = Path(os.environ.get("VIVAVOCE_GOLDEN", SHARED))


def about(name: str) -> dict:
    """A file's description; skips the test when it is not there."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent; set VIVAVOCE_GOLDEN to a folder with golden numbers")
    return json.loads(path.read_text())


def tensors(name: str) -> dict[str, torch.Tensor]:
    about(name)
    return load_file(FOLDER / f"{name}.safetensors")


def official_keys(name: str) -> dict:
    """Keys and shapes at official sizes, which only the shared folder has."""
    path = SHARED / f"keys_{name}.json"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    return json.loads(path.read_text())


def weights(found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix("weight."): tensor for name, tensor in found.items() if name.startswith("weight.")}
