"""The mean error of every channel, taken off the bias.

The mean error of an output channel is a constant of the layer, of its arithmetic and of the
distribution of its operands, so that subtracting it from the bias cancels it and costs the hardware
nothing. Layers are treated from the front to the back, each on the operands that it sees when all
layers before it are corrected, since what changes in one layer shifts the inputs of the next.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.batches import evaluating, run_batch, several
from torchapprox.conversion.layer_selection import execution_order
from torchapprox.conversion.wrapping import float_name, get_approx_modules
from torchapprox.layers import ApproxLayer, InferenceMode
from torchapprox.layers.product_table import ProductTable


def fold_mean_error(model: nn.Module, batches: Iterable[Any]) -> dict[str, Tensor]:
    """Take the mean error of every channel off the bias, layer by layer from the front.

    Each layer gets a ``bias_correction``, which is added to its bias in APPROXIMATE mode and is
    part of the `state_dict`; the bias itself stays, so that `unfold_mean_error` takes everything
    back. The correction is that of the layer's present arithmetic, whether table, HTP model or
    accumulator, and operands: fold again when these, weights or quantisers have changed. Layers
    that multiply two activations have no bias and are left as they are, and so are layers that the
    first batch does not reach.

    The model runs on all batches once for each layer.

    Args:
        model: A converted model; its modes and training flags are as before afterwards.
        batches: Inputs of the model that can be iterated over repeatedly, in any form that
            `torchapprox.approximate` takes for its calibration.

    Returns:
        The correction of each layer by name, in units of its output, float64 `(C,)`, in the order
        in which the layers ran.

    Raises:
        TypeError: ``batches`` can be iterated over only once.
        ValueError: The model has no approximate layer, or there is no batch.

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
    if iter(several(batches)) is batches:
        raise TypeError(
            "'batches' must be repeatable, such as a list or a DataLoader, got "
            f"{type(batches).__name__}"
        )
    layers = dict(get_approx_modules(model))
    if not layers:
        raise ValueError("'model' must have approximate layers; convert it with approximate(model)")
    first = next(iter(batches), None)
    if first is None:
        raise ValueError("'batches' must hold at least one batch, got none")
    position = {name: number for number, name in enumerate(execution_order(model, first))}
    order = [name for name in layers if float_name(name) in position and _has_bias(layers[name])]
    order.sort(key=lambda name: position[float_name(name)])
    unfold_mean_error(model)
    modes = {layer: layer.inference_mode for layer in layers.values()}
    corrections: dict[str, Tensor] = {}
    try:
        for layer in modes:
            layer.inference_mode = InferenceMode.APPROXIMATE
        with evaluating(model):
            for name in order:
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


def _has_bias(layer: ApproxLayer) -> bool:
    """Whether a layer's second operand is its own weight, so that it can have a bias."""
    return getattr(layer, "weight", None) is not None


def _mean_error(model: nn.Module, layer: ApproxLayer, batches: Iterable[Any]) -> Tensor:
    """Return the mean error of each channel in units of the output, float64 `(C,)`."""
    total, count = torch.zeros(()), 0

    def compare(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> None:
        nonlocal total, count
        with _exact_arithmetic(layer):
            exact = type(layer).forward(layer, *args, **kwargs)
        error = (y.double() - exact.double()).movedim(-len(layer.channel_shape), -1)
        total = total + error.flatten(0, -2).sum(dim=0)
        count += error[..., 0].numel()

    hook = layer.register_forward_hook(compare, with_kwargs=True)
    try:
        for batch in batches:
            run_batch(model, batch)
    finally:
        hook.remove()
    return total / count


@contextmanager
def _exact_arithmetic(layer: ApproxLayer) -> Iterator[None]:
    """Let a layer multiply and add exactly, on the same codes and in the same mode."""
    table, model, accumulator = layer.product_table, layer.htp_model, layer.accumulator
    exact = ProductTable()
    exact.assign(None)
    layer.product_table, layer.htp_model, layer.accumulator = exact, None, None
    try:
        yield
    finally:
        layer.product_table, layer.htp_model, layer.accumulator = table, model, accumulator
