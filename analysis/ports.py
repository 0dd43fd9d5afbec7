"""The one check that a multiplier's ports take the operands of a layer."""

from __future__ import annotations

from multipliers import Multiplier


def check_ports(multiplier: Multiplier, layer: str, *, x_signed: bool, w_signed: bool) -> None:
    """Refuse a multiplier that would read the layer's codes as other values.

    Args:
        multiplier: The multiplier.
        layer: The layer's name, for the message.
        x_signed: Whether the activation codes are two's complement.
        w_signed: Whether the weight codes are two's complement.

    Raises:
        ValueError: If the signedness of a port and of its operand differ.
    """
    wanted = (x_signed, w_signed)
    ports = (multiplier.x_port, multiplier.w_port)
    for operand, signed, port in zip(("activations", "weights"), wanted, ports, strict=True):
        if signed != port.signed:
            raise ValueError(
                f"layer '{layer}' has {_word(signed)} {operand}, but multiplier "
                f"'{multiplier.name}' takes {port}: convert the model for this multiplier with "
                "torchapprox.approximate(model, multiplier)"
            )


def _word(signed: bool) -> str:
    return "signed" if signed else "unsigned"
