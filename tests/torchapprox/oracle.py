"""The truth: quantised layers on an approximate multiplier in plain loops over Python integers.

Written from `docs/conventions.md` and the definition of the layers, not from the code under test.
Tensors are nested lists; nothing here is fast.
"""

from fractions import Fraction


def quantise(value, scale, zero_point, low, high):
    """Round value / scale half to even, add the zero point, clip to low..high."""
    q = round(Fraction(value) / Fraction(scale)) + zero_point
    return min(max(q, low), high)


def code(q):
    """An operand's code is its bit pattern in eight bits."""
    return q % 256


def dot(lut, xs, ws, x_zero_point, w_zero_point):
    """Sum of approximate products minus the zero-point terms, an exact integer."""
    total = 0
    for x, w in zip(xs, ws, strict=True):
        total += int(lut[code(x)][code(w)])
        total -= w_zero_point * x
        total -= x_zero_point * w
        total += x_zero_point * w_zero_point
    return total


def linear(lut, x, w, x_zero_point, w_zero_points):
    """Accumulators of a linear layer.

    x is a vector of integers, or any nesting of lists of vectors; w one list a neuron.
    """
    if not x or isinstance(x[0], list):
        return [linear(lut, inner, w, x_zero_point, w_zero_points) for inner in x]
    return [
        dot(lut, x, neuron, x_zero_point, w_zero_point)
        for neuron, w_zero_point in zip(w, w_zero_points, strict=True)
    ]


def margins(padding, kernel, dilation):
    """Padding before and after one axis; "same" puts the odd element after."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        total = dilation * (kernel - 1)
        return total // 2, total - total // 2
    return padding, padding


def conv2d(lut, x, w, x_zero_point, w_zero_points, *, stride, padding, dilation, groups):
    """Accumulators of a convolution, out[image][channel][row][column].

    x[image][channel][row][column] and w[out_channel][channel within the group][row][column] are
    integers; stride and dilation are pairs, padding a pair or "same" or "valid".
    """
    height, width = len(x[0][0]), len(x[0][0][0])
    kernel_height, kernel_width = len(w[0][0]), len(w[0][0][0])
    vertical, horizontal = (padding, padding) if isinstance(padding, str) else padding
    top, bottom = margins(vertical, kernel_height, dilation[0])
    left, right = margins(horizontal, kernel_width, dilation[1])
    rows = range(0, height + top + bottom - dilation[0] * (kernel_height - 1), stride[0])
    columns = range(0, width + left + right - dilation[1] * (kernel_width - 1), stride[1])

    def pixel(channel, row, column):
        inside = 0 <= row < height and 0 <= column < width
        return channel[row][column] if inside else x_zero_point  # the real number 0

    out = []
    for image in x:
        out_image = []
        for n, kernel in enumerate(w):
            group = n // (len(w) // groups)
            first_channel = group * len(kernel)
            out_channel = []
            for row in rows:
                out_row = []
                for column in columns:
                    xs, ws = [], []
                    for c, kernel_channel in enumerate(kernel):
                        for i in range(kernel_height):
                            for j in range(kernel_width):
                                ws.append(kernel_channel[i][j])
                                xs.append(
                                    pixel(
                                        image[first_channel + c],
                                        row - top + i * dilation[0],
                                        column - left + j * dilation[1],
                                    )
                                )
                    out_row.append(dot(lut, xs, ws, x_zero_point, w_zero_points[n]))
                out_channel.append(out_row)
            out_image.append(out_channel)
        out.append(out_image)
    return out


def rescale(accumulator, x_scale, w_scale, bias):
    """An accumulator in real units, plus the bias."""
    return x_scale * w_scale * accumulator + bias


def nested(function, *lists):
    """Apply a function of integers to nested lists, element by element."""
    if isinstance(lists[0], list):
        return [nested(function, *inner) for inner in zip(*lists, strict=True)]
    return function(*lists)
