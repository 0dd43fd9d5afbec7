"""Closed forms against their definitions, evaluated bit by bit in plain Python numbers.

Fractions behind a leading one are dyadic and short, so that Python's floats hold them exactly.
"""

from fractions import Fraction
from functools import cache
from itertools import product
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multipliers import families


def leading(a):
    """Position of the leading one and the fraction behind it."""
    k = len(bin(a)) - 3
    return k, a / 2**k - 1


def udm(a, b, width):
    total = 0
    for i in range(0, width, 2):
        for j in range(0, width, 2):
            p, q = a >> i & 3, b >> j & 3
            total += (7 if p == q == 3 else p * q) << (i + j)
    return total


def drum(a, b, width, k):
    def kept(value):
        digits = bin(value)[2:]
        if len(digits) <= k:
            return value
        return int(digits[: k - 1] + "1" + "0" * (len(digits) - k), 2)

    return kept(a) * kept(b)


def mitchell(a, b, width):
    if a == 0 or b == 0:
        return 0
    (k1, f1), (k2, f2) = leading(a), leading(b)
    if f1 + f2 < 1:
        return 2 ** (k1 + k2) * (1 + f1 + f2)
    return 2 ** (k1 + k2 + 1) * (f1 + f2)


def ilm(a, b, width, e):
    total = 0
    for _ in range(e + 1):
        if a == 0 or b == 0:
            break
        k1, k2 = leading(a)[0], leading(b)[0]
        total += 2 ** (k1 + k2) + (a - 2**k1) * 2**k2 + (b - 2**k2) * 2**k1
        a, b = a - 2**k1, b - 2**k2
    return total


def mbm(a, b, width):
    if a == 0 or b == 0:
        return 0
    c = 0.078125
    (k1, f1), (k2, f2) = leading(a), leading(b)
    if f1 + f2 < 1:
        return floor(2 ** (k1 + k2) * (1 + f1 + f2 + c))
    return floor(2 ** (k1 + k2 + 1) * (f1 + f2 + c / 2))


def roba(a, b, width):
    def nearest(value):
        if value in (0, 3):
            return {0: 0, 3: 2}[value]
        powers = [2**k for k in range(width + 1)]
        return min(powers, key=lambda power: (abs(value - power), -power))

    x, w = nearest(a), nearest(b)
    return x * b + w * a - x * w


def ssm(a, b, width, m):
    def segment(value):
        digits = f"{value:0{width}b}"
        if "1" in digits[: width - m]:
            return int(digits[:m] + "0" * (width - m), 2)
        return int(digits[width - m :], 2)

    return segment(a) * segment(b)


