"""Error figures against plain loops over Python integers and against published ones."""

import math

import numpy as np
import pytest

from multipliers import (
    Multiplier,
    array_multiplier,
    broken_array_multiplier,
    characterise,
    code_values,
    exact_products,
    truncated_multiplier,
)


def naive_figures(multiplier, convention):
    """All figures in plain loops over the pairs."""
    x_values = code_values(multiplier.x_port.signed).tolist()
    w_values = code_values(multiplier.w_port.signed).tolist()
    errors, relative = [], []
    for x, row in zip(x_values, multiplier.lut.tolist(), strict=True):
        for w, product in zip(w_values, row, strict=True):
            error = product - x * w
            errors.append(error)
            if x * w != 0:
                relative.append(abs(error) / abs(x * w))
            elif convention == "max-one":
                relative.append(abs(error))
            elif convention == "zero-counts":
                relative.append(0)
    count = len(errors)
    mean = sum(errors) / count
    return {
        "error_mean": mean,
        "error_std": math.sqrt(sum((error - mean) ** 2 for error in errors) / count),
        "mae": sum(map(abs, errors)) / count,
        "wce": max(map(abs, errors)),
        "mred": math.fsum(relative) / len(relative),
        "error_rate": sum(error != 0 for error in errors) / count,
        "mse": sum(error**2 for error in errors) / count,
        "nmed": sum(map(abs, errors)) / count / 2**16,
        "nwce": max(map(abs, errors)) / 2**16,
    }


@pytest.mark.parametrize("convention", ["skip-zero", "max-one", "zero-counts"])
@pytest.mark.parametrize("signed", [False, True, (False, True)])
def test_against_plain_loops(convention, signed):
    x_signed, w_signed = signed if isinstance(signed, tuple) else (signed, signed)
    noise = np.random.default_rng(7).integers(-900, 300, size=(256, 256))
    table = exact_products(x_signed, w_signed) + noise * (noise % 3 == 0)
    multiplier = Multiplier.from_lut(table, x_signed=x_signed, w_signed=w_signed)
    figures = characterise(multiplier, mred=convention)
    for name, expected in naive_figures(multiplier, convention).items():
        assert getattr(figures, name) == pytest.approx(expected, rel=1e-12), name
    assert figures.mred_convention == convention


def test_worst_relative_error_skips_zero_products():
    table = exact_products(True, True).copy()
    table[0, 5] += 999  # exact product 0
    table[3, 254] += 15  # 3 * -2
    assert characterise(Multiplier.from_lut(table)).wcre == 2.5


@pytest.mark.parametrize("signed", [False, True])
def test_exact_multiplier_has_no_error(signed):
    figures = characterise(Multiplier.from_netlist(array_multiplier(signed=signed)))
    assert (figures.mae, figures.wce, figures.mred, figures.error_std) == (0, 0, 0, 0)
    assert (figures.error_mean, figures.error_rate, figures.mse, figures.wcre) == (0, 0, 0, 0)


def test_constant_error_has_no_spread():
    figures = characterise(Multiplier.from_lut(exact_products(True, True) - 5))
    assert (figures.error_mean, figures.error_std, figures.mae, figures.mse) == (-5, 0, 5, 25)


# Relative errors in percent of unsigned multipliers, over the pairs with a product other than 0,
# from an exhaustive evaluation of the definitions that shares no code with this package.
@pytest.mark.parametrize(
    ("netlist", "percent"),
    [
        (broken_array_multiplier(0, 4, signed=False), 0.564),
        (broken_array_multiplier(0, 8, signed=False), 9.780),
        (broken_array_multiplier(4, 4, signed=False), 13.635),
        (truncated_multiplier(1, signed=False), 2.655),
        (truncated_multiplier(2, signed=False), 7.005),
        (truncated_multiplier(3, signed=False), 14.121),
        (truncated_multiplier(4, signed=False), 25.411),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_relative_error(netlist, percent):
    figures = characterise(Multiplier.from_netlist(netlist))
    assert 100 * figures.mred == pytest.approx(percent, abs=5.1e-4)


def kulkarni_multiplier():
    """The underdesigned multiplier: 2x2 blocks that take 3 * 3 for 7, joined by exact adders."""
    block = [[7 if (x, w) == (3, 3) else x * w for w in range(4)] for x in range(4)]
    table = [
        [
            sum(
                block[x >> i & 3][w >> j & 3] << (i + j)
                for i in range(0, 8, 2)
                for j in range(0, 8, 2)
            )
            for w in range(256)
        ]
        for x in range(256)
    ]
    return Multiplier.from_lut(table, x_signed=False, w_signed=False)


def test_published_figures_of_the_underdesigned_multiplier():
    """3.25 % mean relative error and 46.73 % error rate.

    P. Kulkarni, P. Gupta and M. Ercegovac, "Trading accuracy for power with an underdesigned
    multiplier architecture", VLSI Design 2011; pairs with a product of 0 count as no error.
    """
    figures = characterise(kulkarni_multiplier(), mred="zero-counts")
    assert 100 * figures.mred == pytest.approx(3.2549, abs=5e-5)
    assert 100 * figures.error_rate == pytest.approx(46.73, abs=5e-3)
    assert (figures.mae, figures.wce) == (903.125, 14450)


@pytest.mark.parametrize(
    ("h", "v", "mae", "wce", "ep", "mre", "mse", "wcre"),
    [
        (0, 2, 1.2, 5, 50.0, 0.28, 3.8, 500.0),  # mul8s_1KVA
        (0, 4, 12.0, 49, 81.25, 2.53, 248.0, 4900.0),  # mul8s_1KX2
        (2, 5, 101.0, 449, 91.89, 8.93, 19690.0, 6500.0),  # mul8s_1KVL, operands exchanged
    ],
)
def test_published_figures_of_evoapproxlib(h, v, mae, wce, ep, mre, mse, wcre):
    """Three circuits of EvoApproxLib v1 compute signed broken-array products.

    The figures are those of the library's file headers, percent for EP, MRE and WCRE, in the digits
    printed there: V. Mrazek, L. Sekanina and Z. Vasicek, "Libraries of approximate circuits:
    automated design and application in CNN accelerators", IEEE JETCAS 10(4), 2020.
    """
    netlist = broken_array_multiplier(h, v, signed=True)
    figures = characterise(Multiplier.from_netlist(netlist))
    assert figures.wce == wce
    assert 100 * figures.wcre == pytest.approx(wcre)
    assert 100 * figures.error_rate == pytest.approx(ep, abs=0.006)
    assert 100 * figures.mred == pytest.approx(mre, abs=0.006)
    assert figures.mae == pytest.approx(mae, abs=0.06 if mae < 10 else 0.6)
    assert figures.mse == pytest.approx(mse, abs=0.06 if mse < 10 else 0.6)


def test_unknown_convention():
    multiplier = Multiplier.from_lut(exact_products(True, True))
    with pytest.raises(ValueError, match=r"'mred' must be one of .*'skip-zero'.*, got 'all'"):
        characterise(multiplier, mred="all")


def test_squares_of_errors_beyond_32_bits_are_exact():
    """The worst table there is: -2^31 wherever the exact product is 128 * 128."""
    table = exact_products(True, True).astype(np.int64)
    table[128, :] = -(1 << 31)
    errors = [-(1 << 31) - -128 * w for w in code_values(True).tolist()]
    figures = characterise(Multiplier.from_lut(table))
    assert figures.wce == (1 << 31) + 128 * 128
    assert figures.mse == sum(error**2 for error in errors) / 2**16
    assert figures.error_mean == sum(errors) / 2**16
