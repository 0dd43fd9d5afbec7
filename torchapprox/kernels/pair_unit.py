"""What multiplies pairs of features on this CPU."""

from typing import NamedTuple

from torchapprox.kernels.cpu_kernel import cpu_features

ROWS, VECTORS = 6, 2  # of one tile; of rows, at most


class PairUnit(NamedTuple):
    """How pairs are multiplied.

    Attributes:
        lanes: Words in a vector.
        instruction: LLVM's name of an instruction that multiplies and adds pairs; empty for none.
    """

    lanes: int
    instruction: str


_UNITS = {
    "avx512bw": PairUnit(16, "llvm.x86.avx512.pmaddw.d.512"),
    "avx2": PairUnit(8, "llvm.x86.avx2.pmadd.wd"),
}
PORTABLE = PairUnit(4, "")


def pair_unit() -> PairUnit:
    """Return what multiplies pairs fastest on this CPU.

    Examples:
        >>> pair_unit().lanes in (4, 8, 16)
        True
    """
    features = cpu_features()
    return next((unit for need, unit in _UNITS.items() if need in features), PORTABLE)
