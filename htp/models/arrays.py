"""What a model needs of NumPy arrays and of PyTorch tensors alike, without importing PyTorch."""

import sys
from typing import Any

import numpy as np

CODES = 256


def library(array: Any) -> Any:
    """Return the module that an array belongs to: ``numpy`` or ``torch``.

    Examples:
        >>> library(np.zeros(1)).__name__
        'numpy'
    """
    return sys.modules[type(array).__module__.partition(".")[0]]


def stack(features: list[Any], axis: int) -> Any:
    """Put arrays of one shape side by side along an axis, the first elements of all first.

    Args:
        features: r arrays or tensors, `(..., C, ...)`.
        axis: The axis of C, negative.

    Returns:
        `(..., C * r, ...)`, element ``c * r + k`` being element c of array k. Neighbouring
        elements stay together, so that the groups of a convolution do.

    Examples:
        >>> stack([np.array([1, 2]), np.array([10, 20])], -1).tolist()
        [1, 10, 2, 20]
    """
    shape = list(features[0].shape)
    shape[axis] *= len(features)
    return library(features[0]).stack(features, axis).reshape(shape)


def look_up(table: tuple[float, ...], values: Any) -> Any:
    """Return the entry of each value's code, of the values' type and device.

    Args:
        table: 256 numbers, by operand code.
        values: Integer-valued floats of any shape; a value's code is its low eight bits.

    Examples:
        >>> look_up(tuple(range(0, 512, 2)), np.array([3.0, -1.0])).tolist()
        [6.0, 510.0]
    """
    if isinstance(values, np.ndarray):
        return np.asarray(table, values.dtype)[values.astype(np.int64) & (CODES - 1)]
    return _tensor(table, values)[values.long() & (CODES - 1)]


_tensors: dict[tuple[Any, ...], Any] = {}
_MOST_TENSORS = 4096


def _tensor(table: tuple[float, ...], like: Any) -> Any:
    """Return a table as a tensor; each table goes to a device once."""
    key = (table, like.dtype, like.device)
    if key in _tensors:
        return _tensors[key]
    torch = library(like)
    tensor = torch.tensor(table, dtype=like.dtype, device=like.device)
    # The stand-ins of a tracer must not outlive it.
    if type(tensor) is torch.Tensor and not tensor.is_inference():
        # A list of all keys is made in one step, whatever other threads add meanwhile.
        for oldest in list(_tensors)[: max(0, len(_tensors) + 1 - _MOST_TENSORS)]:
            _tensors.pop(oldest, None)
        _tensors[key] = tensor
    return tensor
