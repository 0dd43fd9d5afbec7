"""Gradients of a layer's product by their definition, in plain loops over all pairs of operands."""

import itertools
import math

import torch


def pairs(exact, x_shape, w_shape):
    """Yield (output, input, weight) for every product of a bilinear function."""
    # The inputs are numbered from 1, so that with one weight of 1 an output names its input.
    numbers = torch.arange(1, math.prod(x_shape) + 1, dtype=torch.float64).view(x_shape)
    inputs = list(itertools.product(*map(range, x_shape)))
    for weight in itertools.product(*map(range, w_shape)):
        w = torch.zeros(w_shape, dtype=torch.float64)
        w[weight] = 1
        y = exact(numbers, w)
        for output in y.nonzero().tolist():
            yield tuple(output), inputs[round(float(y[tuple(output)])) - 1], weight


def by_tables(products, grad, qx, qw, sx, zx, sw, zw, by_x, by_w):
    """Return dL/dx and dL/dw of real operands; scales and zero points of w by weight."""
    grad_x = torch.zeros(qx.shape, dtype=torch.float64)
    grad_w = torch.zeros(qw.shape, dtype=torch.float64)
    for output, place, weight in products:
        x, w, g = int(qx[place]), int(qw[weight]), float(grad[output])
        grad_x[place] += g * float(sw[weight]) * (by_x[x % 256, w % 256] - int(zw[weight]))
        grad_w[weight] += g * sx * (by_w[x % 256, w % 256] - zx)
    return grad_x, grad_w


def by_multiplier(products, grad, qx, qw, sx, zx, sw, zw, lut, x_port, w_port, channel):
    """The same from products of quantised gradients on a multiplier; channel: output -> number."""
    by_channel = {channel(output): None for output, _, _ in products}
    scales = {channel(o): float(sw[weight]) for o, _, weight in products}
    assert scales.keys() == by_channel.keys()
    scaled = torch.zeros_like(grad)
    for output in itertools.product(*map(range, grad.shape)):
        scaled[output] = grad[output] * scales[channel(output)]
    g_x, s_x, z_x = quantise(scaled, x_port)
    g_w, s_w, z_w = quantise(grad, w_port)
    grad_x = torch.zeros(qx.shape, dtype=torch.float64)
    grad_w = torch.zeros(qw.shape, dtype=torch.float64)
    for output, place, weight in products:
        x, w, zero = int(qx[place]), int(qw[weight]), int(zw[weight])
        g = g_x[output]
        product = int(lut[g % 256, w % 256]) - z_x * w - zero * (g - z_x)
        grad_x[place] += s_x * product
        g = g_w[output]
        product = int(lut[x % 256, g % 256]) - z_w * x - zx * (g - z_w)
        grad_w[weight] += s_w * sx * product
    return grad_x, grad_w


def quantise(grad, port):
    low, high = port
    zero = 0 if low < 0 else (high + 1) // 2
    scale = float(grad.abs().max()) / (high - zero)
    codes = {}
    for place in itertools.product(*map(range, grad.shape)):
        codes[place] = min(max(round(float(grad[place]) / scale), zero - high), high - zero) + zero
    return codes, scale, zero
