"""The mean error of every channel, taken off the bias.

The mean error of an output channel is a constant of the layer, of its arithmetic and of the
distribution of its operands, so that subtracting it from the bias cancels it and costs the hardware
nothing. Layers are treated from the front to the back, each on the operands that it sees when all
layers before it are corrected, since what changes in one layer shifts the inputs of the next.

The mean is that of the layer's output minus that of the exact product of the same operands. Since
means are linear, the latter needs no product of matrices:

    mean_n y_no = scale_o * sum_k (mean_n x_nk - zx) * (w_ok - zw_o)
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.batches import evaluating, run_batch
from torchapprox.layers import ApproxLayer, InferenceMode
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.wrapping import get_approx_modules


def fold_mean_error(model: nn.Module, batches: Iterable[Any]) -> dict[str, Tensor]:
    """Take the mean error of every channel off the bias, layer by layer from the front.

    Each layer gets a ``bias_correction``, which is added to its bias in APPROXIMATE mode and is
    part of the `state_dict`; the bias itself stays, so that `unfold_mean_error` takes everything
    back. The correction is that of the layer's present multiplier (or HTP model) and operands: fold
    again when multiplier, weights or quantisers have changed. Layers that multiply two activations
    have no bias and are left as they are.

    The model runs on all batches once for each layer, and once before.

    Args:
        model: A converted model; its modes and training flags are as before afterwards.
        batches: Inputs of the model that can be iterated over repeatedly, in any form that
            `torchapprox.approximate` takes for its calibration.

    Returns:
        The correction of each layer by name, in units of its output, float64 `(C,)`, in the order
        in which the layers ran.

    Raises:
        TypeError: ``batches`` can be iterated over only once.
        ValueError: The model has no approximate layer, or no layer ran.

    Examples:
        >>> import torchapprox
        >>> from multipliers import get
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.rand(64, 4)
        >>> _ = torchapprox.approximate(
        ...     model, calibration=[x], mode=torchapprox.InferenceMode.QUANTIZED
        ... )
        >>> exact = model(x).mean(dim=0)
        >>> _ = torchapprox.approximate(model, get("mul8s_tm_k3"))
        >>> correction = fold_mean_error(model, [x])["0.wrapped"]
        >>> torch.allclose(model(x).mean(dim=0), exact, atol=1e-6)
        True
    """
    if iter(batches) is batches:
        raise TypeError(
            "'batches' must be repeatable, such as a list or a DataLoader, got "
            f"{type(batches).__name__}"
        )
    layers = dict(get_approx_modules(model))
    if not layers:
        raise ValueError("'model' must have approximate layers; convert it with approximate(model)")
    unfold_mean_error(model)
    modes = {layer: layer.inference_mode for layer in layers.values()}
    corrections: dict[str, Tensor] = {}
    try:
        for layer in modes:
            layer.inference_mode = InferenceMode.APPROXIMATE
        with evaluating(model):
            for name in _in_order(model, layers, batches):
                corrections[name] = -_mean_error(model, layers[name], batches)
                layers[name].bias_correction = corrections[name].to(layers[name].weight)
    finally:
        for layer, mode in modes.items():
            layer.inference_mode = mode
    return corrections


def unfold_mean_error(model: nn.Module) -> None:
    """Take back what `fold_mean_error` did to a model.

    Examples:
        >>> from torchapprox.layers import ApproxLinear
        >>> layer = ApproxLinear(2, 1)
        >>> layer.bias_correction = torch.ones(1)
        >>> unfold_mean_error(nn.Sequential(layer))
        >>> layer.bias_correction is None
        True
    """
    for _, layer in get_approx_modules(model):
        layer.bias_correction = None


def _in_order(
    model: nn.Module, layers: dict[str, ApproxLayer], batches: Iterable[Any]
) -> list[str]:
    """Return the names of the layers with fixed weights in the order in which they first ran."""
    order: dict[str, None] = {}

    def look(name: str) -> Callable[[GemmOperands, Tensor], None]:
        return lambda operands, _: order.update({name: None}) if operands.fixed_weights else None

    removers = [layer.add_operand_observer(look(name)) for name, layer in layers.items()]
    try:
        for batch in batches:
            run_batch(model, batch)
    finally:
        for remove in removers:
            remove()
    if not order:
        raise ValueError("'batches' must hold at least one batch that reaches a layer, got none")
    return list(order)


def _mean_error(model: nn.Module, layer: ApproxLayer, batches: Iterable[Any]) -> Tensor:
    """Return the mean error of each channel in units of the output, float64 `(C,)`."""
    total: Tensor | float = 0.0
    rows = 0

    def add(operands: GemmOperands, y: Tensor) -> None:
        nonlocal total, rows
        count = operands.x_codes.shape[1]
        total = total + count * (_channel_means(y, layer) - _exact_means(operands))
        rows += count

    remove = layer.add_operand_observer(add)
    try:
        for batch in batches:
            run_batch(model, batch)
    finally:
        remove()
    return torch.as_tensor(total) / rows


def _channel_means(y: Tensor, layer: ApproxLayer) -> Tensor:
    channels_last = y.double().movedim(-len(layer.channel_shape), -1)
    return channels_last.flatten(0, -2).mean(dim=0)


def _exact_means(operands: GemmOperands) -> Tensor:
    x = operands.x_values.double().mean(dim=1) - operands.x_zero_point
    w = operands.w_values.double() - operands.w_zero_point[:, :, None]
    means = torch.einsum("gk,gnk->gn", x, w)
    return (operands.scale * means).flatten().double()
