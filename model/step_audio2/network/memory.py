"""How much memory a checkpoint needs, and how much there is."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from vivavoce.core.errors import ModelError
from vivavoce.model.step_audio2.network.weight_only import GROUP, WeightBits

GIB = 1 << 30
BYTES_A_WEIGHT = {"int8": 1.01, "int4": 0.5 + 4 / GROUP}
MARGIN = 1.05  # over the weights: activations
SHRINKING = ("model.layers.", "lm_head.")  # tensors that are stored in fewer bits where that is asked for


def needed_bytes(shapes: Mapping[str, Sequence[int]], dtype: torch.dtype, weights: WeightBits, cache_mib: int = 0) -> int:
    """Memory for weights of these shapes and for the pasts of dialogues."""
    total = 0.0
    for name, shape in shapes.items():
        shrinks = weights != "full" and name.startswith(SHRINKING) and len(shape) > 1
        total += torch.Size(shape).numel() * (BYTES_A_WEIGHT[weights] if shrinks else dtype.itemsize)
    return int(total * MARGIN) + (cache_mib << 20)


def free_bytes(device: torch.device) -> int | None:
    """Memory that is free on a device, or None where nobody can tell."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    limits = [limit for limit in (_available(), _cgroup_limit()) if limit is not None]
    return min(limits) if limits else None


def check_memory(
    shapes: Mapping[str, Sequence[int]], dtype: torch.dtype, weights: WeightBits, device: torch.device, free: int | None
) -> None:
    """Refuse to load what will not fit. free: bytes on the device, None where nobody can tell.

    Raises:
        ModelError: says how much is needed and how much is there.
    """
    needed = needed_bytes(shapes, dtype, weights)
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
        left = int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())
        cached = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        # Pages of files that were read count as used, but go as soon as memory is wanted.
        return left + sum(int(value) for name, value in cached if name in ("inactive_file", "active_file"))
    except (OSError, ValueError):
        return None
