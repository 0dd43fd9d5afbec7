"""Which words of features multiply a product, with activations of few codes and of all."""

import numpy as np
import pytest
import torch

from torchapprox.kernels.features.byte_tables import ByteTables
from torchapprox.kernels.features.pair_tables import PairTables
from torchapprox.kernels.features.pair_unit import PairUnit
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.factors import factor_products
from torchapprox.operators.factors.factor_products import factor_conv, factor_matmul
from torchapprox.operators.factors.factor_tables import FEW, table_factors
from torchapprox.operators.lookup.exact_table import exact_table
from torchapprox.operators.lookup.lut_conv import lut_conv
from torchapprox.operators.lookup.lut_matmul import lut_matmul

EXACT = exact_table(x_signed=False, w_signed=True, device=torch.device("cpu"))
FACTORS = table_factors(LookupTable(EXACT.numpy()))
# What AVX2 gives, with and without its instruction, which any CPU can do without.
SMALL, ANY = PairUnit(8, "small", 4, rows=4), PairUnit(4, "", 4)


@pytest.fixture
def tables_taken(monkeypatch):
    """Multiply small bytes only, as with AVX2, in its width and without its instruction."""
    taken = []
    kernel = factor_products.multiply_features_cpu
    monkeypatch.setattr(ByteTables, "unit", lambda tables: SMALL if tables.small else ANY)

    def multiply(*operands, **options):
        right = operands[3]
        taken.append(type(right))
        unit = None
        if isinstance(right, ByteTables):
            unit = SMALL._replace(instruction="", unsigned_rows=right.unsigned_rows)
        kernel(*operands, unit=unit, **options)

    monkeypatch.setattr(factor_products, "multiply_features_cpu", multiply)
    return taken


def codes(*shape, most):
    generator = torch.Generator().manual_seed(most)
    found = torch.randint(0, most + 1, shape, generator=generator).to(torch.uint8)
    found.view(-1)[-1] = most
    return found


@pytest.mark.parametrize(
    ("most", "kind"), [(FEW - 1, ByteTables), (FEW, PairTables), (255, PairTables)]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_activations_of_7_bits_are_multiplied_in_bytes(most, kind, transposed, tables_taken):
    """Whichever operand the kernel's rows are, which the result's layout decides."""
    x, w = codes(2, 13, 37, most=most), codes(2, 18, 37, most=255)
    wanted = lut_matmul(x, w, EXACT, engine="lookup")
    out = torch.empty(2, 18, 13, dtype=torch.int32).mT if transposed else torch.empty_like(wanted)
    factor_matmul(x, w, FACTORS, out)
    assert torch.equal(out, wanted)
    assert tables_taken == [kind]


@pytest.mark.parametrize(("most", "kind"), [(FEW - 1, ByteTables), (FEW, PairTables)])
def test_convolutions_of_activations_of_7_bits(most, kind, tables_taken):
    x, w = codes(2, 10, 7, 9, most=most), codes(8, 5, 3, 3, most=255)
    steps = {"stride": (1, 2), "dilation": (1, 1), "groups": 2}
    wanted = lut_conv(x, w, EXACT, engine="lookup", **steps)
    out = torch.empty_like(wanted)
    factor_conv(x, w, ConvShape.of(x.shape, w.shape, *steps.values()), FACTORS, out)
    assert torch.equal(out, wanted)
    assert tables_taken == [kind]


def test_small_features_of_all_codes_need_no_look_at_them(tables_taken):
    source = np.random.default_rng(0)
    left, right = source.integers(-20, 20, (256, 2)), source.integers(-9, 30, (2, 256))
    table = torch.from_numpy((left @ right).astype(np.int32))
    factors = table_factors(LookupTable(table.numpy()))
    assert factors.w_rows[0].small
    assert factors.x_rows[0].small
    x, w = codes(1, 9, 20, most=255), codes(1, 11, 20, most=255)
    out = torch.empty(1, 9, 11, dtype=torch.int32)
    factor_matmul(x, w, factors, out)
    assert torch.equal(out, lut_matmul(x, w, table, engine="lookup"))
    assert tables_taken == [ByteTables]


def test_products_of_nothing_are_zero(tables_taken):
    out = torch.full((1, 3, 2), 7, dtype=torch.int32)
    none = torch.empty(1, 3, 0, dtype=torch.uint8), torch.empty(1, 2, 0, dtype=torch.uint8)
    factor_matmul(*none, FACTORS, out)
    assert (out == 0).all()
    assert tables_taken == [PairTables]
