"""How many of a model's multiplications went through a multiplier."""

from torchapprox.coverage.coverage_report import Coverage, CoverageRow, coverage

__all__ = ["Coverage", "CoverageRow", "coverage"]
