"""What a layer's forward pass computes."""

from enum import Enum


class InferenceMode(Enum):
    """What a layer's forward pass computes.

    QUANTIZED is the exact product of the quantised operands, in floats, or in integers where
    nothing is differentiated and that is faster; APPROXIMATE the product on the layer's multiplier;
    NOISE the exact product plus Gaussian noise that stands for the error.
    """

    QUANTIZED = "Quantized Mode"
    NOISE = "Noise Mode"
    APPROXIMATE = "Approximate Mode"
