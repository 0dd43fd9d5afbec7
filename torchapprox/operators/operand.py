"""One operand of a product on its way to codes, and its gradient's way back."""

from dataclasses import dataclass

from torch import Tensor

from torchapprox.operators.affine.affine_quantiser import AffineQuantiser
from torchapprox.operators.affine.codes import SIGNED, UNSIGNED, data_range, to_codes

Range = tuple[int, int]


@dataclass(frozen=True)
class Operand:
    """How one operand becomes codes.

    Attributes:
        scale: Positive, broadcastable to the operand.
        zero_point: Integer-valued, of the shape of ``scale``.
        port: Least and greatest q that the multiplier's port accepts; taken from the data if None.
        clip: Limits of a quantiser that has not run yet, so that the operand holds any real
            numbers; None where it is fake-quantised already.
    """

    scale: Tensor
    zero_point: Tensor
    port: Range | None
    clip: Range | None

    def codes(self, values: Tensor) -> tuple[Tensor, Range]:
        """Return the operand's codes, uint8, and the range of the port that they enter.

        Raises:
            ValueError: Values or limits do not fit the port, or a value is NaN or infinite.
        """
        if self.clip is None:
            port = self.port or data_range(values, self.scale, self.zero_point)
            return to_codes(values, self.scale, self.zero_point, port), port
        port = self.port or (SIGNED if self.clip[0] < 0 else UNSIGNED)
        if self.clip[0] < port[0] or self.clip[1] > port[1]:
            raise ValueError(
                "a quantiser's limits must lie in {}..{}, the range of the multiplier's port, "
                "got {}..{}".format(*port, *self.clip)
            )
        return self._quantiser(self.clip).codes(values), port

    def reals(self, values: Tensor) -> Tensor:
        """Return the real numbers that the codes stand for, floating point."""
        return values if self.clip is None else self._quantiser(self.clip).reals(values)

    def straight_through(self, gradient: Tensor | None, values: Tensor) -> Tensor | None:
        """Return the gradient of ``values`` from that of `reals`: 0 where they were clipped."""
        if gradient is None or self.clip is None:
            return gradient
        return self._quantiser(self.clip).clip_gradient(gradient, values)

    def _quantiser(self, limits: Range) -> AffineQuantiser:
        return AffineQuantiser(self.scale, self.zero_point, limits)


@dataclass(frozen=True)
class OperandPair:
    """The two operands of a bilinear product, for its gradients."""

    x: Operand
    w: Operand

    def reals(self, x: Tensor, w: Tensor, needed: tuple[bool, bool]) -> tuple[Tensor, Tensor]:
        """Return what the gradients multiply with.

        Args:
            x: First operand, as the product got it.
            w: Second operand, likewise.
            needed: Whether the gradients of x and of w are needed. That of one operand multiplies
                with the other one; an operand that no gradient multiplies with stays as it is.
        """
        for_x, for_w = needed
        return self.x.reals(x) if for_w else x, self.w.reals(w) if for_x else w

    def straight_through(
        self, gradients: tuple[Tensor | None, Tensor | None], x: Tensor, w: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """Return the gradients of x and w from those of `reals`."""
        grad_x, grad_w = gradients
        return self.x.straight_through(grad_x, x), self.w.straight_through(grad_w, w)
