"""The kernels that read lines of codes where they stand, by name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from torchapprox.kernels.lookup.code_lines import CodeLines
from torchapprox.kernels.lookup.expanded_cpu import lookup_expanded_cpu
from torchapprox.kernels.lookup.lookup_vector import lookup_vector_cpu
from torchapprox.kernels.lookup.table_planes import Planes
from torchapprox.kernels.results.sum_places import Rescaling, SumPlaces


def lookup_lines_cpu(
    planes: Planes,
    rows: NDArray[np.uint8],
    lines: CodeLines,
    out: NDArray[Any],
    places: SumPlaces,
    rescaling: Rescaling | None = None,
    *,
    kernel: str,
    threads: int,
) -> None:
    """Fill ``out`` as `lookup_vector_cpu` does.

    Args:
        planes: The table, as prepared for the kernel and for codes of the range that ``lines`` has.
        rows: uint8 `(G, R, K)`, C-contiguous.
        lines: The other operand.
        out: int32, or of the type of the rescaling's scale, one-dimensional; overwritten.
        places: Where in ``out`` the sums go.
        rescaling: What makes real numbers of sums; None for the sums themselves.
        kernel: "vbmi", "avx512bw", "avx2" or "expanded".
        threads: Largest number of threads to use.
    """
    operands = planes, rows, lines, out, places, rescaling
    if kernel == "expanded":
        lookup_expanded_cpu(*operands, threads=threads)
    else:
        lookup_vector_cpu(*operands, kernel=kernel, threads=threads)
