"""Codes that wait are counted as if each batch had been counted by itself."""

import numpy as np
import pytest
import torch

from torchapprox import GemmOperands, LayerTracer
from torchapprox.operators.convolution.conv_gemm_operands import ConvGemmOperands
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.observed_codes import MatrixCodes, WindowCodes
from torchapprox.tracing.waiting_codes import BYTES, BYTES_PER_POSITION, WaitingCodes


def codes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def counted_apart(batches):
    depth = batches[0].shape[1]
    counts = np.zeros((depth, 256), np.int64)
    for batch in batches:
        for row in batch:
            counts[np.arange(depth), row] += 1
    return counts


@pytest.mark.parametrize("depth", [5, 2500])
@pytest.mark.parametrize(
    "rows", [[1] * 9, [100] * 12, [500, 30, 30], [3, 700, 3], [40, 600, 0, 200, 7], [10, 300, 300]]
)
def test_every_row_counts_once(rows, depth):
    batches, calls = [codes(i, n, depth) for i, n in enumerate(rows)], []
    counts = np.zeros((depth, 256), np.int64)

    def count(observed):
        calls.append(observed.rows)
        observed.add_counts(counts)

    waiting = WaitingCodes(count)
    for batch in batches:
        shown = batch.copy()
        waiting.add(MatrixCodes(shown, 1))
        shown[:] = 0  # as whoever made the codes may
    waiting.hand_on()
    waiting.hand_on()
    np.testing.assert_array_equal(counts, counted_apart(batches))
    assert sum(calls) == sum(rows)
    room = BYTES_PER_POSITION
    most = 2 + sum(rows) // room + sum(n >= room for n in rows)
    assert len(calls) <= (1 if sum(rows) * depth <= BYTES else most)


@pytest.mark.parametrize(("rows", "waits"), [(BYTES // 2, True), (BYTES // 2 + 1, False)])
def test_large_batches_do_not_wait(rows, waits):
    seen = []
    waiting = WaitingCodes(lambda observed: seen.append(observed.rows))
    waiting.add(MatrixCodes(np.zeros((rows, 1), np.uint8), 1))
    assert seen == ([] if waits else [rows])
    waiting.hand_on()
    assert seen == [rows]


def traced(batches, size):
    """Trace a depthwise convolution of 3x3 on images of some sizes, batch after batch."""
    tracer, w = LayerTracer("layer"), torch.from_numpy(codes(9, 2, 1, 9))
    for seed, (images, edge) in enumerate(zip(batches, size, strict=True)):
        padded = torch.from_numpy(codes(seed, images, 2, edge, edge))
        shape = ConvShape.of(padded.shape, (2, 1, 3, 3), (1, 1), (1, 1), 2)
        one = torch.ones(2, 1)
        tracer.update(
            ConvGemmOperands(
                padded=padded, shape=shape, w_codes=w, x_range=(0, 255), w_range=(-128, 127),
                x_zero_point=torch.tensor([7]), w_zero_point=one.long(), scale=one,
            ),
            torch.tensor([0.0, 1.0]),
        )  # fmt: skip
        if seed == 1:
            assert tracer.result.rows == tracer.result.x_counts[0].sum()
    return tracer.result


def test_images_that_change_their_size():
    batches, sizes = [2, 3, 1, 90, 4], [5, 5, 6, 6, 5]
    result = traced(batches, sizes)
    counts = np.zeros((18, 256), np.int64)
    for seed, (images, edge) in enumerate(zip(batches, sizes, strict=True)):
        padded = codes(seed, images, 2, edge, edge)
        for position in range(18):
            channel, tap = divmod(position, 9)
            y, x = divmod(tap, 3)
            seen = padded[:, channel, y : y + edge - 2, x : x + edge - 2]
            counts[position] += np.bincount(seen.reshape(-1), minlength=256)
    np.testing.assert_array_equal(result.x_counts, counts)


def test_weights_that_change_meet_the_rows_before_them():
    tracer, joint = LayerTracer("layer"), np.zeros((256, 256), np.int64)
    for seed in range(4):
        x, w = codes(seed, 1, 3, 4), codes(10 + seed // 2, 1, 2, 4)
        one = torch.ones(1, 2)
        tracer.update(
            GemmOperands(
                x_codes=torch.from_numpy(x), w_codes=torch.from_numpy(w), x_range=(0, 255),
                w_range=(0, 255), x_zero_point=torch.tensor([0]), w_zero_point=one.long(),
                scale=one,
            ),
            torch.tensor([0.0, 1.0]),
        )  # fmt: skip
        for row in x[0].tolist():
            for column in w[0].tolist():
                for pair in zip(row, column, strict=True):
                    joint[pair] += 1
    np.testing.assert_array_equal(tracer.result.joint_counts, joint)
    np.testing.assert_array_equal(tracer.result.w_codes, codes(11, 1, 2, 4))


def test_rows_wait_that_share_codes():
    """Codes of receptive fields are fewer than their rows have."""
    seen = []
    waiting = WaitingCodes(lambda observed: seen.append(len(observed.codes)))
    shape = ConvShape.of((1, 999, 4, 4), (999, 1, 3, 3), (1, 1), (1, 1), 999)
    images = BYTES_PER_POSITION * 9 // 16
    for _ in range(images + 1):
        waiting.add(WindowCodes(np.zeros((1, 999, 4, 4), np.uint8), shape))
    assert seen == [images]
