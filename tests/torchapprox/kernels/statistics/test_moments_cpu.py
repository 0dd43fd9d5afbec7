"""Mean and squared deviations against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest

from torchapprox.kernels import moments_cpu
from torchapprox.kernels.statistics.moments_cpu import BLOCK


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 15, 16, 1000, BLOCK, BLOCK + 1, 11 * BLOCK + 7])
def test_equals_exact_sums(size, kind):
    values = (np.random.default_rng(size).standard_normal(size) * 3 + 100).astype(kind)
    exact = [Fraction(float(value)) for value in values[:1000]]
    mean, squares = moments_cpu(values[:1000], threads=1)
    middle = sum(exact) / len(exact)
    assert mean == pytest.approx(float(middle), rel=1e-14)
    wanted = float(sum((value - middle) ** 2 for value in exact))
    assert squares == pytest.approx(wanted, rel=1e-12, abs=1e-18)
    one, two = (moments_cpu(values, threads=threads) for threads in (1, 2))
    assert one == two
    wide = values.astype(np.float64)
    assert one[0] == pytest.approx(wide.mean(), rel=1e-13)
    assert one[1] == pytest.approx(((wide - wide.mean()) ** 2).sum(), rel=1e-11, abs=1e-18)
