"""The CUDA kernels of quantisation: on a device where there is one, else in Numba's simulator."""

import numpy as np
import pytest
from numba import cuda

from torchapprox.kernels import clip_gradient_cpu, fake_quantise_cpu, quantise_cpu
from torchapprox.kernels.quantise.quantise_cuda import (
    clip_gradient_cuda,
    fake_quantise_cuda,
    quantise_cuda,
)

pytestmark = pytest.mark.cuda

LIMITS = {"half": ((0, 127), 5), "signed": ((-128, 127), -3), "unsigned": ((0, 255), 128)}
SCALES = np.array([1.0, 0.03, 0.5], np.float32)
EDGES = (0.5, 1.5, 2.5, -0.5, -1.5, 3e30, -3e30, 127.5, 254.5)


def on_device(array):
    return cuda.to_device(np.ascontiguousarray(array))


def drawn(kind, planes=3, area=50):
    values = (np.random.default_rng(0).standard_normal((planes, area)) * 40).astype(kind)
    values[:, : len(EDGES)] = EDGES
    return values


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize(("limits", "zero"), LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_the_cpu_kernels(channels, limits, zero, kind):
    values = drawn(kind) if channels == 3 else drawn(kind).reshape(1, -1)
    scale, shift = SCALES[-channels:], np.array([zero, zero + 1, zero - 1], np.int32)[-channels:]
    codes, reals, clipped = np.empty(values.size, np.uint8), *np.empty((2, values.size), kind)
    gradient = np.random.default_rng(1).standard_normal(values.size).astype(kind)
    parts = values.ravel(), scale, shift.astype(np.int64), limits
    assert quantise_cpu(*parts, codes, threads=1)
    fake_quantise_cpu(*parts, reals, threads=1)
    clip_gradient_cpu(*parts, gradient, clipped, threads=1)
    assert (clipped == 0).any()
    assert (clipped != 0).any()

    of, by, plus = map(on_device, (values.ravel(), scale, shift))
    out, fault = on_device(np.full(values.size, 77, np.uint8)), on_device(np.zeros(1, np.float32))
    plane = 1, 1, values.shape[1]
    quantise_cuda(of, by, plus, limits, out, fault, size=plane, padded=plane)
    np.testing.assert_array_equal(out.copy_to_host(), codes)
    assert fault.copy_to_host()[0] == 0
    out = on_device(np.empty(values.size, kind))
    fake_quantise_cuda(of, by, plus, limits, out, planes=channels)
    np.testing.assert_array_equal(out.copy_to_host(), reals)
    clip_gradient_cuda(of, by, plus, limits, on_device(gradient), out, planes=channels)
    np.testing.assert_array_equal(out.copy_to_host(), clipped)


@pytest.mark.parametrize("before", [(0, 1, 2), (1, 0, 0), (0, 0, 3)])
def test_margins_hold_the_zero_points_code(before):
    size, padded, limits, zero = (2, 3, 5), (4, 4, 9), (-128, 127), -7
    values = drawn(np.float32, 3, 30)
    whole = np.empty(values.size, np.uint8)
    shift = np.array([zero], np.int64)
    parts, places = (values.ravel(), SCALES[1:2], shift, limits), (size, padded, before)
    quantise_cpu(*parts, whole, threads=1)
    expected = np.full((3, *padded), zero % 256, np.uint8)
    inner = tuple(slice(b, b + n) for b, n in zip(before, size, strict=True))
    expected[:, *inner] = whole.reshape(3, *size)
    on_host = np.zeros(expected.size, np.uint8)
    geometry = dict(zip(("size", "padded", "before"), places, strict=True))
    assert quantise_cpu(*parts, on_host, threads=2, **geometry)
    np.testing.assert_array_equal(on_host.reshape(expected.shape), expected)
    out, fault = on_device(np.zeros(expected.size, np.uint8)), on_device(np.zeros(1, np.float32))
    of, by, plus = map(on_device, parts[:3])
    quantise_cuda(of, by, plus, limits, out, fault, **geometry)
    np.testing.assert_array_equal(out.copy_to_host().reshape(expected.shape), expected)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_reported(odd):
    values, plane = drawn(np.float32).ravel(), (1, 1, 150)
    values[70] = odd
    of, by, plus = map(on_device, (values, SCALES[:1], np.zeros(1, np.int32)))
    out, fault = on_device(np.zeros(150, np.uint8)), on_device(np.zeros(1, np.float32))
    quantise_cuda(of, by, plus, (0, 255), out, fault, size=plane, padded=plane)
    assert np.isnan(fault.copy_to_host()[0])
    reals = on_device(np.zeros(150, np.float32))
    fake_quantise_cuda(of, by, plus, (0, 255), reals, planes=1)
    expected = {np.nan: np.nan, np.inf: 255, -np.inf: 0}[odd]
    np.testing.assert_equal(reals.copy_to_host()[70], np.float32(expected))
    ones = on_device(np.ones(150, np.float32))
    clip_gradient_cuda(of, by, plus, (0, 255), ones, reals, planes=1)
    assert reals.copy_to_host()[70] == 0


def test_nothing_to_quantise():
    nothing, one = on_device(np.zeros(0, np.float32)), on_device(np.ones(1, np.float32))
    plane = {"size": (1, 1, 0), "padded": (1, 1, 0)}
    quantise_cuda(nothing, one, one, (0, 1), on_device(np.zeros(0, np.uint8)), one, **plane)
    fake_quantise_cuda(nothing, one, one, (0, 1), nothing, planes=0)
    clip_gradient_cuda(nothing, one, one, (0, 1), nothing, nothing, planes=0)
