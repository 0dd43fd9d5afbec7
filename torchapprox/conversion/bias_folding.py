"""The mean error of every channel, taken off the bias.

The mean error of an output channel is a constant of the layer, of its arithmetic and of the
distribution of its operands, so that subtracting it from the bias cancels it and costs the hardware
nothing. Layers are treated from the front to the back, each on the operands that it sees when all
layers before it are corrected, since what changes in one layer shifts the inputs of the next.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from multipliers.parameters import check_kind
from torchapprox.batches import evaluating, run_batch, several
from torchapprox.conversion.layer_selection import execution_order
from torchapprox.conversion.wrapping import converted_layers, float_name, get_approx_modules
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

    On one batch the model runs once, and each layer in it three times: as it is, exactly, and
    corrected. On several it runs on all of them once for each layer, and so it does on one batch
    where a layer serves several times in a run.

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
    layers = dict(converted_layers(model))
    first = list(islice(batches, 2))
    if not first:
        raise ValueError("'batches' must hold at least one batch, got none")
    with _approximate(model, layers.values()):
        corrections = _folded_in_one_run(model, layers, first[0]) if len(first) == 1 else None
        if corrections is None:
            corrections = _folded_one_by_one(model, layers, batches, first[0])
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
    check_kind("model", model, nn.Module)
    for _, layer in get_approx_modules(model):
        layer.bias_correction = None


def _has_bias(layer: ApproxLayer) -> bool:
    """Whether a layer's second operand is its own weight, so that it can have a bias."""
    return getattr(layer, "weight", None) is not None


@contextmanager
def _approximate(model: nn.Module, layers: Iterable[ApproxLayer]) -> Iterator[None]:
    """Have all layers in APPROXIMATE mode, without gradients and without corrections so far."""
    unfold_mean_error(model)
    modes = {layer: layer.inference_mode for layer in layers}
    try:
        for layer in modes:
            layer.inference_mode = InferenceMode.APPROXIMATE
        with evaluating(model):
            yield
    finally:
        for layer, mode in modes.items():
            layer.inference_mode = mode


def _folded_in_one_run(
    model: nn.Module, layers: Mapping[str, ApproxLayer], batch: Any
) -> dict[str, Tensor] | None:
    """Correct each layer as it runs, so that the next one sees what it gives then.

    Returns:
        The corrections; None, and no layer corrected, if a layer serves twice in a run, for what
        it sees the second time depends on its own correction.
    """
    corrections: dict[str, Tensor] = {}
    serves_twice = False

    def fold(
        name: str, layer: ApproxLayer, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor
    ) -> Tensor:
        nonlocal serves_twice
        if name in corrections:
            serves_twice = True
            return y
        errors = _errors(layer, args, kwargs, y)
        corrections[name] = _correct(layer, errors.sum(dim=0) / len(errors))
        return type(layer).forward(layer, *args, **kwargs)

    hooks = [
        layer.register_forward_hook(
            lambda layer, *passed, name=name: fold(name, layer, *passed), with_kwargs=True
        )
        for name, layer in layers.items()
        if _has_bias(layer)
    ]
    try:
        run_batch(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    if serves_twice:
        unfold_mean_error(model)
        return None
    return corrections


def _folded_one_by_one(
    model: nn.Module, layers: Mapping[str, ApproxLayer], batches: Iterable[Any], first: Any
) -> dict[str, Tensor]:
    """Run the model for each layer, those before it corrected."""
    named = {float_name(name): name for name, layer in layers.items() if _has_bias(layer)}
    order = [named[name] for name in execution_order(model, first) if name in named]
    return {
        name: _correct(layers[name], _mean_error(model, layers[name], batches)) for name in order
    }


def _correct(layer: ApproxLayer, mean_error: Tensor) -> Tensor:
    """Take a mean error of each channel off a layer's bias, and return the correction."""
    correction = -mean_error
    layer.bias_correction = correction.to(layer.weight)
    return correction


def _mean_error(model: nn.Module, layer: ApproxLayer, batches: Iterable[Any]) -> Tensor:
    """Return the mean error of each channel in units of the output, float64 `(C,)`."""
    total, count = torch.zeros(()), 0

    def compare(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> None:
        nonlocal total, count
        errors = _errors(layer, args, kwargs, y)
        total = total + errors.sum(dim=0)
        count += len(errors)

    hook = layer.register_forward_hook(compare, with_kwargs=True)
    try:
        for batch in batches:
            run_batch(model, batch)
    finally:
        hook.remove()
    return total / count


def _errors(layer: ApproxLayer, args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor) -> Tensor:
    """Return approximate minus exact outputs of a layer, float64, one column a channel."""
    with _exact_arithmetic(layer):
        exact = type(layer).forward(layer, *args, **kwargs)
    return (y.double() - exact.double()).movedim(-len(layer.channel_shape), -1).flatten(0, -2)


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
