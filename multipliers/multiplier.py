"""The multiplier as the rest of the program sees it: two ports and a product table.

Every table is indexed by 8-bit codes, whatever the ports' widths: a port of fewer bits reads the
low bits of a code, as the wires of a circuit do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from multipliers.codes import Int32Array, code_values, exact_products
from multipliers.netlists.netlist import Netlist, check_netlist
from multipliers.netlists.simulate import simulate
from multipliers.parameters import check_flag, check_kind, check_parameter, shown
from multipliers.ports import WIDEST_PORT, Port
from multipliers.signedness import Signedness, resolve_signedness
from multipliers.tabulate import tabulate

CodeArray = npt.NDArray[np.uint8]

_INT32 = np.iinfo(np.int32)
_SHAPE = (256, 256)
_WIDTHS = range(2, 9)


@dataclass(frozen=True, slots=True, eq=False)
class Multiplier:
    """A multiplier of 2 to 8 bits a port, known by the product of every pair of operand codes.

    Two multipliers are equal if all five arguments are; compare `digest` to ask whether they
    compute the same function whatever they are called.

    Args:
        name: What tables and reports call it.
        lut: Products, int32 `(256, 256)`, ``lut[x_code, w_code]``: row = first operand
            (activation, the netlist's first input port), column = second (weight). Copied, and
            read-only from then on. Where a port reads fewer than 8 bits, codes that agree in
            these have the same products.
        x_port: Port of the first operand, 2 to 8 bits.
        w_port: Port of the second operand, 2 to 8 bits.
        source: Where the table came from: a file, or a function and its arguments.

    Raises:
        TypeError: If `lut` is not an int32 array.
        ValueError: If `lut` has another shape than `(256, 256)`, or its products depend on bits
            that a port does not read.
        NotImplementedError: If a port is not 2 to 8 bits wide.

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
    _digest: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.lut, np.ndarray) or self.lut.dtype != np.int32:
            raise TypeError(f"'lut' must be int32 (256, 256), got {_describe(self.lut)}")
        if self.lut.shape != _SHAPE:
            raise ValueError(f"'lut' must be int32 (256, 256), got {_describe(self.lut)}")
        for each in ("name", "source"):
            text = getattr(self, each)
            check_kind(each, text, str)
            # Of a subclass, such as NumPy's, a checkpoint would be of a class that nobody allowed.
            object.__setattr__(self, each, str(text))
        _check_ports(self.x_port, self.w_port)
        own = self.lut[: 1 << self.x_port.width, : 1 << self.w_port.width]
        if not np.array_equal(_embed(own), self.lut):
            raise ValueError(
                f"'lut' must have equal products for codes that agree in the bits of the ports, "
                f"{self.x_port} x {self.w_port}; Multiplier.from_lut takes a table of these alone"
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
        x_width: int = 8,
        w_width: int = 8,
        source: str = "table",
    ) -> Multiplier:
        """Make a multiplier from a table of products.

        Args:
            lut: Products, any integer type, row = code of the first operand: `(256, 256)`, or
                `(2^x_width, 2^w_width)` for the codes of narrower ports alone.
            name: What tables and reports call it.
            x_signed: Whether the first operand is signed.
            w_signed: Whether the second operand is signed.
            x_width: Number of bits of the first operand, 2 to 8.
            w_width: Number of bits of the second operand, 2 to 8.
            source: Where the table came from.

        Returns:
            The multiplier.

        Raises:
            TypeError: If `lut` does not hold integers.
            ValueError: If `lut` has another shape or values that do not fit int32, or its products
                depend on bits that a port does not read.
            NotImplementedError: If a width is not 2 to 8.

        Examples:
            >>> table = np.zeros((256, 256), dtype=np.int64)
            >>> Multiplier.from_lut(table, name="zero").lut.dtype
            dtype('int32')
            >>> print(Multiplier.from_lut(table[:16, :4], x_width=4, w_width=2))
            table: signed 4-bit (-8..7) x signed 2-bit (-2..1)
        """
        table = np.asarray(lut)
        if not np.issubdtype(table.dtype, np.integer):
            raise TypeError(f"'lut' must hold integers (256, 256), got {_describe(table)}")
        check_flag("x_signed", x_signed)
        check_flag("w_signed", w_signed)
        x_width = check_parameter("x_width", x_width, 1, WIDEST_PORT)
        w_width = check_parameter("w_width", w_width, 1, WIDEST_PORT)
        x_port, w_port = Port(x_width, x_signed), Port(w_width, w_signed)
        _check_ports(x_port, w_port)
        own = (1 << x_width, 1 << w_width)
        if table.shape not in (_SHAPE, own):
            shapes = " or ".join(str(shape) for shape in dict.fromkeys((_SHAPE, own)))
            raise ValueError(f"'lut' must have shape {shapes}, got {_describe(table)}")
        least, greatest = int(table.min()), int(table.max())
        if least < _INT32.min or greatest > _INT32.max:
            raise ValueError(f"'lut' must fit int32, got values from {least} to {greatest}")
        table = table.astype(np.int32)
        return cls(name, _embed(table), x_port, w_port, source)

    @classmethod
    def from_function(
        cls,
        function: Callable[[Any, Any], Any],
        *,
        name: str,
        x_port: Port,
        w_port: Port,
        vectorised: bool = True,
        source: str = "function",
    ) -> Multiplier:
        """Make a multiplier from a function of the operands' values.

        Args:
            function: Takes values of the first and of the second operand and returns their
                products: int64 arrays of one shape in, integers of that shape out.
            name: What tables and reports call it.
            x_port: Port of the first operand, 2 to 8 bits.
            w_port: Port of the second operand, 2 to 8 bits.
            vectorised: False for a function of two Python integers, which is called once a pair.
            source: Where the function came from.

        Returns:
            The multiplier.

        Raises:
            TypeError: If the products are no integers.
            ValueError: If they have another shape than the operands, or do not fit int32.
            NotImplementedError: If a port is not 2 to 8 bits wide.

        Examples:
            >>> port = Port(4, signed=False)
            >>> tm1 = Multiplier.from_function(
            ...     lambda x, w: (x & ~1) * (w & ~1), name="tm1", x_port=port, w_port=port
            ... )
            >>> int(tm1.lut[15, 15]), int(tm1.lut[255, 15])
            (196, 196)
        """
        _check_ports(x_port, w_port)
        check_flag("vectorised", vectorised)
        own = tabulate(function, x_port, w_port=w_port, vectorised=vectorised)
        return cls.from_lut(
            own,
            name=name,
            x_signed=x_port.signed,
            w_signed=w_port.signed,
            x_width=x_port.width,
            w_width=w_port.width,
            source=source,
        )

    @classmethod
    def from_netlist(cls, netlist: Netlist, *, signed: Signedness = None) -> Multiplier:
        """Make a multiplier from a circuit by exhaustive simulation.

        Args:
            netlist: Circuit with two input ports of 2 to 8 bits, the first of which takes the
                activation, and one output port as wide as both together.
            signed: Whether the operands are in two's complement: one answer for both or a pair;
                None takes it from the ports' declarations or the netlist's name (``mul8s_...``,
                ``mul8u_...``). The product is in two's complement if either operand is.

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
        check_netlist("netlist", netlist)
        widths = [bus.width for bus in netlist.inputs]
        product = [bus.width for bus in netlist.outputs]
        if len(widths) != 2 or product != [sum(widths)] or not set(widths) <= set(_WIDTHS):
            raise NotImplementedError(
                "a multiplier must have two inputs of 2 to 8 bits and one output as wide as both "
                f"together, got {netlist}; simulate() makes the table of other two-operand "
                "circuits, netlist_function() a function of wider ones"
            )
        x_signed, w_signed = resolve_signedness(
            signed, netlist.name, declared=netlist.declared_signs
        )
        lut = _embed(simulate(netlist, signed=x_signed or w_signed))
        source = netlist.source or "netlist"
        return cls(netlist.name, lut, Port(widths[0], x_signed), Port(widths[1], w_signed), source)

    @property
    def valid(self) -> tuple[CodeArray, CodeArray]:
        """Codes of the values that each port accepts, ascending, uint8 `(2^width,)` each.

        A signed 4-bit port accepts -8..7, which are the 8-bit codes 0..7 and 248..255; the other
        codes look up what their low four bits give.

        Examples:
            >>> port = Port(2, signed=True)
            >>> table = np.zeros((4, 4), dtype=int)
            >>> Multiplier.from_lut(table, x_width=2, w_width=2).valid[0].tolist()
            [0, 1, 254, 255]
        """
        return _own_codes(self.x_port), _own_codes(self.w_port)

    @property
    def exact(self) -> Int32Array:
        """Exact products for these ports, int32 `(256, 256)`, read-only."""
        return exact_products(
            self.x_port.signed,
            self.w_port.signed,
            x_width=self.x_port.width,
            w_width=self.w_port.width,
        )

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
        """SHA-256 over both ports and the table of their codes, 64 hexadecimal digits."""
        if not self._digest:  # found once, for nothing that it depends on can change
            state = hashlib.sha256(f"{self.x_port}, {self.w_port}".encode())
            own = self.lut[: 1 << self.x_port.width, : 1 << self.w_port.width]
            state.update(own.astype("<i4", copy=False).tobytes())
            object.__setattr__(self, "_digest", state.hexdigest())
        return self._digest

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


def _check_ports(x_port: Port, w_port: Port) -> None:
    for name, port in (("x_port", x_port), ("w_port", w_port)):
        check_kind(name, port, Port)
        if port.width not in _WIDTHS:
            raise NotImplementedError(
                f"'{name}' must be 2 to 8 bits wide, got {port}; "
                "characterise_function() measures multipliers of other widths"
            )


def _embed(own: Int32Array) -> Int32Array:
    """Return the table by 8-bit codes of a table by the codes of narrower ports."""
    repeats = 256 // own.shape[0], 256 // own.shape[1]
    return own if repeats == (1, 1) else np.tile(own, repeats)


def _own_codes(port: Port) -> CodeArray:
    read = code_values(port.signed, width=port.width)
    return np.flatnonzero(read == code_values(port.signed)).astype(np.uint8)


def _describe(value: object) -> str:
    """Return dtype and shape of an array, the type's name of anything else."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__


