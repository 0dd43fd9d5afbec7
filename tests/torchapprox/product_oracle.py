"""The truth about products of two activations and what is built on them, in plain loops.

Codes are Python integers, products come from the table, and what is exact in the layers (softmax,
gates) is computed here in Python's floats from the definitions. Tensors are nested lists.
"""

import itertools
import math

from tests.torchapprox.oracle import dot, quantise


def quantised(quantiser, values):
    """Quantise nested lists per tensor."""
    if isinstance(values, list):
        return [quantised(quantiser, inner) for inner in values]
    return quantise(values, *quantiser.channel(0))


def at(values, batch, index):
    """The matrix of a nested list at an index of a batch shape that its own one broadcasts to."""
    own = shape(values)[:-2]
    index = index[len(batch) - len(own) :]
    for size, number in zip(own, index, strict=True):
        values = values[0 if size == 1 else number]
    return values


def shape(values):
    return (len(values), *(shape(values[0]) if values else ())) if isinstance(values, list) else ()


def matmul(lut, x, w, batch, x_zero_point, w_zero_point, accumulator=None):
    """Accumulators of ``x @ w`` by index of the batch: {index: rows of M lists of N integers}."""
    return {
        index: [
            [
                dot(lut, row, column, x_zero_point, w_zero_point, accumulator)
                for column in zip(*at(w, batch, index), strict=True)
            ]
            for row in at(x, batch, index)
        ]
        for index in itertools.product(*map(range, batch))
    }


def softmax(scores):
    """Exponentials over their sum; all zero where every score is minus infinity."""
    largest = max(scores)
    if largest == -math.inf:
        return [0.0] * len(scores)
    exponentials = [math.exp(score - largest) for score in scores]
    return [e / sum(exponentials) for e in exponentials]


def sigmoid(v):
    return 1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))


def lstm_gates(from_input, from_hidden, h, c):
    """One neuron's new h and c; four pre-activations each, in the order i, f, g, o."""
    i, f, g, o = (a + b for a, b in zip(from_input, from_hidden, strict=True))
    c = sigmoid(f) * c + sigmoid(i) * math.tanh(g)
    return sigmoid(o) * math.tanh(c), c


def gru_gates(from_input, from_hidden, h):
    """One neuron's new h; three pre-activations each, in the order r, z, n."""
    r = sigmoid(from_input[0] + from_hidden[0])
    z = sigmoid(from_input[1] + from_hidden[1])
    n = math.tanh(from_input[2] + r * from_hidden[2])
    return ((1 - z) * n + z * h,)


def tanh_gate(from_input, from_hidden, h):
    return (math.tanh(from_input[0] + from_hidden[0]),)


def relu_gate(from_input, from_hidden, h):
    return (max(from_input[0] + from_hidden[0], 0.0),)
