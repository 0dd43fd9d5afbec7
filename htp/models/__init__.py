"""HTP models as data, and how far they are from a multiplier."""

from htp.models.certificate import Certificate
from htp.models.certify import certify, certify_function
from htp.models.feature import FEATURE_KINDS, Feature
from htp.models.model import HtpModel, accurate_model
from htp.models.operand_function import Combination, OperandFunction, TableFeature
from htp.models.protocol import BaseFunction, HtpCallable, contracted_axes, contracts_last_axis
from htp.models.term import Term

__all__ = [
    "FEATURE_KINDS",
    "BaseFunction",
    "Certificate",
    "Combination",
    "Feature",
    "HtpCallable",
    "HtpModel",
    "OperandFunction",
    "TableFeature",
    "Term",
    "accurate_model",
    "certify",
    "certify_function",
    "contracted_axes",
    "contracts_last_axis",
]
