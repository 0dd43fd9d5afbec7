"""The 8x8-bit multiplier as the rest of the program sees it: two ports and a product table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from multipliers.codes import Int32Array, exact_products
from multipliers.netlist import Netlist
from multipliers.signedness import Signedness, resolve_signedness
from multipliers.simulate import simulate

_INT32 = np.iinfo(np.int32)
_SHAPE = (256, 256)


@dataclass(frozen=True, slots=True)
class Port:
    """Width and signedness of one operand port.

    Args:
        width: Number of bits, at least 1.
        signed: Whether the bits are in two's complement.

    Raises:
        ValueError: If `width` is less than 1.

    Examples:
        >>> print(Port(8, signed=True))
        signed 8-bit (-128..127)
        >>> Port(8, signed=False).high
        255
    """

    width: int
    signed: bool

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ValueError(f"'width' must be at least 1, got {self.width}")

    @property
    def low(self) -> int:
        """Least value that the port accepts."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Greatest value that the port accepts."""
        return (1 << (self.width - self.signed)) - 1

    def __str__(self) -> str:
        sign = "signed" if self.signed else "unsigned"
        return f"{sign} {self.width}-bit ({self.low}..{self.high})"


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """An 8x8-bit multiplier, known by the product of every pair of operand codes.

    Two multipliers are equal if all five fields are; compare `digest` to ask whether they compute
    the same function whatever they are called.

    Args:
        name: What tables and reports call it.
        lut: Products, int32 `(256, 256)`, ``lut[x_code, w_code]``: row = first operand
            (activation, the netlist's first input port), column = second (weight). Copied, and
            read-only from then on.
        x_port: Port of the first operand.
        w_port: Port of the second operand.
        source: Where the table came from: a file, or a function and its arguments.

    Raises:
        TypeError: If `lut` is not an int32 array.
        ValueError: If `lut` has another shape than `(256, 256)`.
        NotImplementedError: If a port is not 8 bits wide.

    Examples:
        >>> from multipliers import Multiplier, exact_products
        >>> multiplier = Multiplier.from_lut(exact_products(True, True) & ~1, name="even")
        >>> print(multiplier)
        even: signed 8-bit (-128..127) x signed 8-bit (-128..127)
        >>> int(multiplier.lut[3, 255]), int(multiplier.error[3, 255])
        (-4, -1)
    """

    name: str
    lut: Int32Array
    x_port: Port
    w_port: Port
    source: str

    def __post_init__(self) -> None:
        if not isinstance(self.lut, np.ndarray) or self.lut.dtype != np.int32:
            raise TypeError(f"'lut' must be int32 (256, 256), got {_describe(self.lut)}")
        if self.lut.shape != _SHAPE:
            raise ValueError(f"'lut' must be int32 (256, 256), got {_describe(self.lut)}")
        for port_name, port in (("x_port", self.x_port), ("w_port", self.w_port)):
            if port.width != 8:
                raise NotImplementedError(
                    f"'{port_name}' must be 8 bits wide, got {port}; "
                    "multipliers of other widths than 8x8 are not supported"
                )
        lut = np.array(self.lut, dtype=np.int32, order="C")
        lut.setflags(write=False)
        object.__setattr__(self, "lut", lut)

    @classmethod
    def from_lut(
        cls,
        lut: npt.ArrayLike,
        *,
        name: str = "table",
        x_signed: bool = True,
        w_signed: bool = True,
        source: str = "table",
    ) -> Multiplier:
        """Make a multiplier from a table of products.

        Args:
            lut: Products, any integer type, `(256, 256)`, row = code of the first operand.
            name: What tables and reports call it.
            x_signed: Whether the first operand is signed.
            w_signed: Whether the second operand is signed.
            source: Where the table came from.

        Returns:
            The multiplier.

        Raises:
            TypeError: If `lut` does not hold integers.
            ValueError: If `lut` has another shape or values that do not fit int32.

        Examples:
            >>> table = np.zeros((256, 256), dtype=np.int64)
            >>> Multiplier.from_lut(table, name="zero").lut.dtype
            dtype('int32')
        """
        table = np.asarray(lut)
        if not np.issubdtype(table.dtype, np.integer):
            raise TypeError(f"'lut' must hold integers (256, 256), got {_describe(table)}")
        if table.shape != _SHAPE:
            raise ValueError(f"'lut' must have shape (256, 256), got {_describe(table)}")
        least, greatest = int(table.min()), int(table.max())
        if least < _INT32.min or greatest > _INT32.max:
            raise ValueError(f"'lut' must fit int32, got values from {least} to {greatest}")
        return cls(name, table.astype(np.int32), Port(8, x_signed), Port(8, w_signed), source)

    @classmethod
    def from_netlist(cls, netlist: Netlist, *, signed: Signedness = None) -> Multiplier:
        """Make a multiplier from a circuit by exhaustive simulation.

        Args:
            netlist: Circuit with two 8-bit input ports, the first of which takes the activation,
                and one 16-bit output port.
            signed: Whether the operands are in two's complement: one answer for both or a pair;
                None takes it from the netlist's name (``mul8s_...``, ``mul8u_...``). The product
                is in two's complement if either operand is.

        Returns:
            The multiplier, named as the netlist.

        Raises:
            NotImplementedError: If the circuit has other ports.
            TypeError: If `signed` is not a bool, a pair of them or None.
            ValueError: If neither `signed` nor the name states the signedness.

        Examples:
            >>> from multipliers import truncated_multiplier
            >>> multiplier = Multiplier.from_netlist(truncated_multiplier(2, signed=True))
            >>> print(multiplier)
            mul8s_tm_k2: signed 8-bit (-128..127) x signed 8-bit (-128..127)
        """
        widths = [bus.width for bus in netlist.inputs], [bus.width for bus in netlist.outputs]
        if widths != ([8, 8], [16]):
            raise NotImplementedError(
                f"a multiplier must have two 8-bit inputs and one 16-bit output, got {netlist}; "
                "simulate() makes the table of other two-operand circuits"
            )
        x_signed, w_signed = resolve_signedness(signed, netlist.name)
        lut = simulate(netlist, signed=x_signed or w_signed)
        source = netlist.source or "netlist"
        return cls(netlist.name, lut, Port(8, x_signed), Port(8, w_signed), source)

    @property
    def exact(self) -> Int32Array:
        """Exact products for these ports, int32 `(256, 256)`, read-only."""
        return exact_products(self.x_port.signed, self.w_port.signed)

    @property
    def error(self) -> Int32Array:
        """Approximate minus exact product, int32 `(256, 256)`, row = code of x.

        Raises:
            OverflowError: If a difference does not fit int32 (a table of no real multiplier).
        """
        error = self.lut.astype(np.int64) - self.exact
        least, greatest = int(error.min()), int(error.max())
        if least < _INT32.min or greatest > _INT32.max:
            raise OverflowError(f"errors from {least} to {greatest} do not fit int32")
        return error.astype(np.int32)

    @property
    def digest(self) -> str:
        """SHA-256 over both ports and the table, 64 hexadecimal digits, equal on every machine."""
        state = hashlib.sha256(f"{self.x_port}, {self.w_port}".encode())
        state.update(self.lut.astype("<i4", copy=False).tobytes())
        return state.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Multiplier):
            return NotImplemented
        return self._labels() == other._labels() and np.array_equal(self.lut, other.lut)

    def __hash__(self) -> int:
        return hash((self._labels(), self.lut.tobytes()))

    def __str__(self) -> str:
        return f"{self.name}: {self.x_port} x {self.w_port}"

    def __repr__(self) -> str:
        return f"<Multiplier {self} from {self.source}>"

    def __reduce__(self) -> tuple[type[Multiplier], tuple[object, ...]]:
        # Through the constructor, so that copies and unpickled tables are read-only too.
        return type(self), (self.name, self.lut, self.x_port, self.w_port, self.source)

    def _labels(self) -> tuple[str, Port, Port, str]:
        return self.name, self.x_port, self.w_port, self.source


def _describe(value: object) -> str:
    """Return dtype and shape of an array, the type's name of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__
