"""What a product takes by each kernel that reads lines of codes, in cycles of one core."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from torchapprox.kernels.compiling.cpu_kernel import available_kernels
from torchapprox.kernels.lookup.code_lines import LANES, REGISTERS
from torchapprox.kernels.lookup.expanded_cpu import LANES as EXPANDED_LANES
from torchapprox.kernels.lookup.expanded_cpu import TILE, VECTORS
from torchapprox.kernels.lookup.lookup_table import LookupTable
from torchapprox.kernels.lookup.table_planes import WHOLE, Planes
from torchapprox.operators.remembered import found_of

# Measured by halves of the table and bits of an entry: for a row of the table, which comes from the
# second-level cache, and for each 64 codes that are looked up in it.
_CYCLES = {
    "vbmi": {
        (1, 16): (4.5, 3.9),
        (1, 15): (4.5, 3.6),
        (1, 8): (2.3, 2.7),
        (2, 16): (11.2, 5.1),
        (2, 15): (11.2, 4.8),
        (2, 8): (5.1, 3.2),
    },
    "avx512bw": {(1, 16): (2.6, 9.2), (2, 16): (4.8, 14.9)},
    "avx2": {(1, 16): (0.0, 37.0), (1, 8): (0.0, 21.0), (2, 16): (0.0, 71.0), (2, 8): (0.0, 36.0)},
}
_TRANSPOSE_CYCLES = {"vbmi": 10.0, "avx512bw": 70.0, "avx2": 70.0}  # for 64 codes
_COPY_CYCLES = 1.0  # for 64 codes
_WRITE_CYCLES = 40.0  # for 64 sums that stay neighbours
_TRANSPOSED_WRITE_CYCLES = 135.0  # for 64 sums of which the result has those of other rows between
# Of `expanded`, measured on a Zen 3 core.
_EXPAND_CYCLES = 4.1  # for the entries of 16 rows and one code
_POSITION_CYCLES = 0.6  # for a code, and
_ADD_CYCLES = 1.8  # for 16 rows that it is looked up in
_EXPANDED_WRITE_CYCLES = 110.0  # for 64 sums
# Of receptive fields that are laid out for a product of matrices, on that core without AVX-512.
_LAID_OUT_CYCLES = 2.0  # for a look-up, and for a code that is laid out
_LAY_OUT_CYCLES = 3e5  # for steps of their own, and to make real numbers of sums in another one


class Choice(NamedTuple):
    """The kernel that a product takes fewest cycles with.

    Attributes:
        cycles: The cycles.
        kernel: Its name.
        planes: The table, as prepared for it.
    """

    cycles: float
    kernel: str
    planes: Planes


class ProductSizes(NamedTuple):
    """Sizes of a product, and in which order its parts lie.

    Attributes:
        height: Rows, codes of the operand that selects rows of the table.
        depth: K.
        positions: Of the operand that is looked up.
        along: Whether neighbours among positions are neighbours in memory, else steps.
        in_order: Whether they are in the result, else rows.
    """

    height: int
    depth: int
    positions: int
    along: bool = True
    in_order: bool = True


def fastest_kernel(
    kernels: tuple[str, ...],
    table: LookupTable,
    sizes: ProductSizes,
    *,
    x_selects_rows: bool,
    columns: str,
) -> Choice | None:
    """Return the kernel for a product; None where the table suits none.

    Args:
        kernels: Names, as `line_kernels` returns them.
        table: The products.
        sizes: Of one group.
        x_selects_rows: As `LookupTable.planes` takes it.
        columns: Likewise.
    """
    key = kernels, sizes, x_selects_rows, columns

    def fastest() -> Choice | None:
        choices = [
            Choice(_cycles(kernel, planes, sizes), kernel, planes)
            for kernel in kernels
            if (planes := table.planes(kernel, x_selects_rows=x_selects_rows, columns=columns))
        ]
        return min(choices, key=lambda choice: choice.cycles, default=None)

    return found_of(_choices, table, key, fastest, _CHOICES_KEPT)


# By table and product, since to compare kernels takes longer than many a small product.
_choices: WeakKeyDictionary[LookupTable, dict[object, Choice | None]] = WeakKeyDictionary()
_CHOICES_KEPT = 256  # of a table


def _cycles(kernel: str, planes: Planes, sizes: ProductSizes) -> float:
    height, depth, positions, along, in_order = sizes
    registers: int = -(-positions // LANES)
    if kernel == "expanded":
        vectors = -(-height // EXPANDED_LANES)
        lines = -(-positions // TILE) * planes.halves * 128
        of_codes = positions * (-(-vectors // VECTORS) * _POSITION_CYCLES + vectors * _ADD_CYCLES)
        step = of_codes + lines * vectors * _EXPAND_CYCLES
        # What is a vector with AVX2 is two elsewhere.
        times = 1 if "avx2" in available_kernels() else 2
        return times * depth * step + height * registers * _EXPANDED_WRITE_CYCLES
    gather = _COPY_CYCLES if along else _TRANSPOSE_CYCLES[kernel]
    a_row, look_up = _CYCLES[kernel][planes.halves, planes.bits]
    tiles = -(-registers // REGISTERS)
    steps = depth * (height * (tiles * a_row + registers * look_up) + registers * gather)
    write = _WRITE_CYCLES if in_order else _TRANSPOSED_WRITE_CYCLES
    return steps + height * registers * write


def laid_out_cycles(
    kernels: tuple[str, ...], table: LookupTable, sizes: ProductSizes, groups: int
) -> float:
    """Return the cycles of a convolution whose receptive fields are laid out.

    Positions then may select the rows of the table, and weights be looked up.

    Args:
        kernels: As `fastest_kernel` takes them.
        table: Likewise.
        sizes: Of one group.
        groups: Number of groups.
    """
    turned = ProductSizes(sizes.positions, sizes.depth, sizes.height, along=False)
    choice = fastest_kernel(kernels, table, turned, x_selects_rows=True, columns=WHOLE)
    codes = sizes.depth * sizes.positions
    product = codes * sizes.height * _LAID_OUT_CYCLES
    if choice is not None:
        product = min(product, choice.cycles)
    return groups * (product + codes * _LAID_OUT_CYCLES) + _LAY_OUT_CYCLES


def copy_cycles(codes: int) -> float:
    """Return the cycles that it takes to make codes contiguous."""
    return -(-codes // LANES) * _COPY_CYCLES
