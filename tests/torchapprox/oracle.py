"""The truth: quantised layers on an approximate multiplier in plain loops over Python integers.

Written from `docs/conventions.md` and the definition of the layers, not from the code under test.
Tensors are nested lists; nothing here is fast.
"""

import itertools
from fractions import Fraction


def quantise(value, scale, zero_point, low, high):
    """Round value / scale half to even, add the zero point, clip to low..high."""
    q = round(Fraction(value) / Fraction(scale)) + zero_point
    return min(max(q, low), high)


def code(q):
    """An operand's code is its bit pattern in eight bits."""
    return q % 256


def register(value, bits, overflow):
    """What a two's complement register of so many bits holds after it got a value."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    if overflow == "saturate":
        return min(max(value, low), high)
    return (value - low) % 2**bits + low


def running_sum(values, bits, overflow, when):
    """Add values in their order in a register that starts at 0."""
    total = 0
    for value in values:
        total += value
        if when == "step":
            total = register(total, bits, overflow)
    return register(total, bits, overflow)


def accumulate(products, accumulator):
    """Sum products in their order; exact if ``accumulator`` is None."""
    if accumulator is None:
        return sum(products)
    overflow, when = accumulator.overflow, accumulator.when
    if accumulator.height is None:
        return running_sum(products, accumulator.bits, overflow, when)
    tiles = [
        running_sum(products[k : k + accumulator.height], accumulator.partial_bits, overflow, when)
        for k in range(0, len(products), accumulator.height)
    ]
    return running_sum(tiles, accumulator.bits, overflow, when)


def dot(lut, xs, ws, x_zero_point, w_zero_point, accumulator=None):
    """Sum of approximate products minus the zero-point terms, an integer."""
    products = [int(lut[code(x)][code(w)]) for x, w in zip(xs, ws, strict=True)]
    total = accumulate(products, accumulator)
    for x, w in zip(xs, ws, strict=True):
        total -= w_zero_point * x
        total -= x_zero_point * w
        total += x_zero_point * w_zero_point
    return total


def linear(lut, x, w, x_zero_point, w_zero_points, accumulator=None):
    """Accumulators of a linear layer.

    x is a vector of integers, or any nesting of lists of vectors; w one list a neuron.
    """
    if not x or isinstance(x[0], list):
        return [linear(lut, inner, w, x_zero_point, w_zero_points, accumulator) for inner in x]
    return [
        dot(lut, x, neuron, x_zero_point, w_zero_point, accumulator)
        for neuron, w_zero_point in zip(w, w_zero_points, strict=True)
    ]


def size_of(nested_lists):
    """Lengths of nested lists, outermost first."""
    size = []
    while isinstance(nested_lists, list):
        size.append(len(nested_lists))
        nested_lists = nested_lists[0] if nested_lists else None
    return size


def at(nested_lists, index):
    """Element of nested lists."""
    for number in index:
        nested_lists = nested_lists[number]
    return nested_lists


def filled(function, size, index=()):
    """Nested lists of a size, made of function(index)."""
    if not size:
        return function(index)
    return [filled(function, size[1:], (*index, number)) for number in range(size[0])]


def margins(padding, kernel, dilation):
    """Padding before and after one axis; "same" puts the odd element after."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = dilation * (kernel - 1)
        return total // 2, total - total // 2
    return padding, padding


def padded_source(position, size, mode):
    """Which element of an axis stands at a position outside; None for a real zero."""
    if 0 <= position < size:
        return position
    if mode == "zeros":
        return None
    if mode == "replicate":
        return 0 if position < 0 else size - 1
    if mode == "circular":
        return position + size if position < 0 else position - size
    return -position if position < 0 else 2 * (size - 1) - position  # reflect


