"""The one check that a multiplier's ports take the operands of a layer."""

from multipliers import Multiplier
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_kind
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.tracing.layer_trace import LayerTrace


def check_operands(multiplier: Multiplier, layer: str, operands: GemmOperands) -> None:
    """Refuse a multiplier that would read the operands of a layer's call as other values.

    Args:
        multiplier: The multiplier.
        layer: The layer's name, for the message.
        operands: The codes of one call of the layer.

    Raises:
        ValueError: If a port and its operand differ in signedness, and a code of 128 or more
            occurs, which one reads as negative and the other does not.
    """
    _check(
        multiplier,
        layer,
        signed=(operands.x_signed, operands.w_signed),
        high_codes=(bool((operands.x_codes > 127).any()), bool((operands.w_codes > 127).any())),
    )


def check_trace(multiplier: Multiplier, trace: LayerTrace) -> None:
    """Refuse a multiplier that would read a traced layer's operands as other values.

    Args:
        multiplier: The multiplier.
        trace: The layer's operands.

    Raises:
        ValueError: As `check_operands`.
    """
    check_kind("trace", trace, LayerTrace)
    _check(
        multiplier,
        trace.name,
        signed=(trace.x_signed, trace.w_signed),
        high_codes=(bool(trace.x_counts[:, 128:].any()), bool(trace.w_histogram[128:].any())),
    )


def _check(
    multiplier: Multiplier, layer: str, *, signed: tuple[bool, bool], high_codes: tuple[bool, bool]
) -> None:
    check_multiplier("multiplier", multiplier)
    operands = zip(
        ("activations", "weights"),
        signed,
        high_codes,
        (multiplier.x_port, multiplier.w_port),
        strict=True,
    )
    for operand, operand_signed, beyond, port in operands:
        if operand_signed != port.signed and beyond:
            values = "negative" if operand_signed else "greater than 127"
            raise ValueError(
                f"layer '{layer}' has {operand} that are {values}, but multiplier "
                f"'{multiplier.name}' takes {port}: choose a multiplier with other ports, or "
                "convert the model with quantisers that fit"
            )
