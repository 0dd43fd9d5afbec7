"""``pytest benchmarks --benchmark-group-by=param:shape`` times the table products by shape."""

import pytest

from benchmarks.cases import ENGINES, SHAPES, operands


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lut_matmul(benchmark, shape, engine):
    arguments = operands(shape)
    expected = ENGINES["naive loop"](*arguments)
    result = benchmark.pedantic(ENGINES[engine], arguments, rounds=5, warmup_rounds=1)
    assert (result == expected).all()
