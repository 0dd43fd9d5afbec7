"""What follows from the definitions: symmetry, exactness, monotony, signs, shapes, refusals."""

from functools import partial

import numpy as np
import pytest

from multipliers import code_values, families

UNSIGNED = code_values(False).astype(np.int64)
SIGNED = code_values(True).astype(np.int64)
OF_MAGNITUDES = [
    families.udm,
    partial(families.drum, k=4),
    families.mitchell,
    partial(families.ilm, e=1),
    families.mbm,
    families.roba,
    partial(families.ssm, m=5),
    partial(families.essm, m=4),
    partial(families.tosam, h=1, t=4),
]
COMMUTATIVE = [
    *OF_MAGNITUDES,
    partial(families.bam, h=0, v=6),
    partial(families.ct, v=6, corrected=True),
    partial(families.tm, k=2),
]
OF_PARTIAL_PRODUCTS = [
    partial(families.ppp, j=1, k=2),
    partial(families.bam, h=2, v=6),
    partial(families.ct, v=6, corrected=True),
    partial(families.tm, k=2),
]


def table(function, values=UNSIGNED, **arguments):
    return function(values[:, None], values[None, :], **arguments)


def mean_distance(function, **arguments):
    return np.abs(table(function, **arguments) - np.outer(UNSIGNED, UNSIGNED)).mean()


@pytest.mark.parametrize("function", COMMUTATIVE)
def test_operands_commute(function):
    products = table(function)
    assert np.array_equal(products, products.T)


@pytest.mark.parametrize(
    "function", [partial(families.ppp, j=0, k=2), partial(families.bam, h=3, v=0)]
)
def test_rows_are_those_of_the_second_operand(function):
    products = table(function)
    assert products[7, 1] == 0
    assert products[1, 7] != products[7, 1] or products[1, 8] != products[8, 1]
    assert not np.array_equal(products, products.T)


@pytest.mark.parametrize("width", [2, 5, 8])
@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (families.drum, lambda n: {"k": n}),
        (families.ilm, lambda n: {"e": n - 1}),
        (families.ssm, lambda n: {"m": n}),
        (families.essm, lambda n: {"m": n}),
        (families.ppp, lambda n: {"j": n - 1, "k": 0}),
        (families.bam, lambda _n: {"h": 0, "v": 0}),
        (families.ct, lambda _n: {"v": 0, "corrected": True}),
        (families.tm, lambda _n: {"k": 0}),
    ],
)
def test_parameters_that_make_it_exact(function, exact, width):
    values = np.arange(1 << width)
    products = function(values[:, None], values, width=width, **exact(width))
    assert np.array_equal(products, np.outer(values, values))


@pytest.mark.parametrize(
    ("function", "better_and_better"),
    [
        (families.drum, [{"k": k} for k in range(2, 9)]),
        (families.ilm, [{"e": e} for e in range(8)]),
        (families.ssm, [{"m": m} for m in range(4, 9)]),
        (families.essm, [{"m": m} for m in (4, 6, 8)]),
        (families.tosam, [{"h": h, "t": 7} for h in range(8)]),
        (families.ppp, [{"j": 1, "k": k} for k in range(7, -1, -1)]),
        (families.bam, [{"h": 0, "v": v} for v in range(15, -1, -1)]),
        (families.bam, [{"h": h, "v": 3} for h in range(8, -1, -1)]),
        (families.tm, [{"k": k} for k in range(8, -1, -1)]),
    ],
)
def test_mean_error_falls_with_the_parameter(function, better_and_better):
    means = [mean_distance(function, **parameters) for parameters in better_and_better]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1]


def test_enhanced_segments_and_corrections_lower_the_error():
    assert mean_distance(families.essm, m=4) < mean_distance(families.ssm, m=4)
    assert mean_distance(families.mbm) < mean_distance(families.mitchell)
    for v in (4, 6, 8):
        corrected = mean_distance(families.ct, v=v, corrected=True)
        assert corrected < mean_distance(families.ct, v=v)


def test_uncorrected_columns_are_a_broken_array():
    for v in (0, 5, 16):
        assert np.array_equal(table(families.ct, v=v), table(families.bam, h=0, v=v))


@pytest.mark.parametrize("function", OF_MAGNITUDES)
def test_sign_magnitude_products_have_the_product_of_the_signs(function):
    signed = table(function, SIGNED, sign_magnitude=True)
    unsigned = function(np.abs(SIGNED[:, None]), np.abs(SIGNED))
    assert np.array_equal(signed, unsigned * np.sign(np.outer(SIGNED, SIGNED)))
    assert signed[SIGNED == -128, SIGNED == -128] == unsigned[128, 128]


