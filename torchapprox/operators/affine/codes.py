"""From fake-quantised floats to the 8-bit codes that enter a multiplier, and to their values."""

import torch
from torch import Tensor

from torchapprox.operators.library_op import library_op
from torchapprox.running_layer import in_layer

UNSIGNED = (0, 255)
SIGNED = (-128, 127)


def to_codes(
    values: Tensor, scale: Tensor, zero_point: Tensor, allowed: tuple[int, int] = UNSIGNED
) -> Tensor:
    """Return the 8-bit codes of fake-quantised values.

        q = round(value / scale) + zero_point,   code = q mod 256

    A negative q becomes its two's complement bit pattern.

    Args:
        values: Floating point, any shape.
        scale: Positive, broadcastable to ``values``.
        zero_point: Integer-valued, broadcastable to ``values``.
        allowed: Least and greatest q that the multiplier's port accepts.

    Returns:
        uint8, shape of ``values``.

    Raises:
        ValueError: A value is NaN, or its q lies outside ``allowed``.

    Examples:
        >>> to_codes(torch.tensor([-0.5, 1.0]), torch.tensor(0.5), torch.tensor(0), (-128, 127))
        tensor([255,   2], dtype=torch.uint8)
    """
    least, greatest = allowed
    codes: Tensor = torch.ops.torchapprox.to_codes(values, scale, zero_point, least, greatest)
    return codes


@library_op("to_codes")
def _to_codes(
    values: Tensor, scale: Tensor, zero_point: Tensor, least: int, greatest: int
) -> Tensor:
    q = _quantised(values, scale, zero_point)
    if q.numel():
        low, high = torch.aminmax(q)
        # The negated form is also true for NaN.
        if not (low >= least and high <= greatest):
            raise ValueError(
                f"operand values must lie in {least}..{greatest}, the range of the multiplier's "
                f"port, got {low.item():.0f}..{high.item():.0f}{in_layer()}"
            )
    # Through a wide integer, since a negative float has no defined conversion to uint8.
    return q.to(torch.int16).to(torch.uint8)


@_to_codes.register_fake
def _(values: Tensor, scale: Tensor, zero_point: Tensor, *_allowed: int) -> Tensor:
    return torch.empty_like(values * scale * zero_point, dtype=torch.uint8)


def to_codes_and_fault(
    values: Tensor, scale: Tensor, zero_point: Tensor, allowed: tuple[int, int] = UNSIGNED
) -> tuple[Tensor, Tensor]:
    """Return the codes of fake-quantised values without waiting for a device.

    Arguments as of `to_codes`.

    Returns:
        uint8, shape of ``values``, and float32 `(1,)`: 0, or NaN where `to_codes` has an error.

    Examples:
        >>> to_codes_and_fault(torch.tensor([1.0, -9.0]), torch.tensor(0.5), torch.tensor(0))
        (tensor([2, 0], dtype=torch.uint8), tensor([nan]))
    """
    q = _quantised(values, scale, zero_point)
    least, greatest = allowed
    fault = fault_unless(((q >= least) & (q <= greatest)).all())
    codes = q.nan_to_num_().clamp_(least, greatest).to(torch.int16).to(torch.uint8)
    return codes, fault


def fault_unless(sound: Tensor) -> Tensor:
    """Return float32 `(1,)`: 0 if a bool is true, else NaN.

    Added to a layer's scale, it makes bad operands show in the output, as a float network would,
    where asking a device would wait for it.

    Examples:
        >>> fault_unless(torch.tensor(False))
        tensor([nan])
    """
    return torch.where(sound, 0.0, torch.nan).view(1)


def code_tensor_values(codes: Tensor, *, signed: bool) -> Tensor:
    """View uint8 codes as the integers that they stand for: int8 if signed, else uint8."""
    return codes.view(torch.int8) if signed else codes


def data_range(values: Tensor, scale: Tensor, zero_point: Tensor) -> tuple[int, int]:
    """Return the 8-bit range that data needs: signed if a quantised value is negative.

    For operands about whose port nothing is known.
    """
    if not values.numel():
        return UNSIGNED
    least = torch.amin(_quantised(values, scale, zero_point))
    return SIGNED if bool(least < 0) else UNSIGNED


def at_least_float32(values: Tensor) -> Tensor:
    """Widen values of half precision: bfloat16 cannot tell neighbours among 256 codes apart."""
    if values.dtype in (torch.float32, torch.float64):
        return values
    return values.to(torch.promote_types(values.dtype, torch.float32))


def real_operand(values: Tensor, argument: str) -> Tensor:
    """Return an operand as a layer quantises it, at least float32.

    Args:
        values: What the layer was given.
        argument: Its name, for errors.

    Raises:
        NotImplementedError: The tensor is sparse or nested, or has no data.
        TypeError: It is not a tensor of real floating-point numbers.

    Examples:
        >>> real_operand(torch.tensor([1, 2]), "x")
        Traceback (most recent call last):
        TypeError: 'x' must be a tensor of real floating-point numbers, got torch.int64; convert it
        first, for instance with float()
    """
    if not isinstance(values, Tensor) or not values.is_floating_point():
        kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
        raise TypeError(
            f"'{argument}' must be a tensor of real floating-point numbers, got {kind}"
            f"{in_layer()}; convert it first, for instance with float()"
        )
    if values.layout is not torch.strided or values.is_nested:
        form = "a nested tensor" if values.is_nested else str(values.layout)
        raise NotImplementedError(
            f"'{argument}' must be a dense tensor, got {form}{in_layer()}; convert it first, with "
            "to_dense() or to_padded_tensor()"
        )
    if values.device.type == "meta":
        raise NotImplementedError(
            f"'{argument}' must hold data, got a tensor on the device 'meta'; move the model and "
            "its input to a device with to_empty() and load_state_dict()"
        )
    return at_least_float32(values)


def _quantised(values: Tensor, scale: Tensor, zero_point: Tensor) -> Tensor:
    return (at_least_float32(values) / at_least_float32(scale)).round_() + zero_point
