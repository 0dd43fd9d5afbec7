"""Counts of what taps see against counts of the codes that slices hold."""

import itertools

import numpy as np
import pytest

from torchapprox.kernels import window_histogram_cpu

CASES = {
    "all in one line": ((3, 4, 7), (1,), (1,), (1,), ((0, 0),)),
    "one tap of every second": ((2, 3, 5, 6), (1, 1), (2, 2), (1, 1), ((0, 0), (0, 0))),
    "one tap, padded": ((2, 3, 6, 7), (1, 1), (1, 1), (1, 1), ((1, 2), (3, 0))),
    "padded": ((3, 2, 5, 5), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))),
    "padded on one side": ((2, 3, 9, 12), (3, 2), (2, 1), (1, 3), ((0, 2), (2, 0))),
    "more padding than taps": ((2, 1, 9, 9), (2, 3), (1, 2), (2, 1), ((4, 4), (3, 5))),
    "padding alone": ((2, 2, 4, 6), (3, 3), (1, 1), (1, 1), ((2, 2), (0, 0))),
    "in three dimensions": ((2, 2, 5, 6, 40), (3, 2, 3), (1, 2, 1), (2, 1, 1), ((1, 1),) * 3),
    "as it is": ((4, 3, 8, 30), (3, 5), (1, 1), (1, 1), ()),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_counts_are_added(case, dtype, threads):
    shape, kernel, stride, dilation, margins = case
    source = np.random.default_rng(4)
    codes = source.integers(0, 200, shape, dtype=np.uint8)
    data = (slice(None),) * 2 + tuple(
        slice(lower, n - upper)
        for n, (lower, upper) in zip(shape[2:], margins or ((0, 0),) * len(kernel), strict=True)
    )
    padded = np.full_like(codes, 201)
    padded[data] = codes[data]
    output = tuple(
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(shape[2:], kernel, stride, dilation, strict=True)
    )
    taps = list(itertools.product(*map(range, kernel)))
    counts = np.ones((shape[1] * len(taps), 256), dtype)
    window_histogram_cpu(
        *(padded, counts),
        kernel=kernel, stride=stride, dilation=dilation, output=output, margins=margins,
        threads=threads,
    )  # fmt: skip
    for channel, (row, tap) in itertools.product(range(shape[1]), enumerate(taps)):
        steps = zip(tap, dilation, stride, output, strict=True)
        seen = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, s, n in steps)
        expected = np.bincount(padded[:, channel][:, *seen].reshape(-1), minlength=256)
        np.testing.assert_array_equal(counts[channel * len(taps) + row], expected + 1)
