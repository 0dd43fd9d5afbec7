"""A two-operand circuit as a function of arrays of operand values.

64 pairs share a machine word, as in the exhaustive simulation: bit k of every operand is packed
into words, the gates run on these, and the product's bits are unpacked into numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from multipliers.netlists.netlist import Netlist, check_netlist
from multipliers.netlists.simulate import Words, evaluate
from multipliers.ports import Port
from multipliers.signedness import Signedness, resolve_signedness

Int64Array = npt.NDArray[np.int64]

_PAIRS_PER_BLOCK = 1 << 17  # a net's words then are 16 KiB, and those of a circuit stay in cache
_WIDEST_PRODUCT = 40


def netlist_function(
    netlist: Netlist, *, signed: Signedness = None
) -> Callable[[npt.ArrayLike, npt.ArrayLike], Int64Array]:
    """Return the function of two operand values that a circuit computes.

    Args:
        netlist: Circuit with two input ports of at most 16 bits and one output port of at most 40.
        signed: Whether the operands are in two's complement: one answer for both or a pair; None
            takes it from the ports' declarations or the netlist's name (``mul12s_...``). The
            product is in two's complement if either operand is.

    Returns:
        Function of two arrays of integers, which broadcast; it returns the products, int64. It
        raises TypeError for anything but integers and ValueError for values that a port does not
        accept.

    Raises:
        TypeError: If `signed` is not a bool, a pair of them or None.
        ValueError: If the circuit has other ports, or neither `signed` nor the name states the
            signedness.

    Examples:
        >>> from multipliers import array_multiplier
        >>> multiply = netlist_function(array_multiplier(signed=True, width=12))
        >>> multiply([[-2048], [5]], [2047, -3]).tolist()
        [[-4192256, 6144], [10235, -15]]
    """
    check_netlist("netlist", netlist)
    if len(netlist.inputs) != 2 or len(netlist.outputs) != 1:
        raise ValueError(f"'netlist' must have two input ports and one output port, got {netlist}")
    if not 1 <= netlist.outputs[0].width <= _WIDEST_PRODUCT:
        raise ValueError(f"'netlist' must have 1 to {_WIDEST_PRODUCT} output bits, got {netlist}")
    flags = resolve_signedness(signed, netlist.name, declared=netlist.declared_signs)
    x_port, w_port = (
        Port(bus.width, flag) for bus, flag in zip(netlist.inputs, flags, strict=True)
    )

    def function(x: npt.ArrayLike, w: npt.ArrayLike) -> Int64Array:
        x_values, w_values = np.broadcast_arrays(_operand("x", x, x_port), _operand("w", w, w_port))
        products = np.empty(x_values.size, dtype=np.int64)
        x_flat, w_flat = x_values.reshape(-1), w_values.reshape(-1)
        for start in range(0, products.size, _PAIRS_PER_BLOCK):
            block = slice(start, start + _PAIRS_PER_BLOCK)
            inputs = [
                *pack_bits(x_flat[block], x_port.width),
                *pack_bits(w_flat[block], w_port.width),
            ]
            _unpack_bits(evaluate(netlist, inputs), products[block], signed=any(flags))
        return products.reshape(x_values.shape)

    return function


def pack_bits(values: npt.NDArray[np.integer], width: int) -> list[Words]:
    """Return bit k of every value, for each k, 64 values per word.

    Args:
        values: Integers, `(values,)`; negative ones count in two's complement.
        width: Number of bits, at most 16.

    Returns:
        For each k a uint64 `(ceil(values / 64),)`; value v is bit ``v mod 64`` of word ``v // 64``,
        and bits beyond the last value are 0.

    Examples:
        >>> [bin(int(words[0])) for words in pack_bits(np.array([1, 3, -1]), 2)]
        ['0b111', '0b110']
    """
    patterns = np.zeros(-(-len(values) // 64) * 64, dtype="<u2")
    patterns[: len(values)] = values.astype(np.uint16)
    octets = patterns.view(np.uint8).reshape(-1, 2)
    words = []
    for k in range(width):
        bits = octets[:, k // 8] & np.uint8(1 << k % 8)
        packed = np.packbits(bits, bitorder="little").view("<u8")
        words.append(packed.astype(np.uint64, copy=False))
    return words


def _unpack_bits(bits: list[Words], numbers: Int64Array, *, signed: bool) -> None:
    """Fill in the numbers whose bits, the least significant first, are given in words."""
    numbers[:] = 0
    for k, words in enumerate(bits):
        octets = words.astype("<u8", copy=False).view(np.uint8)
        ones = np.unpackbits(octets, count=len(numbers), bitorder="little")
        weight = -(1 << k) if signed and k == len(bits) - 1 else 1 << k
        numbers += ones * np.int64(weight)


def _operand(name: str, values: npt.ArrayLike, port: Port) -> npt.NDArray[np.integer]:
    array = np.asarray(values)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"'{name}' must be integers, got {array.dtype} {array.shape}")
    if array.size and not port.low <= int(array.min()) <= int(array.max()) <= port.high:
        raise ValueError(
            f"'{name}' must fit the port, {port}, got values from {array.min()} to {array.max()}"
        )
    return array
