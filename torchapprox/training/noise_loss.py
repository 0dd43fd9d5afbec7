"""A loss that rewards layers for the noise that they tolerate."""

import math

import torch
from torch import Tensor, nn

from multipliers.parameters import check_kind, check_number
from torchapprox.conversion.wrapping import get_approx_modules
from torchapprox.layers import InferenceMode


def noise_loss(model: nn.Module, *, most: float = 1.0) -> Tensor:
    """Return minus the noise of a model's layers, weighted by their multiplications.

        -sum_l c_l min(|stdev_l|, most) / sum_l c_l

    over the layers in NOISE mode with a stdev that is trained (``learnable_noise=True``), with c
    the multiplications of one sample in the last forward pass. Added to the task's loss, times a
    factor that says how many multiplications are worth how much accuracy, it lets each layer find
    the noise that it tolerates; layers with many multiplications are pushed the most.

    Args:
        model: The model, after a forward pass.
        most: Noise from which on more earns nothing, relative to the output's standard deviation.

    Returns:
        One element, differentiable.

    Raises:
        ValueError: No layer in NOISE mode has a stdev that is trained, or ``most`` is not positive.

    Examples:
        >>> from torchapprox.layers import ApproxLinear
        >>> layer = ApproxLinear(4, 2, learnable_noise=True)
        >>> layer.inference_mode, layer.stdev = InferenceMode.NOISE, 0.25
        >>> noise_loss(nn.Sequential(layer)).item()
        -0.25

    References:
        E. Trommer, B. Waschneck and A. Kumar (2022), "Combining Gradients and Probabilities for
        Heterogeneous Approximation of Neural Networks", ICCAD, arXiv 2208.07265: noise that is
        trained per layer and rewarded by its share of the multiplications.
    """
    check_kind("model", model, nn.Module)
    most = check_number("most", most, above=0, most=math.inf)
    layers = [
        layer
        for _, layer in get_approx_modules(model)
        if layer.inference_mode is InferenceMode.NOISE
        and isinstance(layer.noise.stdev, nn.Parameter)
    ]
    if not layers:
        raise ValueError(
            "'model' must have a layer in NOISE mode whose stdev is trained, got none: make it "
            "with learnable_noise=True, or call layer.noise.make_learnable()"
        )
    stdevs = torch.stack([layer.noise.stdev.abs().clamp(max=most) for layer in layers])
    counts = stdevs.new_tensor([float(layer.opcount) for layer in layers])
    return -(stdevs * counts).sum() / counts.sum()
