"""How far a model is from a multiplier: over every operand pair, or over a sample of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

from multipliers.wording import counted

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Certificate:
    """How far a model is from a multiplier, per product.

    A difference is model - multiplier. The intervals are exact where all pairs were compared; else
    they hold with the stated confidence, each on its own.

    Attributes:
        multiplier: Name of the multiplier.
        digest: Its content hash; empty for a function, which has none.
        calls: Products of the base function's size in one evaluation of the model.
        pairs: Number of operand pairs that were compared.
        exhaustive: Whether these are all pairs, each once.
        confidence: Probability with which an interval holds, 1 where `exhaustive`.
        exact_share: Share of the pairs for which model and multiplier are equal, 0..1.
        exact_share_interval: Interval of that share (Clopper and Pearson 1934).
        max_abs_difference: Largest magnitude of a difference found.
        share_beyond_max: Upper bound of the share of pairs whose difference is larger.
        mean_abs_difference: Mean magnitude of the differences.
        mean_abs_difference_interval: Interval of that mean (central limit theorem).
        error_mean_difference: Error mean of the model minus that of the multiplier, where an error
            is counted from the exact product: the mean of the differences.
        error_std_difference: Standard deviation of the model's error minus that of the
            multiplier's.
        std_difference: Standard deviation of the differences.
    """

    multiplier: str
    digest: str
    calls: int
    pairs: int
    exhaustive: bool
    confidence: float
    exact_share: float
    exact_share_interval: Interval
    max_abs_difference: float
    share_beyond_max: float
    mean_abs_difference: float
    mean_abs_difference_interval: Interval
    error_mean_difference: float
    error_std_difference: float
    std_difference: float

    @property
    def exact(self) -> bool:
        """Whether model and multiplier are proven equal on every pair of operands."""
        return self.exhaustive and self.max_abs_difference == 0

    def agrees_with(self, other: Certificate | None) -> bool:
        """Whether two certificates state the same figures, but for rounding."""
        if other is None:
            return False
        figures = ("calls", "exact_share", "max_abs_difference", "mean_abs_difference")
        return self.digest == other.digest and all(
            isclose(getattr(self, name), getattr(other, name), rel_tol=1e-9, abs_tol=1e-9)
            for name in figures
        )

    def __str__(self) -> str:
        calls = counted(self.calls, "call")
        if self.exact:
            return f"{calls}, equal to {self.multiplier} on all {self.pairs} pairs"
        scope = "all" if self.exhaustive else "a sample of"
        return (
            f"{calls}, against {self.multiplier} on {scope} {self.pairs} pairs: "
            f"{self.exact_share:.2%} exact, mean |difference| {self.mean_abs_difference:.4g}, "
            f"max {self.max_abs_difference:.4g}"
        )
