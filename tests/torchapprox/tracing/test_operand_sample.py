"""The sample of a layer's operands: rows that were there, each as likely, however batched."""

import numpy as np
import pytest
import torch

from torchapprox import GemmOperands, LayerTracer
from torchapprox.operators.observed_codes import rows_of_matrices
from torchapprox.tracing.key_stream import KeyReader
from torchapprox.tracing.reservoir import Reservoir


def operands(x_codes, w_codes, *, fixed_weights=True):
    groups, columns, _ = w_codes.shape
    return GemmOperands(
        x_codes=torch.from_numpy(x_codes),
        w_codes=torch.from_numpy(w_codes),
        x_range=(0, 255),
        w_range=(-128, 127),
        x_zero_point=torch.tensor([7]),
        w_zero_point=torch.arange(groups * columns).reshape(groups, columns) % 3,
        scale=torch.linspace(0.1, 0.9, groups * columns).reshape(groups, columns),
        fixed_weights=fixed_weights,
    )


def codes(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def traced(batches, w_codes, *, rows=512, seed=0):
    tracer = LayerTracer("layer", rows=rows, seed=seed)
    for batch in batches:
        tracer.update(operands(batch, w_codes), torch.tensor([0.0, 1.0]))
    return tracer.result


def test_a_short_stream_is_kept_whole():
    x, w = codes(1, 2, 9, 4), codes(2, 2, 3, 4)
    sample = traced([x[:, :2], x[:, 2:]], w).sample
    assert sample.rows == 18
    order = np.lexsort(x[0].T)
    found = np.lexsort(sample.x_codes[0].T)
    np.testing.assert_array_equal(sample.x_codes[:, found], x[:, order])
    np.testing.assert_array_equal(sample.w_codes, w)


def test_rows_of_all_groups_are_those_of_the_same_positions():
    x = np.repeat(np.arange(200, dtype=np.uint8)[None, :, None], 3, axis=0).repeat(2, axis=2)
    sample = traced([x], codes(2, 3, 1, 2), rows=20).sample
    assert sample.x_codes.shape == (3, 20, 2)
    assert (sample.x_codes == sample.x_codes[:1, :, :1]).all()
    assert len(np.unique(sample.x_codes)) == 20


def test_cutting_into_batches_does_not_matter_and_the_seed_does():
    x, w = codes(1, 1, 300, 4), codes(2, 1, 3, 4)
    whole = traced([x], w, rows=16)
    parts = traced([x[:, :1], x[:, 1:130], x[:, 130:]], w, rows=16)
    np.testing.assert_array_equal(whole.sample.x_codes, parts.sample.x_codes)
    other = traced([x], w, rows=16, seed=1)
    assert not np.array_equal(whole.sample.x_codes, other.sample.x_codes)


def test_every_item_is_as_likely():
    items, size, runs = 40, 10, 2000
    counts = np.zeros(items)
    for run in range(runs):
        reservoir = Reservoir(size, KeyReader(run))
        places = np.full(reservoir.places, -1)
        for start in range(0, items, 8):
            kept, where = reservoir.offer(8)
            places[where] = start + kept
        kept = places[reservoir.order]
        assert len(set(kept)) == size
        counts[kept] += 1
    share = size / items
    tolerance = 5 * np.sqrt(share * (1 - share) / runs)
    np.testing.assert_allclose(counts / runs, share, atol=tolerance)


@pytest.mark.parametrize("batches", [[7], [3, 4, 1], [500], [2, 90, 1, 1, 700, 8], [1] * 60])
def test_the_smallest_keys_stay_in_their_order(batches):
    reservoir, start = Reservoir(7, KeyReader(4)), 0
    places = np.full(reservoir.places, -1)
    for count in batches:
        items, where = reservoir.offer(count)
        places[where] = start + items
        start += count
        keys = np.random.default_rng(4).random(start)
        np.testing.assert_array_equal(places[reservoir.order], np.argsort(keys)[:7])


def test_the_last_weights_count():
    x, w = codes(1, 1, 5, 4), codes(2, 1, 3, 4)
    tracer = LayerTracer("layer")
    tracer.update(operands(x, codes(3, 1, 3, 4)), torch.zeros(2))
    tracer.update(operands(x, w), torch.zeros(2))
    np.testing.assert_array_equal(tracer.result.w_codes, w)


class TestProductsOfTwoActivations:
    def trace(self, batches, **options):
        tracer = LayerTracer("attention", **options)
        for x, w in batches:
            outputs = torch.zeros(len(x), x.shape[1], w.shape[1])
            tracer.update(operands(x, w, fixed_weights=False), outputs)
        return tracer.result

    def test_counts_are_those_of_plain_loops(self):
        batches = [(codes(1, 3, 5, 4), codes(2, 3, 6, 4)), (codes(3, 2, 2, 4), codes(4, 2, 7, 4))]
        layer = self.trace(batches)
        joint, by_position = np.zeros((256, 256), int), np.zeros((4, 256), int)
        for x, w in batches:
            for matrix, other in zip(x, w, strict=True):
                for row in matrix.tolist():
                    for k, code in enumerate(row):
                        by_position[k, code] += 1
                        for column in other.tolist():
                            joint[code, column[k]] += 1
        np.testing.assert_array_equal(layer.joint_counts, joint)
        np.testing.assert_array_equal(layer.x_counts, by_position)
        assert (layer.rows, layer.outputs) == (3 * 5 + 2 * 2, 3 * 5 * 6 + 2 * 2 * 7)
        assert layer.products == joint.sum()
        assert (layer.groups, layer.fan_in, layer.out_channels) == (1, 4, 1)
        assert layer.scale.shape == layer.w_zero_point.shape == (1,)

    def test_rows_keep_the_matrix_that_they_met(self):
        # The code of every operand names its matrix.
        names = np.arange(50, dtype=np.uint8)[:, None, None]
        x, w = np.tile(names, (1, 6, 3)), np.tile(names + 100, (1, 70, 3))
        sample = self.trace([(x[:20], w[:20]), (x[20:], w[20:])], rows=64).sample
        assert sample.x_codes.shape == (8, 8, 3)
        assert sample.w_codes.shape == (8, 64, 3)
        np.testing.assert_array_equal(sample.x_codes[:, 0, 0] + 100, sample.w_codes[:, 0, 0])
        assert len(np.unique(sample.x_codes)) == 8

    def test_cutting_into_batches_does_not_matter(self):
        x, w = codes(1, 60, 12, 5), codes(2, 60, 3, 5)
        whole = self.trace([(x, w)], rows=64).sample
        parts = self.trace([(x[:7], w[:7]), (x[7:], w[7:])], rows=64).sample
        np.testing.assert_array_equal(whole.x_codes, parts.x_codes)
        np.testing.assert_array_equal(whole.w_codes, parts.w_codes)

    def test_places_say_where_rows_and_columns_were(self):
        # The codes of every operand name its place in the sample's matrices.
        x = np.tile(np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1), (20, 1, 1, 4))
        w = np.tile(np.arange(70, dtype=np.uint8)[:, None], (40, 1, 4))
        tracer = LayerTracer("attention", rows=64)
        tracer.update(
            operands(x.reshape(40, 3, 4), w, fixed_weights=False), torch.zeros(20, 2, 3, 70)
        )
        sample = tracer.result.sample
        assert tracer.result.sample_shape == (2, 3, 70)
        np.testing.assert_array_equal(sample.x_places, sample.x_codes[:, :, 0])
        np.testing.assert_array_equal(sample.w_places, sample.w_codes[:, :, 0])

    def test_the_depth_must_stay(self):
        with pytest.raises(ValueError, match=r"'attention' must keep its size and its ports"):
            self.trace([(codes(1, 1, 2, 4), codes(2, 1, 2, 4)), (codes(1, 1, 2, 3),) * 2])


def test_memory_is_bounded():
    tracer, w = LayerTracer("layer", rows=8), codes(2, 1, 3, 4)
    for seed in range(3):
        tracer.update(operands(codes(seed, 1, 100, 4), w), torch.zeros(2))
    assert tracer.result.sample.x_codes.shape == (1, 8, 4)


def test_at_least_one_row():
    with pytest.raises(ValueError, match="'rows' must be at least 1, got 0"):
        LayerTracer("layer", rows=0)


def test_rows_of_matrices_are_found_in_any_layout():
    whole = torch.from_numpy(codes(5, 3, 7, 4))
    strided, shared = torch.from_numpy(codes(5, 3, 4, 7)).mT, whole[:1].expand(3, 7, 4)
    matrices, rows = np.array([2, 0]), np.array([[6, 0, 3], [1, 1, 5]])
    for each in (whole, strided, shared, whole[:, :, :0]):
        wanted = [each[m, some].tolist() for m, some in zip(matrices, rows, strict=True)]
        assert rows_of_matrices(each, matrices, rows).tolist() == wanted
