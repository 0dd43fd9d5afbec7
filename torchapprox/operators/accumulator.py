"""A model of the adder behind the multipliers: how wide it is, and what it does when full."""

from dataclasses import dataclass

import torch
from torch import Tensor

from multipliers.parameters import check_kind, check_parameter
from torchapprox.operators.lookup.lut_matmul import lut_matmul
from torchapprox.operators.lookup.saturating_matmul import saturating_matmul

OVERFLOWS = ("wrap", "saturate")
MOMENTS = ("step", "end")
MOST_BITS = 62  # a sum and one more product then fit int64


@dataclass(frozen=True)
class Accumulator:
    """The register that sums the products of one output, of limited width.

    It holds two's complement numbers of ``bits`` bits and starts at 0. The products of an output
    come in the order of k (see ``docs/conventions.md``), raw: zero-point corrections and the bias
    are added afterwards, exactly.

    With ``height``, products are summed by an array of so many multipliers in a column: K is cut
    into tiles of ``height`` products, the last of them perhaps shorter. The sum of a tile starts
    at 0 and has ``partial_bits`` bits; the tiles' sums are then added in the accumulator, in order.

    Attributes:
        bits: Width, 2 to 62.
        overflow: "wrap" drops the bits that do not fit, "saturate" takes the nearest number that
            fits.
        when: "step" fits the sum to the width after every addition, "end" after the last one. It
            makes no difference to "wrap".
        height: Products in a tile; all of them in one if None.
        partial_bits: Width of a tile's sum, 2 to 62; needed with ``height``.

    Raises:
        TypeError: A number is not an int.
        ValueError: A value is not as above.

    Examples:
        >>> Accumulator(8).fit(torch.tensor([127, 128, -129]))
        tensor([ 127, -128,  127])
        >>> Accumulator(8, "saturate").fit(torch.tensor([127, 128, -129]))
        tensor([ 127,  127, -128])
    """

    bits: int
    overflow: str = "wrap"
    when: str = "step"
    height: int | None = None
    partial_bits: int | None = None

    def __post_init__(self) -> None:
        if (self.height is None) != (self.partial_bits is None):
            raise ValueError(
                "'height' and 'partial_bits' must be given together, "
                f"got {self.height} and {self.partial_bits}"
            )
        bounds: dict[str, tuple[int, int | None]] = {"bits": (2, MOST_BITS)}
        if self.height is not None:
            bounds |= {"height": (1, None), "partial_bits": (2, MOST_BITS)}
        for name, (least, most) in bounds.items():
            value = check_parameter(name, getattr(self, name), least, most)
            object.__setattr__(self, name, value)
        check_kind("overflow", self.overflow, str)
        check_kind("when", self.when, str)
        if self.overflow not in OVERFLOWS:
            raise ValueError(f"'overflow' must be 'wrap' or 'saturate', got {self.overflow!r}")
        if self.when not in MOMENTS:
            raise ValueError(f"'when' must be 'step' or 'end', got {self.when!r}")

    @property
    def fits_each_step(self) -> bool:
        """Whether the sum must be looked at after every addition."""
        return self.overflow == "saturate" and self.when == "step"

    def fit(self, sums: Tensor) -> Tensor:
        """Return sums as the accumulator holds them, int64."""
        return _fit(sums, self.bits, self.overflow)

    def matmul(
        self,
        x: Tensor,
        w: Tensor,
        lut: Tensor,
        *,
        lut_range: tuple[int, int] | None = None,
        engine: str = "auto",
    ) -> Tensor:
        """Return the matrix product of two code matrices, summed in this accumulator.

        Args:
            x: Activation codes, uint8 `(G, M, K)`.
            w: Weight codes, uint8 `(G, N, K)`.
            lut: Products, int32 `(256, 256)`, row = code of x.
            lut_range: Bounds on the entries of lut, least and greatest, where known.
            engine: Computes the exact sums; see `torchapprox.lut_matmul`. Sums that saturate after
                every addition need single products, which are looked up whatever the engine.

        Returns:
            int64 `(G, M, N)`.

        Raises:
            TypeError: A dtype is not as above.
            ValueError: Shapes do not match or devices differ.

        Examples:
            >>> ones = torch.ones(1, 1, 3, dtype=torch.uint8)
            >>> hundred = torch.full((256, 256), 100, dtype=torch.int32)
            >>> Accumulator(8, "saturate").matmul(ones, ones, hundred)
            tensor([[[127]]])
            >>> Accumulator(8, "wrap").matmul(ones, ones, hundred)
            tensor([[[44]]])
            >>> Accumulator(12, height=2, partial_bits=8).matmul(ones, ones, hundred)
            tensor([[[44]]])
        """
        if self.height is None:
            return self._tile(x, w, lut, self.bits, lut_range, engine)
        total = torch.zeros((), dtype=torch.int64, device=x.device)
        for first in range(0, max(x.shape[2], 1), self.height):
            tile = slice(first, first + self.height)
            bits = self.partial_bits or self.bits
            total = total + self._tile(x[..., tile], w[..., tile], lut, bits, lut_range, engine)
            if self.fits_each_step:
                total = self.fit(total)
        return self.fit(total)

    def _tile(
        self,
        x: Tensor,
        w: Tensor,
        lut: Tensor,
        bits: int,
        lut_range: tuple[int, int] | None,
        engine: str,
    ) -> Tensor:
        if self.fits_each_step:
            return saturating_matmul(x, w, lut, bits=bits)
        sums = lut_matmul(x, w, lut, lut_range=lut_range, engine=engine)
        return _fit(sums, bits, self.overflow)


def _fit(sums: Tensor, bits: int, overflow: str) -> Tensor:
    sums, half = sums.to(torch.int64), 1 << (bits - 1)
    if overflow == "saturate":
        return sums.clamp(-half, half - 1)
    return ((sums + half) & (2 * half - 1)) - half
