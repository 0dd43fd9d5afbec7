"""Runs of floats become codes, to the bit and to the byte, in vectors of any length."""

import numba
import numpy as np
import numpy.typing as npt
import pytest

from torchapprox.kernels.quantise.quantise_emitter import quantise_run

LENGTHS = [*range(70), 127, 128, 1000]
BEFORE, AFTER, SIGN = 3, 8, 7


@numba.njit
def compiled(values, of, codes, to, count, factor, shift, low, high):
    """Run what Numba emits."""
    return quantise_run(values, of, codes, to, count, factor, shift, low, high)


def expected(values: npt.NDArray[np.floating], scale: float, shift: int, low: int, high: int):
    """Quantise one by one, in the type of the values."""
    kind = values.dtype.type
    q = [int(np.rint(value * kind(1 / scale)) + kind(shift)) for value in values]
    return [min(max(number, low), high) % 256 for number in q]


@pytest.mark.parametrize("run", [compiled, quantise_run])
@pytest.mark.parametrize("limits", [(0, 127), (-128, 127), (0, 255)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_length_is_quantised_and_nothing_else_is_written(run, limits, dtype) -> None:
    rng = np.random.default_rng(0)
    for count in LENGTHS:
        values = rng.normal(0, 3, count + 5).astype(dtype)
        codes = np.full(BEFORE + count + AFTER, SIGN, np.uint8)
        numbers = (dtype(1 / 0.03), dtype(11), *map(dtype, limits))
        assert not run(values, 2, codes, BEFORE, count, *numbers)
        row = values[2 : 2 + count]
        assert codes[BEFORE : BEFORE + count].tolist() == expected(row, 0.03, 11, *limits)
        assert (codes[:BEFORE] == SIGN).all()
        assert (codes[BEFORE + count :] == SIGN).all()


@pytest.mark.parametrize("run", [compiled, quantise_run])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_value_that_is_not_finite_is_noticed_wherever_it_is(run, bad, dtype) -> None:
    numbers = dtype(1), dtype(0), dtype(0), dtype(127)
    for count in (1, 2, 3, 5, 8, 15, 16, 17, 33, 67):
        codes = np.zeros(count, np.uint8)
        for place in range(count):
            values = np.ones(count, dtype)
            values[place] = bad
            assert run(values, 0, codes, 0, count, *numbers), (count, place)
        outside = np.full(count + 2, bad, dtype)
        outside[1:-1] = 1
        assert not run(outside, 1, codes, 0, count, *numbers)


def test_a_tie_goes_to_the_even_number() -> None:
    values = np.array([0.5, 1.5, 2.5, 3.5, -0.5], np.float32)
    codes = np.zeros(5, np.uint8)
    numbers = map(np.float32, (1, 0, -128, 127))
    assert not compiled(values, 0, codes, 0, 5, *numbers)
    assert codes.tolist() == [0, 2, 2, 4, 0]


def test_values_with_gaps_are_not_read_by_address() -> None:
    values, codes = np.ones(8, np.float32)[::2], np.zeros(4, np.uint8)
    with pytest.raises(numba.TypingError, match="No implementation of function"):
        compiled(values, 0, codes, 0, 4, *map(np.float32, (1, 0, 0, 127)))