def conv(
    lut, x, w, x_zero_point, w_zero_points, *,
    stride, padding, dilation, groups, padding_mode="zeros", accumulator=None,
):  # fmt: skip
    """Accumulators of a convolution in any dimensions, out[image][channel][position...].

    x[image][channel][position...] and w[out_channel][channel within the group][tap...] are
    integers; stride, dilation and padding have one number for each axis, or padding is "same" or
    "valid".
    """
    size, kernel = size_of(x)[2:], size_of(w)[2:]
    paddings = [padding] * len(size) if isinstance(padding, str) else padding
    before, after = zip(*map(margins, paddings, kernel, dilation), strict=True)
    starts = [
        range(-b, n + a - d * (k - 1), s)
        for b, n, a, d, k, s in zip(before, size, after, dilation, kernel, stride, strict=True)
    ]

    def operand(channel, start, tap):
        sources = [
            padded_source(p + t * d, n, padding_mode)
            for p, t, d, n in zip(start, tap, dilation, size, strict=True)
        ]
        return x_zero_point if None in sources else at(channel, sources)

    def output(index):
        image, n, *position = index
        first_channel = n // (len(w) // groups) * len(w[n])
        start = [axis[p] for axis, p in zip(starts, position, strict=True)]
        xs, ws = [], []
        for c in range(len(w[n])):
            for tap in itertools.product(*map(range, kernel)):
                xs.append(operand(x[image][first_channel + c], start, tap))
                ws.append(at(w[n][c], tap))
        return dot(lut, xs, ws, x_zero_point, w_zero_points[n], accumulator)

    return filled(output, [len(x), len(w), *map(len, starts)])


def conv_transpose(
    lut, x, w, x_zero_point, w_zero_points, *,
    stride, padding, output_padding, dilation, groups, accumulator=None,
):  # fmt: skip
    """Accumulators of a transposed convolution, out[image][channel][position...].

    x[image][channel][position...] and w[channel][out_channel within the group][tap...] are
    integers. Every input goes with every tap to one output; the sums of one tap over the input
    channels are made one by one and then added in the order of the taps.
    """
    size, kernel = size_of(x)[2:], size_of(w)[2:]
    per_group, channels = len(w) // groups, len(w[0]) * groups
    out_size = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, s, p, d, k, e in zip(
            size, stride, padding, dilation, kernel, output_padding, strict=True
        )
    ]
    pairs = {}  # output -> tap -> pairs of operands
    for image, position, n in itertools.product(
        range(len(x)), itertools.product(*map(range, size)), range(channels)
    ):
        group, column = divmod(n, len(w[0]))
        for tap in itertools.product(*map(range, kernel)):
            out = [
                i * s + t * d - p
                for i, s, t, d, p in zip(position, stride, tap, dilation, padding, strict=True)
            ]
            if all(0 <= o < m for o, m in zip(out, out_size, strict=True)):
                taps = pairs.setdefault((image, n, *out), {})
                taps[tap] = [
                    (at(x[image][c], position), at(w[c][column], tap))
                    for c in range(group * per_group, (group + 1) * per_group)
                ]

    def output(index):
        zero = w_zero_points[index[1]]
        tap_sums, corrections = [], 0
        for _, operands in sorted(pairs.get(index, {}).items()):
            products = [int(lut[code(a)][code(b)]) for a, b in operands]
            tap_sums.append(accumulate(products, accumulator))
            corrections += sum(
                x_zero_point * zero - zero * a - x_zero_point * b for a, b in operands
            )
        if accumulator is None:
            return sum(tap_sums) + corrections
        how = accumulator.bits, accumulator.overflow, accumulator.when
        return running_sum(tap_sums, *how) + corrections

    return filled(output, [len(x), channels, *out_size])


def rescale(accumulator, x_scale, w_scale, bias):
    """An accumulator in real units, plus the bias."""
    return x_scale * w_scale * accumulator + bias


def nested(function, *lists):
    """Apply a function of integers to nested lists, element by element."""
    if isinstance(lists[0], list):
        return [nested(function, *inner) for inner in zip(*lists, strict=True)]
    return function(*lists)
