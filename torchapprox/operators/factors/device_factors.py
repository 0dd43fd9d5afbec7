"""Factors as CUDA kernels read them, resident on their device, made once for each table."""

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from torchapprox.operators.factors.factor_tables import TableFactors

FLOATS: dict[str, Any] = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True, slots=True)
class DevicePart:
    """The terms that one product of matrices sums up.

    Attributes:
        weight: Factor of the product.
        left: By the code of x, `(r, 256)`: uint8, the bits of int8 features, or floats.
        right: Likewise by the code of w.
    """

    weight: int
    left: Tensor
    right: Tensor


class DeviceFactors:
    """The factors of a table on one device, in the arithmetics that are asked for.

    Args:
        factors: The factors in the host's memory.
        device: The device.

    Attributes:
        factors: The same.
        shifts: What is added for each code of x and of w to int8 products, int64 `(256,)`, or None;
            see `TableFactors`.
    """

    def __init__(self, factors: TableFactors, device: torch.device) -> None:
        self.factors = factors
        self._device = device
        self._parts: dict[str, tuple[DevicePart, ...]] = {}
        x_shift, w_shift = factors.x_shift, factors.w_shift
        self.shifts: tuple[Tensor | None, Tensor | None] = (
            None if x_shift is None else self._resident(x_shift),
            None if w_shift is None else self._resident(w_shift),
        )

    def parts(self, arithmetic: str) -> tuple[DevicePart, ...]:
        """Return the parts of one of the arithmetics "int8", "float32" and "float64"."""
        if arithmetic not in self._parts:
            self._parts[arithmetic] = tuple(
                DevicePart(weight, self._resident(left), self._resident(right))
                for weight, left, right in self._host_parts(arithmetic)
            )
        return self._parts[arithmetic]

    def _host_parts(self, arithmetic: str) -> list[tuple[int, NDArray[Any], NDArray[Any]]]:
        if arithmetic == "int8":
            return [
                (part.weight, part.left.view(np.uint8), part.right.view(np.uint8))
                for part in self.factors.parts
            ]
        kind = FLOATS[arithmetic]
        return [(1, self.factors.left.astype(kind), self.factors.right.astype(kind))]

    def _resident(self, array: NDArray[Any]) -> Tensor:
        with torch.inference_mode(mode=False):
            return torch.from_numpy(array).to(self._device, copy=True)


def device_factors(factors: TableFactors, device: torch.device) -> DeviceFactors:
    """Return the factors on a device; layers with equal tables share them.

    Examples:
        >>> from multipliers import get
        >>> from torchapprox.kernels.lookup.lookup_table import LookupTable
        >>> from torchapprox.operators.factors.factor_tables import table_factors
        >>> factors = table_factors(LookupTable(get("mul8s_tm_k3").lut))
        >>> resident = device_factors(factors, torch.device("cpu"))
        >>> resident is device_factors(factors, torch.device("cpu"))
        True
        >>> [tuple(part.left.shape) for part in resident.parts("int8")]
        [(1, 256)]
    """
    by_device = _resident.setdefault(factors, {})
    if device not in by_device:
        by_device[device] = DeviceFactors(factors, device)
    return by_device[device]


_resident: WeakKeyDictionary[TableFactors, dict[torch.device, DeviceFactors]] = WeakKeyDictionary()
