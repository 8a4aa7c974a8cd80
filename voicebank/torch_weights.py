"""Weights in the format that torch wrote before version 1.6, read without torch.

It is a row of pickles (a number, a version, the machine, the object, names of arrays) and then the arrays. Of the pickles
nothing is made but dictionaries and tensors.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vivavoce.core.errors import reason

LEGACY = 0x1950A86A20F9469CFC6C  # the number


class _Tensor(NamedTuple):
    storage: str
    offset: int
    shape: tuple[int, ...]


class _Reader(pickle.Unpickler):
    """Tensors become places in arrays of float32, which are all that it knows."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        known: Mapping[str, Callable[..., Any]] = {
            "collections.OrderedDict": OrderedDict,
            "torch.FloatStorage": float,
            "torch._utils._rebuild_tensor_v2": _tensor,
        }
        if (found := known.get(f"{module}.{name}")) is None:
            raise pickle.UnpicklingError(f"it holds {module}.{name}")
        return found

    def persistent_load(self, pid: Any) -> str:  # noqa: ANN401 - as pickle has it
        return str(pid[2])


def read_weights(path: Path, key: str) -> dict[str, NDArray[np.float32]]:
    """Tensors under a key of what was saved, which all are contiguous and float32.

    Raises:
        ValueError: the file is damaged or holds something else. OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            number, _, _, saved, names = (_Reader(file).load() for _ in range(5))
            if number != LEGACY:
                raise ValueError(f"it begins with {number!r}")
            arrays = {name: _array(file) for name in names}
        return {name: _view(arrays[at.storage], at) for name, at in saved[key].items()}
    except (pickle.UnpicklingError, EOFError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(reason(error)) from error


def _tensor(storage: str, offset: int, shape: tuple[int, ...], *_: Any) -> _Tensor:  # noqa: ANN401 - strides and more
    return _Tensor(storage, offset, shape)


def _array(file: BinaryIO) -> NDArray[np.float32]:
    size = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(size * 4), "<f4")


def _view(array: NDArray[np.float32], at: _Tensor) -> NDArray[np.float32]:
    return array[at.offset : at.offset + int(np.prod(at.shape))].reshape(at.shape)
