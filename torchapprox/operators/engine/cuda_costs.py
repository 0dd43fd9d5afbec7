"""What the ways to compute a table product take on a CUDA device, and estimates from it."""

import math
from dataclasses import dataclass

from torchapprox.operators.convolution.conv_lines import ConvShape
from torchapprox.operators.engine.costs import Sizes
from torchapprox.operators.factors.cuda_factors import padded_depth, padded_rows
from torchapprox.operators.factors.factor_tables import TableFactors

_WIDTHS = {"float32": 4, "float64": 8}


@dataclass(frozen=True)
class CudaCosts:
    """Seconds for one of what each way does, with the whole device.

    Attributes:
        lookup: One look-up, where one access to shared memory serves two rows of weights.
        lookup_step: One step of a sum where there are few outputs.
        int8_product: One int8 product.
        float32_product: One float32 product.
        float64_product: One float64 product.
        byte: One byte that is read from or written to device memory.
        call: One launch from Python.
        int8: Whether the device multiplies int8 matrices.
    """

    lookup: float
    lookup_step: float
    int8_product: float
    float32_product: float
    float64_product: float
    byte: float
    call: float
    int8: bool

    def matmul(self, sizes: Sizes, factors: TableFactors, *, paired: bool) -> dict[str, float]:
        """Return estimates in seconds for a product (G, M, N, K), by arithmetic, and "lookup".

        Args:
            sizes: The product.
            factors: The table's factors.
            paired: Whether two rows of the table share words of shared memory.
        """
        groups, m, n, depth = sizes
        return self._estimates(groups, min(m, n), max(m, n), depth, factors, paired)

    def conv(self, shape: ConvShape, factors: TableFactors, *, paired: bool) -> dict[str, float]:
        """Return the same for a convolution."""
        columns = shape.batch * math.prod(shape.output_size)
        return self._estimates(shape.groups, shape.rows, columns, shape.depth, factors, paired)

    def most_useful_terms(self) -> int:
        """Return the number of terms above which looking up is faster whatever the shape."""
        products = [self.float32_product]
        if self.int8:
            products.append(self.int8_product)
        return int(2 * self.lookup / min(products))

    def _estimates(
        self, groups: int, rows: int, columns: int, depth: int, factors: TableFactors, paired: bool
    ) -> dict[str, float]:
        products = groups * rows * columns * depth
        single = 1 if paired and rows > 1 else 2
        found = {
            "lookup": self.call + max(single * products * self.lookup, depth * self.lookup_step)
        }
        if self.int8:
            found["int8"] = self._int8(groups, rows, columns, depth, factors)
        results, codes = groups * rows * columns, groups * (rows + columns) * depth
        for name, width in _WIDTHS.items():
            most = factors.depths[name]  # type: ignore[index]
            if most == 0:
                continue
            blocks = -(-depth // most)
            moved = codes * (1 + 2 * width * factors.rank) + blocks * results * (2 * width + 8)
            found[name] = (
                factors.rank * products * getattr(self, f"{name}_product")
                + moved * self.byte
                + 4 * blocks * self.call
            )
        return found

    def _int8(
        self, groups: int, rows: int, columns: int, depth: int, factors: TableFactors
    ) -> float:
        parts, terms = len(factors.parts), factors.int8_terms
        blocks = -(-depth // factors.depths["int8"])
        high, deep = padded_rows(rows), padded_depth(depth)
        shifts = (factors.x_shift is not None) + (factors.w_shift is not None)
        codes = groups * (high + columns) * deep
        moved = codes * (1 + 2 * terms) + parts * blocks * groups * high * columns * 16
        calls = blocks * (parts * (3 + groups) + shifts)
        return (
            terms * groups * high * columns * deep * self.int8_product
            + moved * self.byte
            + calls * self.call
        )


@dataclass(frozen=True)
class _Architecture:
    """Rates of a multiprocessor: products in a cycle, cycles and bytes in a second."""

    processors: int
    hertz: float
    int8: int
    float32: int
    float64: int
    bytes_per_second: float


# NVIDIA's data sheets and architecture papers of V100, T4, A100, RTX 3090, RTX 4090, H100, B200 and
# RTX 5090: dense products at the boost clock, bandwidth of the memory by multiprocessor.
_PUBLISHED = {
    (7, 0): _Architecture(80, 1.53e9, 0, 64, 32, 11.2e9),
    (7, 5): _Architecture(40, 1.59e9, 0, 64, 2, 8.0e9),
    (8, 0): _Architecture(108, 1.41e9, 2048, 64, 32, 18.9e9),
    (8, 6): _Architecture(82, 1.70e9, 1024, 128, 2, 11.4e9),
    (8, 9): _Architecture(128, 2.52e9, 1024, 128, 2, 7.9e9),
    (9, 0): _Architecture(132, 1.755e9, 4096, 128, 64, 25.4e9),
    (10, 0): _Architecture(148, 1.85e9, 8192, 128, 64, 54.0e9),
    (12, 0): _Architecture(170, 2.41e9, 1024, 128, 2, 10.5e9),
}
_LOOKUPS = 15.0  # a cycle and multiprocessor, see `lookup_cuda`
_STEP_CYCLES = 40.0  # of one look-up after the other
_USUAL = 0.6  # of a published rate that products and copies of middle size reach
_CALL = 1e-5


def published_costs(capability: tuple[int, int], processors: int | None = None) -> CudaCosts:
    """Return costs from published rates, for a device that was not measured.

    Args:
        capability: The device's compute capability; one that is not known counts as the greatest
            known one below it.
        processors: Its multiprocessors; those of the card that the rates are of if None.

    Examples:
        >>> f"{1 / published_costs((9, 0)).lookup:.1e} look-ups a second"
        '3.5e+12 look-ups a second'
    """
    known = max((each for each in _PUBLISHED if each <= capability), default=min(_PUBLISHED))
    rates = _PUBLISHED[known]
    count = processors or rates.processors
    cycles = rates.hertz * count
    return CudaCosts(
        lookup=1 / (_LOOKUPS * cycles),
        lookup_step=_STEP_CYCLES / rates.hertz,
        int8_product=1 / (_USUAL * rates.int8 * cycles) if rates.int8 else 0.0,
        float32_product=1 / (_USUAL * rates.float32 * cycles),
        float64_product=1 / (_USUAL * rates.float64 * cycles),
        byte=1 / (_USUAL * rates.bytes_per_second * count),
        call=_CALL,
        int8=rates.int8 > 0,
    )