@pytest.mark.parametrize("function", OF_MAGNITUDES)
def test_zero_times_anything_is_zero(function):
    products = table(function)
    assert not products[0].any()
    assert not products[:, 0].any()


@pytest.mark.parametrize("function", OF_PARTIAL_PRODUCTS)
def test_twos_complement_products_of_positive_operands_are_unsigned_ones(function):
    small = np.arange(64)
    signed = function(small[:, None], small, signed=True, width=8)
    correction = function(0, 0, signed=True) - function(0, 0)
    assert np.array_equal(signed, function(small[:, None], small) + correction)


@pytest.mark.parametrize("function", [*OF_MAGNITUDES, *OF_PARTIAL_PRODUCTS])
def test_shapes_and_types(function):
    reference = table(function)
    scalar = function(200, 77)
    assert (scalar.shape, scalar.dtype, int(scalar)) == ((), np.int64, reference[200, 77])
    small = np.array([[3], [250]], dtype=np.uint8)
    products = function(small, np.array([5, 9, 255], dtype=np.int16))
    assert products.dtype == np.int64
    assert np.array_equal(products, reference[np.ix_([3, 250], [5, 9, 255])])
    assert function(np.zeros((0, 3), dtype=int), np.zeros(3, dtype=int)).shape == (0, 3)
    assert small.tolist() == [[3], [250]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: families.drum(1.0, 2, k=4), TypeError, r"'x' must hold integers, got float64"),
        (lambda: families.bam(1, [True], h=0, v=0), TypeError, r"'w' must hold integers, got bool"),
        (
            lambda: families.roba([0, 256], 1),
            ValueError,
            r"'x' must be unsigned 8-bit \(0..255\), got values from 0 to 256",
        ),
        (
            lambda: families.roba(1, -1),
            ValueError,
            r"'w' must be unsigned 8-bit \(0..255\), got values from -1 to -1",
        ),
        (
            lambda: families.tm(8, 1, k=1, signed=True, width=4),
            ValueError,
            r"'x' must be signed 4-bit \(-8..7\), got values from 8 to 8",
        ),
        (
            lambda: families.mitchell(1, 1, width=1),
            ValueError,
            "'width' must be from 2 to 16, got 1",
        ),
        (lambda: families.mbm(1, 1, width=17), ValueError, "'width' must be from 2 to 16, got 17"),
        (lambda: families.roba(1, 1, width=8.0), TypeError, "'width' must be an int, got 8"),
        (lambda: families.udm(1, 1, width=5), ValueError, "'width' must be even, got 5"),
        (lambda: families.drum(1, 1, k=1), ValueError, "'k' must be from 2 to 8, got 1"),
        (lambda: families.drum(1, 1, k=9), ValueError, "'k' must be from 2 to 8, got 9"),
        (lambda: families.drum(1, 1, k=True), TypeError, "'k' must be an int, got True"),
        (lambda: families.ilm(1, 1, e=-1), ValueError, "'e' must be from 0 to 7, got -1"),
        (lambda: families.ppp(1, 1, j=8, k=0), ValueError, "'j' must be from 0 to 7, got 8"),
        (lambda: families.ppp(1, 1, j=3, k=6), ValueError, "'k' must be from 0 to 5, got 6"),
        (lambda: families.bam(1, 1, h=9, v=0), ValueError, "'h' must be from 0 to 8, got 9"),
        (lambda: families.bam(1, 1, h=0, v=17), ValueError, "'v' must be from 0 to 16, got 17"),
        (lambda: families.ct(1, 1, v=-1), ValueError, "'v' must be from 0 to 16, got -1"),
        (lambda: families.tm(1, 1, k=9), ValueError, "'k' must be from 0 to 8, got 9"),
        (lambda: families.ssm(1, 1, m=3), ValueError, "'m' must be from 4 to 8, got 3"),
        (lambda: families.essm(1, 1, m=5), ValueError, "'m' must be even for a width of 8, got 5"),
        (lambda: families.essm(1, 1, m=4, width=7), ValueError, "'m' must be odd for a width of 7"),
        (lambda: families.essm(1, 1, m=2), ValueError, "'m' must be from 3 to 8, got 2"),
        (lambda: families.tosam(1, 1, h=0, t=8), ValueError, "'t' must be from 0 to 7, got 8"),
        (lambda: families.tosam(1, 1, h=4, t=3), ValueError, "'h' must be from 0 to 3, got 4"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
