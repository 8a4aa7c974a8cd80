"""How much memory a checkpoint needs, and how much there is."""

from collections.abc import Mapping, Sequence

import torch

from vivavoce.core.errors import ModelError
from vivavoce.model.memory import available_bytes
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
    return available_bytes()


def check_memory(
    shapes: Mapping[str, Sequence[int]], dtype: torch.dtype, weights: WeightBits, device: torch.device, free: int | None
) -> None:
    """Refuse to load what will not fit. free: bytes on the device, None where nobody can tell.

    Raises:
        ModelError: says how much is needed and how much is there.
    """
    needed = needed_bytes(shapes, dtype, weights)
    if free is not None and free < needed:
        smaller = (
            ""
            if weights == "int4"
            else "; use VIVAVOCE_STEP_AUDIO2__WEIGHTS=int8 or int4, a smaller dtype, or a remote server"
        )
        raise ModelError(f"the model needs {needed / GIB:.1f} GiB on {device} and {free / GIB:.1f} GiB are free{smaller}")
