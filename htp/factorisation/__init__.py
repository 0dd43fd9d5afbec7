"""Product tables of low rank as exact products of two thin integer matrices."""

from htp.factorisation.factorisation import ARITHMETICS, Arithmetic, Factorisation
from htp.factorisation.factorise import RankError, factorise
from htp.factorisation.int8_factors import Int8Factors

__all__ = [
    "ARITHMETICS",
    "Arithmetic",
    "Factorisation",
    "Int8Factors",
    "RankError",
    "factorise",
]
