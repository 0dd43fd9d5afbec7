"""What a multiplier's errors are: how large, how often, on which operands, of which structure."""

from multipliers.characterisation.characterise import ErrorFigures, MredConvention, characterise
from multipliers.characterisation.error_distribution import ErrorDistribution, error_distribution
from multipliers.characterisation.error_profile import ErrorProfile, error_profile
from multipliers.characterisation.function_figures import (
    FunctionFigures,
    StandardErrors,
    characterise_function,
)
from multipliers.characterisation.misread_signs import likelier_signs
from multipliers.characterisation.table_structure import TableStructure, table_structure
from multipliers.characterisation.worst_cases import WorstCase, worst_cases

__all__ = [
    "ErrorDistribution",
    "ErrorFigures",
    "ErrorProfile",
    "FunctionFigures",
    "MredConvention",
    "StandardErrors",
    "TableStructure",
    "WorstCase",
    "characterise",
    "characterise_function",
    "error_distribution",
    "error_profile",
    "likelier_signs",
    "table_structure",
    "worst_cases",
]
