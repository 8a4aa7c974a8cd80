"""How much memory a checkpoint needs, and how much there is."""

import os
from pathlib import Path

import torch

from vivavoce.core.errors import ModelError
from vivavoce.model.step_audio2.weight_only import GROUP, WeightBits

GIB = 1 << 30
BYTES_A_WEIGHT = {"int8": 1 + 0.01, "int4": 0.5 + 4 / GROUP}
MARGIN = 1.05  # over the weights: activations, and a dialogue of moderate length


def needed_bytes(parameters: int, dtype: torch.dtype, weights: WeightBits) -> int:
    """Memory for weights. Embeddings and encoder keep ``dtype`` when the rest is shrunk; that share is small."""
    each = BYTES_A_WEIGHT.get(weights, dtype.itemsize)
    return int(parameters * each * MARGIN)


def free_bytes(device: torch.device) -> int | None:
    """Memory that is free on a device, or None where nobody can tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    limits = [limit for limit in (_available(), _cgroup_limit()) if limit is not None]
    return min(limits) if limits else None


def check_memory(parameters: int, dtype: torch.dtype, weights: WeightBits, device: torch.device) -> None:
    """Refuse to load what will not fit.

    Raises:
        ModelError: says how much is needed and how much is there.
    """
    needed, free = needed_bytes(parameters, dtype, weights), free_bytes(device)
    if free is not None and free < needed:
        smaller = "" if weights == "int4" else "; use VIVAVOCE_WEIGHTS=int8 or int4, a smaller dtype, or a remote server"
        raise ModelError(f"the model needs {needed / GIB:.1f} GiB on {device} and {free / GIB:.1f} GiB are free{smaller}")


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def _cgroup_limit() -> int | None:
    """What a container may still take."""
    folder = Path("/sys/fs/cgroup")
    try:
        return int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return None
