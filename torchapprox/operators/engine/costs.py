"""What the ways to compute a table product take on one machine, and estimates from it."""

import math
from dataclasses import dataclass

from torchapprox.kernels.compiling.cpu_kernel import line_kernels
from torchapprox.kernels.features.pair_unit import ROWS, pair_unit
from torchapprox.kernels.lookup.expanded_cpu import TILE
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.conv_planes import conv_vectors

Sizes = tuple[int, int, int, int]
"""G, M, N and K of a product of matrices."""

_LANES = 64  # codes that kernels look up in registers at once


@dataclass(frozen=True)
class EngineCosts:
    """Seconds for one of what each way does, with all threads together.

    Attributes:
        lookup: One look-up by the fastest kernel, many outputs along one operand; see
            `looked_up`.
        lookup_two_halves: Likewise where codes lie in both halves of the table.
        lookup_alone: One look-up where there are few outputs.
        lookup_depthwise: One look-up of a depthwise convolution.
        lookup_call: A call that looks up, beside the look-ups.
        term: One product of two features of 16 bits, in a matrix product.
        term_in_bytes: Likewise of features that fit bytes.
        term_depthwise: Of 16 bits in a depthwise convolution, for an even number of terms.
        feature: One feature of one code.
        feature_in_bytes: Likewise of those that fit bytes.
        factors_call: A call that multiplies by factors, beside what it multiplies.
    """

    lookup: float
    lookup_two_halves: float
    lookup_alone: float
    lookup_depthwise: float
    lookup_call: float
    term: float
    term_in_bytes: float
    term_depthwise: float
    feature: float
    feature_in_bytes: float
    factors_call: float

    def matmul(self, sizes: Sizes, rank: int, *, in_bytes: bool = False) -> tuple[float, float]:
        """Return estimates in seconds for a product: by factors, and looking up.

        Args:
            sizes: (G, M, N, K).
            rank: Terms of the table's factors.
            in_bytes: Whether features are multiplied in bytes.
        """
        term, feature = self._of_features(in_bytes=in_bytes)
        groups, m, n, depth = sizes
        lanes = pair_unit().lanes
        rows, vectors = min((_in_strips(r), -(-p // lanes)) for r, p in ((m, n), (n, m)))
        by_factors = groups * depth * rank * (rows * vectors * lanes * term + (m + n) * feature)
        look_up = min(looked_up(m, n) * self.lookup, m * n * self.lookup_alone)
        look_ups = look_up * groups * depth
        return by_factors + self.factors_call, look_ups + self.lookup_call

    def conv(self, shape: ConvShape, rank: int, *, in_bytes: bool = False) -> tuple[float, float]:
        """Return the same estimates for a convolution."""
        term, feature = self._of_features(in_bytes=in_bytes)
        codes = shape.batch * shape.channels * math.prod(shape.size)
        weights = shape.out_channels * shape.depth
        products = shape.batch * shape.out_channels * math.prod(shape.output_size) * shape.depth
        depthwise = shape.groups > 1 and shape.depth == math.prod(shape.kernel)
        if depthwise and shape.rows == 1:
            by_factors = products * (rank + rank % 2) * self.term_depthwise
            look_ups = products * self.lookup_depthwise
        else:
            positions = conv_vectors(shape, pair_unit().lanes) * pair_unit().lanes
            rows = shape.groups * _in_strips(shape.rows)
            by_factors = rank * (
                rows * positions * shape.depth * term + (codes + weights) * feature
            )
            places = shape.batch * math.prod(shape.output_size)
            look_up = looked_up(places, shape.rows) * self.lookup
            look_ups = look_up * shape.groups * shape.depth
        return by_factors + self.factors_call, look_ups + self.lookup_call

    def _of_features(self, *, in_bytes: bool) -> tuple[float, float]:
        """Return what a product of two features and a feature take."""
        if in_bytes:
            return self.term_in_bytes, self.feature_in_bytes
        return self.term, self.feature


def looked_up(m: int, n: int) -> int:
    """Return how many look-ups take as long as those of M N outputs, whichever operand's codes."""
    return min(rows * _positions(positions) for rows, positions in ((m, n), (n, m)))


def _positions(positions: int) -> int:
    """Return how many positions take as long as some that are looked up in one row.

    Vectors are whole, or the table is expanded for each tile, of which a line takes 2.1 times as
    long as a position: 192 lines on average, since some products need half of them.
    """
    if "expanded" in line_kernels(None):
        return positions + -(-positions // TILE) * 403
    return -(-positions // _LANES) * _LANES


def _in_strips(rows: int) -> float:
    """Return how many rows of full strips take as long as some rows, whose strips may be lower."""
    strips = -(-rows // ROWS)
    return (rows + strips) * ROWS / (ROWS + 1)


def most_useful_terms(costs: EngineCosts) -> int:
    """Return the number of terms above which looking up is faster in products of 64 or more rows.

    A product of M = N = 64 is the smallest of these, and one in which look-ups take longest.

    Examples:
        >>> from dataclasses import fields
        >>> values = {field.name: 1e-9 for field in fields(EngineCosts)}
        >>> most_useful_terms(EngineCosts(**values | {"lookup": 0.0, "lookup_two_halves": 0.0}))
        1
    """
    term = min(costs.term, costs.term_in_bytes)
    dense = max(costs.lookup, costs.lookup_two_halves) / term * looked_up(64, 64) / 64**2
    return int(max(dense, costs.lookup_depthwise / costs.term_depthwise))
