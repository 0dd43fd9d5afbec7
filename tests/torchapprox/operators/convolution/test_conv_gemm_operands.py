"""Rows and counts of receptive fields that are not laid out equal those of ones that are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchapprox.operators.convolution.conv_gemm_operands import ConvGemmOperands
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.lookup.lut_conv import receptive_fields
from torchapprox.operators.observed_codes import MatrixCodes


@st.composite
def convolutions(draw):
    dims = draw(st.integers(1, 3))

    def sizes(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(dims))

    kernel, stride, dilation = sizes(1, 4), sizes(1, 3), sizes(1, 3)
    groups = draw(st.integers(1, 2))
    smallest = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    size = tuple(
        n + more
        for n, more in zip(
            smallest,
            sizes(0, draw(st.sampled_from([1, 9, 24]) if dims < 3 else st.just(7))),
            strict=True,
        )
    )
    return ConvShape(
        batch=draw(st.integers(0, 3)), channels=groups * draw(st.integers(1, 3)), size=size,
        out_channels=groups, kernel=kernel, stride=stride, dilation=dilation, groups=groups,
    )  # fmt: skip


def operands(shape, seed, high=256):
    source = np.random.default_rng(seed)
    codes = source.integers(0, high, (shape.batch, shape.channels, *shape.size), dtype=np.uint8)
    padded = torch.from_numpy(codes)
    one, zero = torch.ones(shape.groups, 1), torch.zeros(shape.groups, 1, dtype=torch.int64)
    lowered = ConvGemmOperands(
        padded=padded, shape=shape,
        w_codes=torch.zeros(shape.groups, 1, shape.depth, dtype=torch.uint8),
        x_range=(0, 255), w_range=(0, 255), x_zero_point=zero[0], w_zero_point=zero, scale=one,
    )  # fmt: skip
    return lowered, receptive_fields(padded, shape)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(shape=convolutions(), seed=st.integers(0, 99), high=st.sampled_from([2, 7, 256]))
def test_counts_and_rows(shape, seed, high):
    lowered, fields = operands(shape, seed, high)
    counts = np.full((shape.groups * shape.depth, 256), 5)
    expected = counts.copy()
    lowered.observed_x.add_counts(counts)
    MatrixCodes.of(fields).add_counts(expected)
    np.testing.assert_array_equal(counts, expected)
    assert lowered.rows == lowered.observed_x.rows == fields.shape[1]
    if lowered.rows:
        items, places = np.random.default_rng(seed).integers(0, lowered.rows, 4), np.arange(4)[::-1]
        for observed in (lowered.observed_x, MatrixCodes.of(fields)):
            out = np.full((shape.groups, 5, shape.depth), 7, np.uint8)
            observed.copy_rows(items, out, places)
            np.testing.assert_array_equal(out[:, places], fields[:, items].numpy())
            assert (out[:, 4] == 7).all()
    assert "x_codes" not in vars(lowered)
    assert torch.equal(lowered.x_codes, fields)
    assert lowered.x_codes is lowered.x_codes


@pytest.mark.parametrize("threads", [1, 2])
def test_more_than_one_block_of_channels(threads):
    shape = ConvShape(2, 6, (40, 41), 1, (3, 3), (1, 2), (1, 1), 1)
    lowered, fields = operands(shape, 1)
    torch.set_num_threads(threads)
    counts = np.zeros((shape.depth, 256), np.int64)
    lowered.observed_x.add_counts(counts)
    expected = np.zeros_like(counts)
    MatrixCodes.of(fields).add_counts(expected)
    np.testing.assert_array_equal(counts, expected)


def test_other_attributes_are_those_of_any_product():
    lowered, fields = operands(ConvShape(2, 2, (5,), 1, (3,), (1,), (1,), 1), 0)
    assert lowered.fixed_weights
    assert lowered.accumulator is None
    assert lowered.corrections().shape == (1, fields.shape[1], 1)
    assert lowered.x_values.shape == fields.shape
