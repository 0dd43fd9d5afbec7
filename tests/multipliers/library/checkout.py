"""Folders in the layout of published libraries, of circuits that this program generates.

The headers' figures come from plain Python over the partial products, not from the code under test.
"""

from fractions import Fraction
from math import fsum

from multipliers import broken_array_multiplier, to_verilog


def bam_row(a, j, h, v, signed):
    """Return the products of all bits of a with a set bit j of b, by the array's definition."""
    total = 0
    for i in range(8):
        if j >= h and i + j >= v:
            negative = signed and (i == 7) != (j == 7)
            total += (-1 if negative else 1) * (a >> i & 1) << i + j
    return total


def figures(h, v, signed, *, max_one=False):
    """Return the exact figures over all pairs, all but the mean relative error as fractions."""
    values = range(-128, 128) if signed else range(256)
    size, errors, nonzero = 1 << 16, [], 0
    by_denominator = {}
    for a in values:
        rows = [bam_row(a, j, h, v, signed) for j in range(8)]
        for b in values:
            exact = a * b
            error = abs(sum(row for j, row in enumerate(rows) if b >> j & 1) - exact)
            errors.append(error)
            nonzero += exact != 0
            if exact or max_one:
                below = max(1, abs(exact))
                total, greatest = by_denominator.get(below, (0, 0))
                by_denominator[below] = total + error, max(greatest, error)
    relative = fsum(total / below for below, (total, _) in by_denominator.items())
    worst = max(Fraction(greatest, below) for below, (_, greatest) in by_denominator.items())
    return {
        "mae": Fraction(sum(errors), size),
        "wce": max(errors),
        "ep": Fraction(sum(error != 0 for error in errors), size),
        "mse": Fraction(sum(error * error for error in errors), size),
        "mre": relative / (size if max_one else nonzero),
        "wcre": worst,
    }


def evoapproxlib_header(found, **changes):
    """Return the header of a file of EvoApproxLib."""
    lines = {
        "MAE%": f"{float(100 * found['mae'] / 65536):.4f} %",
        "MAE": f"{float(found['mae']):.1f} ",
        "WCE%": f"{100 * found['wce'] / 65536:.2f} %",
        "WCE": f"{found['wce']} ",
        "WCRE%": f"{float(100 * found['wcre']):.2f} %",
        "EP%": f"{float(100 * found['ep']):.2f} %",
        "MRE%": f"{float(100 * found['mre']):.2f} %",
        "MSE": f"{float(found['mse']) / 1e3:.3f}e3 ",
        "PDK45_PWR": "0.422 mW",
        "PDK45_AREA": "711.0 um2",
        "PDK45_DELAY": "1.48 ns",
    } | changes
    text = "".join(f"// {key} = {value}\n" for key, value in lines.items())
    return f"/***\n* distributed under The MIT License\n***/\n{text}\n"


def evoapprox8b_header(name, found):
    """Return the header of a file of evoapprox8b."""
    return (
        f"// Library = EvoApprox8b\n// Circuit = {name}\n// Area   (180) = 5200\n"
        "// Delay  (180) = 3.630\n// Power  (180) = 2199.80\n// Area   (45) = 375\n"
        "// Delay  (45) = 1.330\n// Power  (45) = 189.60\n// Nodes = 91\n// HD = 310752\n"
        f"// MAE = {float(found['mae']):.5f}\n// MSE = {float(found['mse']):.5f}\n"
        f"// MRE = {float(100 * found['mre']):.2f} %\n// WCE = {found['wce']}\n"
        f"// WCRE = {float(100 * found['wcre']):.0f} %\n"
        f"// EP = {float(100 * found['ep']):.1f} %\n\n"
    )


def circuit(name, h, v, signed):
    """Return the Verilog of a broken array multiplier under a library's name, without comments."""
    netlist = broken_array_multiplier(h, v, signed=signed)
    lines = to_verilog(netlist).replace(netlist.name, name).splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("//"))
