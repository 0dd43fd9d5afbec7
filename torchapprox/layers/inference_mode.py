"""What a layer's forward pass computes."""

from enum import Enum


class InferenceMode(Enum):
    """What a layer's forward pass computes.

    QUANTIZED is the exact product of the quantised operands, APPROXIMATE the product on the
    layer's multiplier, NOISE the exact product plus Gaussian noise that stands for the error.
    """

    QUANTIZED = "Quantized Mode"
    NOISE = "Noise Mode"
    APPROXIMATE = "Approximate Mode"
