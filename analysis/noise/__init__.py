"""The error of a layer as noise on its output."""

from analysis.noise.fit_noise import noise_parameters
from analysis.noise.noise_mode import apply_noise, noisy
from analysis.noise.noise_parameters import NoiseParameters, NoiseProfile

__all__ = ["NoiseParameters", "NoiseProfile", "apply_noise", "noise_parameters", "noisy"]
