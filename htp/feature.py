"""Functions of one operand from which the terms of an HTP model are built."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

FeatureKind = Literal["one", "identity", "mod", "floor", "bit"]
FEATURE_KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)
_WITHOUT_BITS = ("one", "identity")


@dataclass(frozen=True, slots=True)
class Feature:
    """A named function of one operand, applied element by element.

    | kind | f(v) |
    |---|---|
    | ``one`` | 1 |
    | ``identity`` | v |
    | ``mod`` | v mod 2^bits, the low bits of the operand's code |
    | ``floor`` | v - v mod 2^bits, the operand without its low bits |
    | ``bit`` | bit number ``bits`` of the code, 0 or 1 |

    The remainder takes the sign of the divisor, so that it equals the low bits of a two's
    complement code for negative values as well.

    Args:
        kind: One of `FEATURE_KINDS`.
        bits: The number k of the table above, 0..7; 0 for kinds that have none.

    Raises:
        LookupError: The kind is unknown.
        ValueError: ``bits`` is out of range.

    Examples:
        >>> import numpy as np
        >>> Feature("mod", 2)(np.array([5.0, -3.0]))
        array([1., 1.])
        >>> str(Feature("floor", 3))
        'v - v mod 2^3'
    """

    kind: FeatureKind
    bits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in FEATURE_KINDS:
            raise LookupError(
                f"'kind' must be one of {', '.join(FEATURE_KINDS)}, got {self.kind!r}"
            )
        if isinstance(self.bits, bool) or not isinstance(self.bits, int):
            raise TypeError(f"'bits' must be an int, got {type(self.bits).__name__}")
        most = 0 if self.kind in _WITHOUT_BITS else 7
        if not 0 <= self.bits <= most:
            raise ValueError(f"'bits' of {self.kind!r} must be 0..{most}, got {self.bits}")

    def __call__(self, values: Any) -> Any:
        """Apply the function to an array or tensor of integer-valued floats, any shape."""
        match self.kind:
            case "one":
                return values * 0 + 1
            case "identity":
                return values
            case "mod":
                return values % 2**self.bits
            case "floor":
                return values - values % 2**self.bits
            case "bit":
                return (values % 2 ** (self.bits + 1) - values % 2**self.bits) / 2**self.bits

    def __str__(self) -> str:
        names = {
            "one": "1",
            "identity": "v",
            "mod": f"v mod 2^{self.bits}",
            "floor": f"v - v mod 2^{self.bits}",
            "bit": f"bit {self.bits} of v",
        }
        return names[self.kind]
