"""How often each gate's output is one, and how often it changes between independent operands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from multipliers.netlists.netlist import Netlist
from multipliers.netlists.simulate import Words, evaluate, operand_words

EXHAUSTIVE_BITS = 24
"""Up to this number of input bits every combination is simulated."""

_BLOCK_BITS = 17
_SAMPLES = 1 << 20
_ONES = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def signal_probabilities(netlist: Netlist, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return the probability that each gate's output is one.

    Inputs are uniform and independent. Up to 24 input bits all combinations are simulated and the
    probabilities are exact; above that 2^20 random ones are, with a standard error below 0.0005.

    Args:
        netlist: The circuit.
        seed: Seed of the random inputs.

    Returns:
        Probabilities, float64 `(gates,)`.

    Examples:
        >>> from multipliers import array_multiplier
        >>> signal_probabilities(array_multiplier(signed=False, width=1)).tolist()
        [0.25]
    """
    bits = netlist.first_gate - 2
    ones = np.zeros(netlist.gate_count, dtype=np.int64)
    combinations = 0

    def count(gate: int, words: Words) -> None:
        ones[gate] += count_ones(words)

    for inputs in _every_input(bits) if bits <= EXHAUSTIVE_BITS else _random_inputs(bits, seed):
        evaluate(netlist, inputs, observe=count)
        combinations += 64 * len(inputs[0]) if inputs else 64
    return ones / combinations


def toggle_probabilities(netlist: Netlist, *, seed: int = 0) -> npt.NDArray[np.float64]:
    """Return the probability that each gate's output changes from one operand pair to the next.

    ``2 p (1 - p)`` for successive pairs that are uniform and independent, p = probability of a one.
    Only settled values count; glitches on the way to them do not.

    Args:
        netlist: The circuit.
        seed: Seed of the random inputs of circuits of more than 24 input bits.

    Returns:
        Probabilities, float64 `(gates,)`.

    Examples:
        >>> from multipliers import array_multiplier
        >>> toggle_probabilities(array_multiplier(signed=False, width=1)).tolist()
        [0.375]
    """
    one = signal_probabilities(netlist, seed=seed)
    return 2 * one * (1 - one)


def count_ones(words: Words) -> int:
    """Return the number of ones in all words together.

    Examples:
        >>> count_ones(np.array([7, 1 << 63], dtype=np.uint64))
        4
    """
    return int(np.count_nonzero(np.unpackbits(words.view(np.uint8)).view(np.bool_)))


def _every_input(bits: int) -> Iterator[list[Words]]:
    """Yield words of all input bits, which together hold every combination equally often."""
    low = operand_words(min(bits, _BLOCK_BITS))
    constants = [np.zeros_like(low[0]), np.full_like(low[0], _ONES)] if low else []
    high = max(0, bits - _BLOCK_BITS)
    for block in range(1 << high):
        yield [*low, *(constants[block >> k & 1] for k in range(high))]


def _random_inputs(bits: int, seed: int) -> Iterator[list[Words]]:
    generator = np.random.default_rng(seed)
    words = (1 << _BLOCK_BITS) // 64
    for _ in range(_SAMPLES >> _BLOCK_BITS):
        yield list(generator.integers(0, _ONES, size=(bits, words), dtype=np.uint64, endpoint=True))
