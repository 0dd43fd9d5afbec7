"""The multiplier of one layer, as state that moves, copies and saves with the layer."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from multipliers import Multiplier, Port, exact_products
from torchapprox.layers.state_version import check_state_version
from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.lookup.host_table import host_table
from torchapprox.operators.lookup.lut_matmul import entry_range
from torchapprox.operators.remembered import writes

STATE_VERSION = 1
"""Raised where a checkpoint of this program would be misread by an earlier one."""


class ProductTable(nn.Module):
    """A multiplier's table as a buffer, its name and ports as extra state.

    Starts as the exact signed multiplier. Without a table it stands for the exact product.

    Attributes:
        lut: Products, int32 `(256, 256)`, row = activation code, or None. Stored with the columns
            contiguous, since the kernels run fastest along one weight's products.
    """

    lut: Tensor | None
    _anchor: Tensor
    _known_ports: tuple[dict[str, Any], tuple[Port, Port]] | None = None
    _known_version: tuple[Tensor, int, object] | None = None
    _lut_range: tuple[object, tuple[int, int]] | None = None

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("lut", None)
        # Knows the device where there is no table.
        self.register_buffer("_anchor", torch.empty(0), persistent=False)
        exact = exact_products(x_signed=True, w_signed=True)
        self.assign(Multiplier.from_lut(exact, name="exact", source="exact products"))

    def assign(self, multiplier: Multiplier | None) -> None:
        """Take over a multiplier's table, ports and name; None for the exact product."""
        self._labels: dict[str, Any] | None = None
        if multiplier is None:
            self.lut = None
            return
        self._labels = {
            "name": multiplier.name,
            "source": multiplier.source,
            "x_signed": multiplier.x_port.signed,
            "w_signed": multiplier.w_port.signed,
            "x_width": multiplier.x_port.width,
            "w_width": multiplier.w_port.width,
        }
        self.lut = _columns_contiguous(torch.tensor(multiplier.lut, device=self._anchor.device))

    @property
    def multiplier(self) -> Multiplier | None:
        """The multiplier, as a value of its own; None for the exact product."""
        if self.lut is None or self._labels is None:
            return None
        # A copy, since a table that NumPy shares is compared in every forward pass.
        return Multiplier.from_lut(self.lut.to("cpu", copy=True).numpy(), **self._labels)

    @property
    def name(self) -> str:
        """Name of the multiplier; "exact" without a table."""
        return "exact" if self._labels is None else str(self._labels["name"])

    @property
    def ports(self) -> tuple[Port, Port] | None:
        """Activation and weight port; None where the exact product takes any 8-bit operands."""
        labels, known = self._labels, self._known_ports
        if labels is None:
            return None
        if known is None or known[0] is not labels:
            x_port = Port(labels["x_width"], labels["x_signed"])
            w_port = Port(labels["w_width"], labels["w_signed"])
            known = self._known_ports = labels, (x_port, w_port)
        return known[1]

    @property
    def device(self) -> torch.device:
        """Where the table is, or would be."""
        return self._anchor.device

    @property
    def version(self) -> object:
        """What is another one when the table is replaced or written in place; None without one."""
        if self.lut is None:
            return None
        # The buffer may be written in place, by the user or by load_state_dict.
        count, known = writes(self.lut), self._known_version
        if count is None:
            return object() if on_cuda(self.lut) else host_table(self.lut)
        if known is None or known[0] is not self.lut or known[1] != count:
            # The tensor is kept, since the identity of one that is gone may be that of the next.
            known = self._known_version = self.lut, count, object()
        return known[2]

    @property
    def lut_range(self) -> tuple[int, int] | None:
        """Least and greatest entry of the table, read once per table; None without a table."""
        if self.lut is None:
            return None
        version, known = self.version, self._lut_range
        if known is None or known[0] != version:
            known = self._lut_range = version, entry_range(self.lut)
        return known[1]

    def check_port(self, operand: str, quantiser_range: tuple[int, int] | None) -> None:
        """Raise ValueError if a port does not take every value that a quantiser produces.

        Args:
            operand: "activation" or "weight".
            quantiser_range: Least and greatest value, None if unknown.
        """
        if quantiser_range is None:
            return
        least, greatest = quantiser_range
        if self.ports is None:
            if greatest > (127 if least < 0 else 255) or least < -128:
                raise ValueError(
                    f"the {operand} quantiser's range {least}..{greatest} must fit 8 bits, "
                    "-128..127 or 0..255"
                )
            return
        port = self.ports[operand == "weight"]
        if least < port.low or greatest > port.high:
            raise ValueError(
                f"the {operand} quantiser's range {least}..{greatest} does not fit the "
                f"multiplier's {operand} port, {port}; quantise to a range within "
                f"{port.low}..{port.high}, as torchapprox.qconfig(multiplier) does, or state the "
                "multiplier's ports with Multiplier.from_lut(lut, x_signed=..., w_signed=...)"
            )

    def __getstate__(self) -> dict[str, Any]:
        # A copy's tensor counts its own writes.
        return {**self.__dict__, "_known_version": None, "_lut_range": None}

    def get_extra_state(self) -> dict[str, Any]:
        """Return name, source and ports; only texts, numbers and booleans, for safe loading."""
        return {"version": STATE_VERSION, "labels": self._labels}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_extra_state` returned.

        Raises:
            ValueError: The state is of a later version, or damaged.
        """
        check_state_version(state, STATE_VERSION)
        self._labels = _checked_labels(state.get("labels"))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # A checkpoint with a table loads into a layer without one, and the reverse.
        key = f"{prefix}lut"
        saved = state_dict.get(key)
        if saved is not None and saved.dtype != torch.int32:
            raise TypeError(f"'{key}' must be int32 (256, 256), got {saved.dtype}")
        if saved is not None and self.lut is None:
            table = torch.zeros(256, 256, dtype=torch.int32, device=self._anchor.device)
            self.lut = _columns_contiguous(table)
        elif saved is None and _is_exact_product(state_dict.get(f"{prefix}_extra_state")):
            self.lut = None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def multiplier_of_table(lut: np.ndarray[Any, Any] | Tensor) -> Multiplier:
    """Return the signed multiplier of a table.

    Args:
        lut: Integers, a NumPy array or an int32 tensor, `(256, 256)`, row = activation code.

    Raises:
        TypeError: ``lut`` is neither, or does not hold integers.
        ValueError: Another shape, or an entry beyond int32.

    Examples:
        >>> multiplier_of_table(torch.zeros(256, 256, dtype=torch.int32)).x_port.signed
        True
    """
    if isinstance(lut, Tensor):
        if lut.dtype != torch.int32:
            raise TypeError(f"'lut' must be int32 (256, 256), got {lut.dtype} {tuple(lut.shape)}")
        lut = lut.detach().cpu().numpy()
    elif not isinstance(lut, np.ndarray):
        raise TypeError(
            f"'lut' must be a NumPy array, an int32 tensor or None, got {type(lut).__name__}"
        )
    return Multiplier.from_lut(lut)


def _is_exact_product(state: Any) -> bool:
    """Whether a saved state is that of no table, rather than one whose table is missing."""
    return isinstance(state, dict) and "labels" in state and state["labels"] is None


def _checked_labels(labels: Any) -> dict[str, Any] | None:
    """Return the labels of a checkpoint, or raise ValueError for what `assign` does not make."""
    if labels is None:
        return None
    kinds = {"name": str, "source": str, "x_signed": bool, "w_signed": bool,
             "x_width": int, "w_width": int}  # fmt: skip
    if (
        not isinstance(labels, dict)
        or {name: type(value) for name, value in labels.items()} != kinds
    ):
        raise ValueError(
            f"the checkpoint's multiplier must have {', '.join(kinds)}, got {labels!r}"
        )
    if not all(2 <= labels[width] <= 8 for width in ("x_width", "w_width")):
        raise ValueError(f"the checkpoint's ports must have 2 to 8 bits, got {labels!r}")
    return dict(labels)


def _columns_contiguous(table: Tensor) -> Tensor:
    return table.T.contiguous().T
