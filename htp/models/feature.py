"""Named functions of one operand from which the terms of an HTP model are built."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from multipliers.parameters import check_kind, integer, shown

FeatureKind = Literal[
    "one", "identity", "square", "mod", "floor", "bit", "leading", "step", "hinge"
]
FEATURE_KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)
"""Every kind of named function of one operand; see `Feature`."""

_WIDEST = 16
_RANGES = {
    "one": (0, 0),
    "identity": (0, 0),
    "square": (0, 0),
    "mod": (0, _WIDEST - 1),
    "floor": (0, _WIDEST - 1),
    "bit": (0, _WIDEST - 1),
    "leading": (1, _WIDEST),
    "step": (1 - (1 << (_WIDEST - 1)), (1 << _WIDEST) - 1),
    "hinge": (1 - (1 << (_WIDEST - 1)), (1 << _WIDEST) - 1),
}


@dataclass(frozen=True, slots=True)
class Feature:
    """A named function of one operand v, applied element by element.

    | kind | f(v), with the parameter p |
    |---|---|
    | ``one`` | 1 |
    | ``identity`` | v |
    | ``square`` | v^2 |
    | ``mod`` | v mod 2^p, the low p bits of the operand's code |
    | ``floor`` | v - v mod 2^p, the operand without its low bits |
    | ``bit`` | bit number p of the code, 0 or 1 |
    | ``leading`` | v cut to p bits from its leading one on, the sign kept; p = 1: a power of two |
    | ``step`` | 1 if v >= p, else 0 |
    | ``hinge`` | v - p if v >= p, else 0 |

    The remainder takes the sign of the divisor, so that it equals the low bits of a two's
    complement code for negative values as well. Operands of up to 16 bits are meant.

    Args:
        kind: One of `FEATURE_KINDS`.
        parameter: The number p of the table above; 0 for kinds that have none.

    Raises:
        LookupError: The kind is unknown.
        TypeError: ``parameter`` is not an int.
        ValueError: ``parameter`` is out of range.

    Examples:
        >>> import numpy as np
        >>> Feature("mod", 2)(np.array([5.0, -3.0]))
        array([1., 1.])
        >>> Feature("leading", 2)(np.array([13.0, -7.0, 1.0, 0.0])).tolist()
        [12.0, -6.0, 1.0, 0.0]
        >>> str(Feature("floor", 3))
        'v - v mod 2^3'
    """

    kind: FeatureKind
    parameter: int = 0

    def __post_init__(self) -> None:
        check_kind("kind", self.kind, str)
        if self.kind not in FEATURE_KINDS:
            raise LookupError(
                f"'kind' must be one of {', '.join(FEATURE_KINDS)}, got {self.kind!r}"
            )
        parameter = integer(self.parameter)
        if parameter is None:
            raise TypeError(f"'parameter' must be an int, got {shown(self.parameter)}")
        least, most = _RANGES[self.kind]
        if not least <= parameter <= most:
            raise ValueError(
                f"'parameter' of {self.kind!r} must be {least}..{most}, got {parameter}"
            )
        object.__setattr__(self, "parameter", parameter)

    def __call__(self, values: Any) -> Any:
        """Apply the function to an array or tensor of integer-valued floats, any shape."""
        p = self.parameter
        match self.kind:
            case "one":
                return values * 0 + 1
            case "identity":
                return values
            case "square":
                return values * values
            case "mod":
                return values % 2**p
            case "floor":
                return values - values % 2**p
            case "bit":
                return (values % 2 ** (p + 1) - values % 2**p) / 2**p
            case "leading":
                return _leading(values, p)
            case "step":
                return values * 0 + (values >= p)
            case "hinge":
                return (values - p) * (values >= p)

    def __str__(self) -> str:
        p = self.parameter
        names = {
            "one": "1",
            "identity": "v",
            "square": "v^2",
            "mod": f"v mod 2^{p}",
            "floor": f"v - v mod 2^{p}",
            "bit": f"bit {p} of v",
            "leading": f"{p} leading bits of v",
            "step": f"[v >= {p}]",
            "hinge": f"max(v - {p}, 0)",
        }
        return names[self.kind]


def _leading(values: Any, bits: int) -> Any:
    """Cut the magnitudes to a number of bits from the leading one on.

    The last bit that is kept has the weight max(1, 2^(n + 1 - bits)), where n is the position of
    the leading one. By 1 + 1 + 2 + 4 + ... = 2^m this is a sum of comparisons, which is exact on
    every device, as a logarithm is not.
    """
    magnitudes = abs(values)
    weight = values * 0 + 1
    for position in range(bits, _WIDEST):
        weight = weight + (magnitudes >= 2**position) * 2 ** (position - bits)
    return (magnitudes - magnitudes % weight) * (1 - 2 * (values < 0))
