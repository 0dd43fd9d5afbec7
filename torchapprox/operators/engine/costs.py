"""What the ways to compute a table product take on one machine, and estimates from it."""

import math
from dataclasses import dataclass

from torchapprox.kernels.pair_unit import ROWS, pair_unit
from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.convolution.conv_planes import conv_vectors

Sizes = tuple[int, int, int, int]
"""G, M, N and K of a product of matrices."""

_LANES = 64  # codes that the vector kernel looks up at once


@dataclass(frozen=True)
class EngineCosts:
    """Seconds for one of what each way does, with all threads together.

    Attributes:
        lookup: One look-up by the fastest kernel, many outputs along one operand.
        lookup_two_halves: Likewise where codes lie in both halves of the table.
        lookup_alone: One look-up where there are few outputs.
        lookup_depthwise: One look-up of a depthwise convolution.
        lookup_call: A call that looks up, beside the look-ups.
        term: One product of two features, in a matrix product.
        term_depthwise: Likewise in a depthwise convolution, for an even number of terms.
        feature: One feature of one code.
        factors_call: A call that multiplies by factors, beside what it multiplies.
    """

    lookup: float
    lookup_two_halves: float
    lookup_alone: float
    lookup_depthwise: float
    lookup_call: float
    term: float
    term_depthwise: float
    feature: float
    factors_call: float

    def matmul(self, sizes: Sizes, rank: int) -> tuple[float, float]:
        """Return estimates in seconds for a product (G, M, N, K): by factors, and looking up."""
        groups, m, n, depth = sizes
        lanes = pair_unit().lanes
        rows, vectors = min((_in_strips(r), -(-p // lanes)) for r, p in ((m, n), (n, m)))
        by_factors = (
            groups * depth * rank * (rows * vectors * lanes * self.term + (m + n) * self.feature)
        )
        along = min(r * -(-p // _LANES) * _LANES for r, p in ((m, n), (n, m)))
        look_ups = min(along * self.lookup, m * n * self.lookup_alone) * groups * depth
        return by_factors + self.factors_call, look_ups + self.lookup_call

    def conv(self, shape: ConvShape, rank: int) -> tuple[float, float]:
        """Return the same estimates for a convolution."""
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
                rows * positions * shape.depth * self.term + (codes + weights) * self.feature
            )
            look_ups = products * self.lookup
        return by_factors + self.factors_call, look_ups + self.lookup_call


def _in_strips(rows: int) -> float:
    """Return how many rows of full strips take as long as some rows, whose strips may be lower."""
    strips = -(-rows // ROWS)
    return (rows + strips) * ROWS / (ROWS + 1)


def most_useful_terms(costs: EngineCosts) -> int:
    """Return the number of terms above which looking up is faster whatever the product's shape.

    Examples:
        >>> from dataclasses import fields
        >>> values = {field.name: 1e-9 for field in fields(EngineCosts)}
        >>> most_useful_terms(EngineCosts(**values))
        1
    """
    dense = max(costs.lookup, costs.lookup_two_halves) / costs.term
    return int(max(dense, costs.lookup_depthwise / costs.term_depthwise))
