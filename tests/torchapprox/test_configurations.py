"""What the random layers are drawn from: nothing behind which a mistake could hide."""

import numpy as np
import pytest

from multipliers import exact_products
from tests.torchapprox.configurations import Configuration

DRAWN = [Configuration(seed) for seed in range(150)]


def share(condition):
    return sum(map(condition, DRAWN)) / len(DRAWN)


def is_exact(configuration):
    ports = configuration.multiplier.x_port.signed, configuration.multiplier.w_port.signed
    return np.array_equal(configuration.multiplier.lut, exact_products(*ports))


def test_tables_are_no_transposes_of_themselves():
    symmetric = [c for c in DRAWN if np.array_equal(c.multiplier.lut, c.multiplier.lut.T)]
    assert all(map(is_exact, symmetric))
    assert 0.05 < share(is_exact) < 0.4


def test_entries_have_both_signs_and_need_more_than_float32():
    assert share(lambda c: c.multiplier.lut.min() < 0 < c.multiplier.lut.max()) > 0.8
    assert share(lambda c: int(np.abs(c.multiplier.lut.astype(np.int64)).max()) > 2**24) > 0.1


@pytest.mark.parametrize("zero", [0, 128])
def test_zero_points_are_elsewhere(zero):
    assert share(lambda c: c.x.zero_points[0] != zero) > 0.8
    weights = [c.weights(3) for c in DRAWN]
    assert sum(any(z != zero for z in w.zero_points) for w in weights) > 50
    assert sum(len(set(w.zero_points)) > 1 for w in weights) > 20


def test_operands_have_both_signs():
    values = np.concatenate([c.reals(c.x, (20,)).numpy() for c in DRAWN])
    assert 0.2 < (values < 0).mean() < 0.8


def test_every_combination_of_ports_occurs():
    assert {c.ports for c in DRAWN} == {"s8 x s8", "u8 x u8", "s8 x u8", "u8 x s8"}
