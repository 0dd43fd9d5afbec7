"""What the ways to compute a table product take on one machine, and estimates from it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.factor_tables import TableFactors
from torchapprox.operators.lookup.field_layout import FIELD_BYTES

ARITHMETICS = ("int8", "float32", "float64")
Sizes = tuple[int, int, int, int]
"""G, M, N and K of a product of matrices."""

_LANES = 64  # codes that the vector kernel looks up at once


@dataclass(frozen=True)
class EngineCosts:
    """Seconds for one of what each way does, with all threads together.

    A product of matrices (M, K) and (K, N) takes a time for each of its M N K products and one for
    each of the M K + K N + M N elements that it reads, packs or writes.

    Attributes:
        lookup: One look-up by the fastest kernel, many outputs along one operand.
        lookup_two_halves: Likewise where codes lie in both halves of the table.
        lookup_alone: One look-up where there are few outputs.
        lookup_depthwise: One look-up of a depthwise convolution.
        lookup_call: A call that looks up, beside the look-ups.
        int8_product: One int8 product.
        int8_element: One element of an int8 matrix product.
        float32_product: One float32 product.
        float32_element: One element of a float32 matrix product or convolution.
        float32_depthwise: One product of a depthwise convolution.
        float64_ratio: Time of a float64 product by that of a float32 one.
        map_byte: One int8 feature of one code.
        map_float: One float32 feature of one code.
        lay_out_byte: One byte of a receptive field.
        pass_element: One integer result that is read and written once more.
        product_call: One call of a product of matrices.
        factors_call: A call that multiplies by factors, beside what it multiplies.
        int8_exact: Whether int8 products of the extreme operands are right on this machine.
    """

    lookup: float
    lookup_two_halves: float
    lookup_alone: float
    lookup_depthwise: float
    lookup_call: float
    int8_product: float
    int8_element: float
    float32_product: float
    float32_element: float
    float32_depthwise: float
    float64_ratio: float
    map_byte: float
    map_float: float
    lay_out_byte: float
    pass_element: float
    product_call: float
    factors_call: float
    int8_exact: bool

    def matmul(self, sizes: Sizes, factors: TableFactors) -> dict[str, float]:
        """Return estimates in seconds for a product (G, M, N, K), by arithmetic, and "lookup".

        An arithmetic that is not exact for K is missing.
        """
        groups, m, n, depth = sizes
        products, operands, results = (
            groups * m * n * depth,
            groups * (m + n) * depth,
            groups * m * n,
        )
        along = min(r * -(-p // _LANES) * _LANES for r, p in ((m, n), (n, m)))
        found = {
            "lookup": min(groups * along * depth * self.lookup, products * self.lookup_alone)
            + self.lookup_call
        }
        if self.int8_exact and depth <= factors.depths["int8"]:
            calls = groups * self.product_call
            found["int8"] = self._int8(products, operands, results, calls, factors)
        for name, ratio, blocks in self._floats(depth, factors):
            found[name] = (
                factors.rank * ratio * (products * self.float32_product + operands * self.map_float)
                + (factors.rank * operands + blocks * results) * ratio * self.float32_element
                + blocks * (results * self.pass_element + self.factors_call)
            )
        return found

    def conv(self, shape: ConvShape, factors: TableFactors) -> dict[str, float]:
        """Return estimates in seconds for a convolution, by arithmetic, and "lookup"."""
        positions, taps = math.prod(shape.output_size), math.prod(shape.kernel)
        results = shape.batch * shape.out_channels * positions
        codes = shape.batch * shape.channels * math.prod(shape.size)
        weights = shape.out_channels * shape.depth
        products, depthwise = results * shape.depth, shape.groups > 1 and shape.depth == taps
        look_up = self.lookup_depthwise if depthwise and shape.rows == 1 else self.lookup
        found = {"lookup": products * look_up + self.lookup_call}
        if self.int8_exact and shape.depth <= factors.depths["int8"]:
            fields = shape.batch * shape.groups * shape.depth * positions
            pieces = shape.groups * max(
                1.0, factors.int8_terms * fields / shape.groups / FIELD_BYTES
            )
            calls = pieces * self.factors_call  # fields and results are moved, too
            strided = set(shape.stride) != {1}
            laid_out = 0 if taps == 1 and not strided else fields
            found["int8"] = (
                self._int8(products, fields + weights, results, calls, factors)
                + factors.int8_terms * laid_out * self.lay_out_byte
                - factors.int8_terms * (fields - codes) * self.map_byte
                + (results + (3 * codes if strided else 0)) * self.pass_element
            )
        for name, ratio, blocks in self._floats(shape.depth, factors):
            if blocks > 1 and (shape.groups > 1 or taps > factors.depths[name]):  # type: ignore[index]
                continue
            one = self.float32_depthwise if depthwise else self.float32_product
            passes = factors.rank if depthwise and shape.rows == 1 else blocks
            elements = 0 if depthwise else factors.rank * codes + passes * results
            found[name] = (
                factors.rank * ratio * (products * one + (codes + weights) * self.map_float)
                + elements * ratio * self.float32_element
                + passes * (results * self.pass_element + self.factors_call)
            )
        return found

    def _int8(
        self, products: float, operands: float, results: float, calls: float, factors: TableFactors
    ) -> float:
        parts, terms = len(factors.parts), factors.int8_terms
        shifts = (factors.x_shift is not None) + (factors.w_shift is not None)
        more = 2 * parts - 2 + shifts if parts > 1 else shifts
        return (
            terms * (products * self.int8_product + operands * self.map_byte)
            + (terms * operands + parts * results) * self.int8_element
            + more * results * self.pass_element
            + parts * (calls + self.factors_call)
        )

    def _floats(self, depth: int, factors: TableFactors) -> Iterator[tuple[str, float, int]]:
        """Yield exact float arithmetics, their time by that of float32, and their blocks of K."""
        for name, ratio in (("float32", 1.0), ("float64", self.float64_ratio)):
            most = factors.depths[name]  # type: ignore[index]
            if most:
                yield name, ratio, max(1, -(-depth // most))


def most_useful_terms(costs: EngineCosts) -> int:
    """Return the number of terms above which looking up is faster whatever the product's shape.

    Examples:
        >>> from dataclasses import fields
        >>> values = {field.name: 1e-9 for field in fields(EngineCosts)}
        >>> most_useful_terms(EngineCosts(**values))
        1
    """
    products = [costs.float32_product]
    if costs.int8_exact:
        products.append(costs.int8_product)
    dense = max(costs.lookup, costs.lookup_two_halves) / min(products)
    return int(max(dense, costs.lookup_depthwise / costs.float32_depthwise))
