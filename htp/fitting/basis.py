"""The named functions of an operand among which a fit chooses."""

from __future__ import annotations

from htp.models.feature import Feature
from multipliers import Port

_SEGMENTS = 8


def candidate_features(port: Port) -> tuple[Feature, ...]:
    """Return the named functions of an operand that differ on a port.

    Constant, value and square; the low bits, and the value without them; single bits; the leading
    bits from the leading one on (one of them: a power of two); steps and ramps that start at the
    boundaries of eight equal segments of the port's range.

    Args:
        port: The operand's port.

    Examples:
        >>> len(candidate_features(Port(8, signed=True)))
        46
        >>> [str(feature) for feature in candidate_features(Port(2, signed=False))][:5]
        ['1', 'v', 'v^2', 'v mod 2^1', 'v - v mod 2^1']
    """
    span = max(1, (port.high + 1 - port.low) // _SEGMENTS)
    boundaries = range(port.low + span, port.high + 1, span)
    inner = range(1, port.width)
    return (
        Feature("one"),
        Feature("identity"),
        Feature("square"),
        *(Feature("mod", bits) for bits in inner),
        *(Feature("floor", bits) for bits in inner),
        *(Feature("bit", bit) for bit in range(port.width)),
        *(Feature("leading", bits) for bits in inner),
        *(Feature("step", boundary) for boundary in boundaries),
        *(Feature("hinge", boundary) for boundary in boundaries),
    )
