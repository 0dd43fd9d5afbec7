"""Models fitted to a multiplier, and the constant that centres what they leave."""

from htp.fitting.fit import fit, fit_path
from htp.fitting.fit_affine import fit_affine
from htp.fitting.fit_function import fit_function
from htp.fitting.level import level

__all__ = ["fit", "fit_affine", "fit_function", "fit_path", "level"]
