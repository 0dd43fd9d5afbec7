"""The truth about small layers: every product in plain Python integers."""

import itertools
import math

import numpy as np


def value(code, signed):
    return code - 256 if signed and code >= 128 else code


def product_errors(multiplier, x_codes, w_codes, x_signed=True, w_signed=True):
    """Errors of every product, `[output channel][row][k]`."""
    groups, rows, depth = x_codes.shape
    errors = []
    for g in range(groups):
        for o in range(w_codes.shape[1]):
            channel = []
            for m in range(rows):
                row = []
                for k in range(depth):
                    x, w = int(x_codes[g, m, k]), int(w_codes[g, o, k])
                    exact = value(x, x_signed) * value(w, w_signed)
                    row.append(int(multiplier.lut[x, w]) - exact)
                channel.append(row)
            errors.append(channel)
    return errors


def moments(values):
    """Mean and population standard deviation."""
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def over_pairings(error, row, column):
    """Mean and variance of the summed errors over all permutations of a column's weights."""
    sums = [
        sum(int(error[x, w]) for x, w in zip(row, permuted, strict=True))
        for permuted in itertools.permutations(column.tolist())
    ]
    mean, std = moments(sums)
    return mean, std**2


def random_codes(seed, *, groups=1, rows=5, channels=3, depth=4):
    rng = np.random.default_rng(seed)
    x_codes = rng.integers(0, 256, (groups, rows, depth), dtype=np.uint8)
    w_codes = rng.integers(0, 256, (groups, channels, depth), dtype=np.uint8)
    return x_codes, w_codes