def essm(a, b, width, m):
    def segment(value):
        digits = f"{value:0{width}b}"
        for first in (0, (width - m) // 2):  # from the top
            if "1" in digits[: first + (width - m) // 2]:
                end = first + m
                return int("0" * first + digits[first:end] + "0" * (width - end), 2)
        return int(digits[width - m :], 2)

    return segment(a) * segment(b)


def tosam(a, b, width, h, t):
    def truncated(fraction, bits):
        return floor(fraction * 2**bits) / 2**bits

    if a == 0 or b == 0:
        return 0
    (k1, f1), (k2, f2) = leading(a), leading(b)
    appended = 2.0 ** -(h + 1)
    multiplied = (truncated(f1, h) + appended) * (truncated(f2, h) + appended)
    return floor(2 ** (k1 + k2) * (1 + truncated(f1, t) + truncated(f2, t) + multiplied))


def partial_products(x, w, width, signed, keep):
    """Sum of the weighted partial products of some bit pairs."""
    total = 0
    for i, j in product(range(width), repeat=2):
        if keep(i, j) and x >> i & 1 and w >> j & 1:
            negative = signed and (i == width - 1) != (j == width - 1)
            total += (-1 if negative else 1) << (i + j)
    return total


def ppp(x, w, width, j, k, signed=False):
    return partial_products(x, w, width, signed, lambda _i, row: not j <= row < j + k)


def bam(x, w, width, h, v, signed=False):
    return partial_products(x, w, width, signed, lambda i, j: j >= h and i + j >= v)


def tm(x, w, width, k, signed=False):
    return partial_products(x, w, width, signed, lambda i, j: i >= k and j >= k)


@cache
def mean_of_columns(width, v, signed):
    """Mean of the columns' sum over all operand pairs."""
    codes = range(1 << width)
    sums = [
        partial_products(x, w, width, signed, lambda i, j: i + j < v)
        for x, w in product(codes, repeat=2)
    ]
    return Fraction(sum(sums), len(sums))


def ct(x, w, width, v, corrected, signed=False):
    total = partial_products(x, w, width, signed, lambda i, j: i + j >= v)
    if corrected:
        total += floor(mean_of_columns(width, v, signed) / 2**v + Fraction(1, 2)) * 2**v
    return total


def integers(name, least, greatest):
    return [{name: value} for value in range(least, greatest + 1)]


LOGARITHMIC_AND_SEGMENTED = {
    (families.udm, udm): lambda n: [] if n % 2 else [{}],
    (families.drum, drum): lambda n: integers("k", 2, n),
    (families.mitchell, mitchell): lambda _n: [{}],
    (families.ilm, ilm): lambda n: integers("e", 0, n - 1),
    (families.mbm, mbm): lambda _n: [{}],
    (families.roba, roba): lambda _n: [{}],
    (families.ssm, ssm): lambda n: integers("m", (n + 1) // 2, n),
    (families.essm, essm): lambda n: [{"m": m} for m in range(n, (n - 1) // 3, -2)],
    (families.tosam, tosam): lambda n: [{"h": h, "t": t} for t in range(n) for h in range(t + 1)],
}
PARTIAL_PRODUCTS = {
    (families.ppp, ppp): lambda n: [{"j": j, "k": k} for j in range(n) for k in range(n - j + 1)],
    (families.bam, bam): lambda n: [
        {"h": h, "v": v} for h in range(n + 1) for v in range(2 * n + 1)
    ],
    (families.tm, tm): lambda n: integers("k", 0, n),
    (families.ct, ct): lambda n: [
        {"v": v, "corrected": corrected} for v in range(2 * n + 1) for corrected in (False, True)
    ],
}


def identify(value):
    return value[0].__name__ if isinstance(value, tuple) else None


def table_of(function, width, signed, arguments):
    """Products of a closed form for all codes, and the values that the codes stand for."""
    codes = np.arange(1 << width)
    values = codes - (codes >> (width - 1) << width) if signed else codes
    return function(values[:, None], values[None, :], width=width, **arguments), values.tolist()


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("pair", LOGARITHMIC_AND_SEGMENTED, ids=identify)
def test_every_parameter_of_logarithmic_and_segmented_families(pair, width):
    function, definition = pair
    for parameters in LOGARITHMIC_AND_SEGMENTED[pair](width):
        table, values = table_of(function, width, False, parameters)
        expected = [[definition(a, b, width, **parameters) for b in values] for a in values]
        assert table.tolist() == expected, parameters
        signed, values = table_of(function, width, True, {"sign_magnitude": True, **parameters})
        expected = [
            [
                definition(abs(a), abs(b), width, **parameters) * (-1 if (a < 0) != (b < 0) else 1)
                for b in values
            ]
            for a in values
        ]
        assert signed.tolist() == expected, parameters


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("pair", PARTIAL_PRODUCTS, ids=identify)
def test_every_parameter_of_partial_product_families(pair, width, signed):
    function, definition = pair
    codes = range(1 << width)
    for parameters in PARTIAL_PRODUCTS[pair](width):
        table, _ = table_of(function, width, signed, {"signed": signed, **parameters})
        expected = [
            [definition(x, w, width, **parameters, signed=signed) for w in codes] for x in codes
        ]
        assert table.tolist() == expected, parameters


EXHAUSTIVE = [
    (families.udm, udm, {}),
    (families.drum, drum, {"k": 5}),
    (families.mitchell, mitchell, {}),
    (families.ilm, ilm, {"e": 1}),
    (families.mbm, mbm, {}),
    (families.roba, roba, {}),
    (families.ssm, ssm, {"m": 5}),
    (families.essm, essm, {"m": 4}),
    (families.tosam, tosam, {"h": 1, "t": 5}),
    (families.ppp, ppp, {"j": 2, "k": 3}),
    (families.bam, bam, {"h": 2, "v": 7}),
    (families.tm, tm, {"k": 3}),
    (families.ct, ct, {"v": 8, "corrected": False}),
]


@pytest.mark.parametrize(("function", "definition", "parameters"), EXHAUSTIVE)
def test_all_pairs_of_eight_bits(function, definition, parameters):
    table, values = table_of(function, 8, False, parameters)
    expected = [[definition(a, b, 8, **parameters) for b in values] for a in values]
    assert np.array_equal(table, expected)


WIDE = [
    *((f, d, p) for (f, d), ps in LOGARITHMIC_AND_SEGMENTED.items() for p in ps(16)[::7]),
    (families.ppp, ppp, {"j": 9, "k": 7}),
    (families.bam, bam, {"h": 3, "v": 17}),
    (families.tm, tm, {"k": 6}),
    (families.ct, ct, {"v": 16, "corrected": False}),
]
SIXTEEN_BITS = st.integers(0, 2**16 - 1) | st.sampled_from([2**16 - 1, 2**15, 3 << 14, 0])


@pytest.mark.parametrize(("function", "definition", "parameters"), WIDE)
def test_sixteen_bits_do_not_overflow(function, definition, parameters):
    random = np.random.default_rng(16).integers(0, 2**16, size=(200, 2)).tolist()
    for a, b in [*random, (65535, 65535), (65535, 1), (32768, 65535)]:
        assert int(function(a, b, width=16, **parameters)) == definition(a, b, 16, **parameters)


@given(SIXTEEN_BITS, SIXTEEN_BITS)
def test_signs_of_sign_magnitude_products(a, b):
    a, b = a - 2**15, b - 2**15
    expected = drum(abs(a), abs(b), 16, 6) * (-1 if (a < 0) != (b < 0) else 1)
    assert int(families.drum(a, b, k=6, sign_magnitude=True, width=16)) == expected


@given(SIXTEEN_BITS, SIXTEEN_BITS, st.integers(0, 16), st.integers(0, 32))
def test_broken_arrays_of_sixteen_bits(x, w, h, v):
    values = [code - (code >> 15 << 16) for code in (x, w)]
    result = families.bam(*values, h=h, v=v, signed=True, width=16)
    assert int(result) == bam(x, w, 16, h, v, signed=True)
