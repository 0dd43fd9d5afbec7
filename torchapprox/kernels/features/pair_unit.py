"""What multiplies words of features on this CPU."""

from functools import cache
from typing import NamedTuple

from torchapprox.kernels.compiling.cpu_kernel import cpu_features

ROWS, VECTORS = 6, 2  # of one tile; of rows, at most, where a unit has no other number


class PairUnit(NamedTuple):
    """How the features in words are multiplied.

    Attributes:
        lanes: Words in a vector.
        instruction: LLVM's name of an instruction that multiplies and adds them; empty for none.
        share: Features in a word: 2 signed integers of 16 bits, or 4 of 8 bits, unsigned ones of
            one operand and signed ones of the other.
        unsigned_rows: Whether the rows have the unsigned ones.
        rows: Of one tile; of rows, at most.
    """

    lanes: int
    instruction: str
    share: int = 2
    unsigned_rows: bool = False
    rows: int = ROWS

    @property
    def narrows(self) -> bool:
        """Whether products are added in 16 bits first."""
        return self.share == 4 and self.lanes == 8 and bool(self.instruction)


_UNITS = {
    "avx512bw": PairUnit(16, "llvm.x86.avx512.pmaddw.d.512"),
    "avx2": PairUnit(8, "llvm.x86.avx2.pmadd.wd"),
}
PORTABLE = PairUnit(4, "")
PORTABLE_BYTES = PairUnit(4, "", 4)
_BYTES = PairUnit(16, "llvm.x86.avx512.vpdpbusd.512", 4)
_SMALL_BYTES = PairUnit(8, "llvm.x86.avx2.pmadd.ub.sw", 4, rows=4)


@cache
def pair_unit() -> PairUnit:
    """Return what multiplies pairs fastest on this CPU.

    Examples:
        >>> pair_unit().lanes in (4, 8, 16)
        True
    """
    features = cpu_features()
    return next((unit for need, unit in _UNITS.items() if need in features), PORTABLE)


@cache
def byte_unit(*, small: bool = False, unsigned_rows: bool = False) -> PairUnit:
    """Return what multiplies bytes on this CPU; without an instruction, pairs are faster.

    Args:
        small: Whether 16 bits hold every sum of two products, where AVX2 saturates.
        unsigned_rows: As `PairUnit` has it.

    Examples:
        >>> byte_unit().share
        4
    """
    features = cpu_features()
    unit = PORTABLE_BYTES
    if "avx512vnni" in features:
        unit = _BYTES
    elif small and "avx2" in features:
        unit = _SMALL_BYTES
    return unit._replace(unsigned_rows=unsigned_rows)