def check_multiplier(name: str, value: object) -> None:
    """Refuse what is no multiplier.

    Args:
        name: What the caller's signature calls it.
        value: What the caller passed.

    Raises:
        TypeError: If `value` is not a Multiplier.

    Examples:
        >>> check_multiplier("multiplier", "drum4")
        Traceback (most recent call last):
        TypeError: 'multiplier' must be a Multiplier, got 'drum4'; get() makes one of a name, load()
        of a file and Multiplier.from_lut() of a table
    """
    advice = "get() makes one of a name, load() of a file and Multiplier.from_lut() of a table"
    check_kind(name, value, Multiplier, advice=advice)


def check_multipliers(name: str, values: object) -> None:
    """Refuse what is no sequence of multipliers, such as a single one.

    Args:
        name: What the caller's signature calls it.
        values: What the caller passed.

    Raises:
        TypeError: If `values` is no sequence, or one of them is of another class.

    Examples:
        >>> check_multipliers("multipliers", "drum4")
        Traceback (most recent call last):
        TypeError: 'multipliers' must be a sequence of Multipliers, got 'drum4'; put it into a list
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(
            f"'{name}' must be a sequence of Multipliers, got {shown(values)}; put it into a list"
        )
    for value in values:
        check_multiplier(name, value)


def check_same_ports(name: str, values: Sequence[Multiplier]) -> None:
    """Refuse multipliers of different ports, for one network has quantisers for one kind.

    Args:
        name: What the caller's signature calls them.
        values: The multipliers.

    Raises:
        ValueError: If one has other ports than the first.

    Examples:
        >>> first = Multiplier.from_lut(exact_products(True, True), name="first")
        >>> other = Multiplier.from_lut(first.lut, name="other", w_signed=False)
        >>> check_same_ports("multipliers", [first, other])
        Traceback (most recent call last):
        ValueError: 'multipliers' must have the same ports, got first: signed 8-bit (-128..127) ...
    """
    for other in values[1:]:
        if (other.x_port, other.w_port) != (values[0].x_port, values[0].w_port):
            raise ValueError(f"'{name}' must have the same ports, got {values[0]}, and {other}")
