"""Exhaustive bit-parallel simulation: every pair of operand codes, 64 pairs per machine word.

Pair p = x_code * 2^w_width + w_code is bit ``p mod 64`` of word ``p // 64``. Operand bit k of the
pair number is therefore periodic: for k < 6 within every word, else over the words. A gate is one
bitwise operation on the words of its fan-ins, and a net's words are dropped after their last use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from multipliers.codes import Int32Array
from multipliers.netlists.gates import FUNCTIONS
from multipliers.netlists.netlist import Netlist, check_netlist
from multipliers.parameters import check_flag

Words = npt.NDArray[np.uint64]

_WIDEST_PAIR = 24  # 2^24 products are a table of 64 MiB
_WIDEST_PRODUCT = 31  # unsigned products must fit int32
_PERIODIC = tuple(np.uint64(sum(1 << bit for bit in range(64) if bit >> k & 1)) for k in range(6))


def simulate(netlist: Netlist, *, signed: bool = False) -> Int32Array:
    """Return the output of a two-operand circuit for every pair of operand codes.

    Args:
        netlist: Circuit with two input ports and one output port.
        signed: Whether the output bits are in two's complement.

    Returns:
        Outputs, int32 `(2^x_width, 2^w_width)`, row = code of the first input port, column = code
        of the second.

    Raises:
        ValueError: If the circuit has other ports, or more than 24 input or 31 output bits.

    Examples:
        >>> from multipliers import array_multiplier
        >>> table = simulate(array_multiplier(signed=False))
        >>> table.shape, int(table[200, 3])
        ((256, 256), 600)
    """
    check_netlist("netlist", netlist)
    check_flag("signed", signed)
    if len(netlist.inputs) != 2 or len(netlist.outputs) != 1:
        raise ValueError(f"'netlist' must have two input ports and one output port, got {netlist}")
    x, w = netlist.inputs
    (product,) = netlist.outputs
    if x.width + w.width > _WIDEST_PAIR or product.width > _WIDEST_PRODUCT:
        raise ValueError(
            f"'netlist' must have at most {_WIDEST_PAIR} input bits and {_WIDEST_PRODUCT} output "
            f"bits, got {netlist}"
        )
    pair_bits = x.width + w.width
    words = operand_words(pair_bits)
    # Bits of the pair number from the least significant: first w's, then x's.
    output = evaluate(netlist, [*words[w.width :], *words[: w.width]])
    table = _join_bits(output, signed=signed)[: 1 << pair_bits]
    return table.reshape(1 << x.width, 1 << w.width)


def operand_words(bits: int) -> list[Words]:
    """Return bit k of every number below ``2^bits``, for each k.

    Args:
        bits: Number of bits.

    Returns:
        For each k a uint64 `(max(1, 2^bits / 64),)`; numbers below 64 fill one word periodically.

    Examples:
        >>> [hex(word) for (word,) in operand_words(2)]
        ['0xaaaaaaaaaaaaaaaa', '0xcccccccccccccccc']
    """
    index = np.arange(max(1, 1 << bits >> 6), dtype=np.uint64)
    words = [np.full_like(index, pattern) for pattern in _PERIODIC[:bits]]
    ones = np.uint64(0xFFFF_FFFF_FFFF_FFFF)
    return words + [(index >> np.uint64(k) & np.uint64(1)) * ones for k in range(bits - 6)]


def evaluate(
    netlist: Netlist,
    inputs: list[Words],
    *,
    observe: Callable[[int, Words], None] | None = None,
) -> list[Words]:
    """Run a netlist on words of input bits.

    Args:
        netlist: The circuit.
        inputs: Words of each input bit in the order of their nets, uint64, all of one shape.
        observe: Called with the number of each gate and the words at its output, which are not to
            be changed.

    Returns:
        Words of each output bit, ports in order, the least significant bit first.

    Raises:
        ValueError: If the number of inputs is not the netlist's.

    Examples:
        >>> from multipliers import array_multiplier
        >>> bits = [np.array([bit], dtype=np.uint64) for bit in (1, 1, 0, 1)]
        >>> [int(word[0]) & 1 for word in evaluate(array_multiplier(signed=False, width=2), bits)]
        [0, 1, 1, 0]
    """
    if len(inputs) != netlist.first_gate - 2:
        raise ValueError(f"'inputs' must be {netlist.first_gate - 2} bits, got {len(inputs)}")
    zero = np.zeros_like(inputs[0]) if inputs else np.zeros(1, dtype=np.uint64)
    nets: list[Words | None] = [zero, ~zero, *inputs]
    kept = {net for bus in netlist.outputs for net in bus.nets} | {0, 1}
    gates = zip(netlist.op.tolist(), netlist.fan_in.tolist(), _last_uses(netlist), strict=True)
    for gate, (op, fan_in, last) in enumerate(gates):
        a, b, c = fan_in
        result = FUNCTIONS[op](nets[a], nets[b], nets[c])
        nets.append(result)
        if observe is not None:
            observe(gate, result)
        for net in last:
            if net not in kept:
                nets[net] = None
    outputs = [nets[net] for bus in netlist.outputs for net in bus.nets]
    return [words for words in outputs if words is not None]


def _last_uses(netlist: Netlist) -> list[list[int]]:
    """Return for each gate the nets that no later gate reads."""
    seen: set[int] = set()
    last: list[list[int]] = []
    for fan_in in reversed(netlist.fan_in.tolist()):
        last.append([net for net in fan_in if net not in seen])
        seen.update(fan_in)
    return last[::-1]


def _join_bits(bits: list[Words], *, signed: bool) -> Int32Array:
    """Return the numbers whose bits, the least significant first, are given in words."""
    numbers = np.zeros(64 * len(bits[0]) if bits else 64, dtype=np.int32)
    for k, words in enumerate(bits):
        octets = words.astype("<u8", copy=False).view(np.uint8)
        weight = -(1 << k) if signed and k == len(bits) - 1 else 1 << k
        numbers += np.unpackbits(octets, bitorder="little") * np.int32(weight)
    return numbers
