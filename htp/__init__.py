"""HTP models: a multiplier written as a few ordinary products and corrections."""

from htp.certificate import Certificate
from htp.certify import certify, certify_function
from htp.factorisation import ARITHMETICS, Arithmetic, Factorisation
from htp.factorise import RankError, factorise
from htp.feature import FEATURE_KINDS, Feature
from htp.fit import fit, fit_path
from htp.fit_affine import fit_affine
from htp.fit_function import fit_function
from htp.int8_factors import Int8Factors
from htp.level import level
from htp.model import HtpModel, accurate_model
from htp.operand_function import Combination, OperandFunction, TableFeature
from htp.protocol import BaseFunction, HtpCallable, contracted_axes, contracts_last_axis
from htp.term import Term

__all__ = [
    "ARITHMETICS",
    "FEATURE_KINDS",
    "Arithmetic",
    "BaseFunction",
    "Certificate",
    "Combination",
    "Factorisation",
    "Feature",
    "HtpCallable",
    "HtpModel",
    "Int8Factors",
    "OperandFunction",
    "RankError",
    "TableFeature",
    "Term",
    "accurate_model",
    "certify",
    "certify_function",
    "contracted_axes",
    "contracts_last_axis",
    "factorise",
    "fit",
    "fit_affine",
    "fit_function",
    "fit_path",
    "level",
]
