"""HTP models: a multiplier written as a few ordinary products and corrections."""

from htp.comparison import Comparison, compare
from htp.feature import FEATURE_KINDS, Feature
from htp.model import HtpModel, Term, accurate_model
from htp.protocol import BaseFunction, HtpCallable

__all__ = [
    "FEATURE_KINDS",
    "BaseFunction",
    "Comparison",
    "Feature",
    "HtpCallable",
    "HtpModel",
    "Term",
    "accurate_model",
    "compare",
]
