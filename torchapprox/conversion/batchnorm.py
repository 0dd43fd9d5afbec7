"""Folding batch normalisation into the layer before it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from multipliers.parameters import check_kind
from torchapprox.batches import probing, run_batch
from torchapprox.conversion.wrapping import named_slots

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


@dataclass(frozen=True, slots=True)
class Folding:
    """What `fold_batchnorm` did to a model; as text a list.

    Attributes:
        folded: Names of each layer and of the batch normalisation that was folded into it.
        left: Name of every batch normalisation that stays, and why.
    """

    folded: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [f"{norm} folded into {layer}" for layer, norm in self.folded]
        lines += [f"{norm} stays: {reason}" for norm, reason in self.left]
        return "\n".join(lines)


def fold_batchnorm(model: nn.Module, batch: Any) -> Folding:
    """Fold batch normalisations in place into the layers whose outputs they normalise.

        w' = w * gamma / sqrt(var + eps),   b' = (b - mean) * gamma / sqrt(var + eps) + beta

    per output channel, and an identity takes the place of the normalisation. In evaluation mode the
    model computes the same; in training mode the statistics are frozen from now on. A layer and a
    normalisation belong together if a run shows that the normalisation alone consumes the layer's
    output: the order of definition does not matter.

    Folding is final: `revert` gives the folded model, since weights that were trained after it have
    no unfolded form. Keep ``copy.deepcopy(model)`` to go back.

    Args:
        model: A float model; `torch.nn.Linear`, convolutions and transposed convolutions take part.
        batch: A batch as `calibrate` takes it, with which the model is run before and after.

    Returns:
        What was folded, and which normalisations stay for what reason.

    Raises:
        RuntimeError: The folded model's outputs differ by more than rounding; it was put back to
            what it was.

    Examples:
        >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU()).eval()
        >>> print(fold_batchnorm(model, torch.randn(1, 1, 5, 5)))
        1 folded into 0
        >>> type(model[1]).__name__
        'Identity'
    """
    check_kind("model", model, nn.Module)
    folding, _ = fold(model, batch)
    return folding


def fold(model: nn.Module, batch: Any) -> tuple[Folding, Callable[[], None]]:
    """As `fold_batchnorm`; also return a function that undoes it."""
    before, record = _run(model, batch)
    pairs, left = _pairs(model, record)
    names = {module: name for name, module in model.named_modules()}
    places = [
        (parent, name, norm)
        for parent in model.modules()
        for name, norm in named_slots(parent)
        if norm in pairs
    ]
    parameters = [(layer, layer.weight, layer.bias) for layer in pairs.values()]

    def undo() -> None:
        for parent, name, norm in places:
            setattr(parent, name, norm)
        for layer, weight, bias in parameters:
            layer.weight = weight
            layer.register_parameter("bias", bias)

    for norm, layer in pairs.items():
        _fold_pair(layer, norm)
    for parent, name, norm in places:
        setattr(parent, name, nn.Identity().train(norm.training))
    after, _ = _run(model, batch)
    difference = _difference(before, after)
    if difference is not None:
        undo()
        raise RuntimeError(
            f"folding batch normalisation changes the model's outputs by {difference}: something "
            "uses a layer's weight or output in a way that a run does not show; the model is as it "
            "was"
        )
    folded = tuple((names[layer], names[norm]) for norm, layer in pairs.items())
    return Folding(folded, tuple((names[norm], reason) for norm, reason in left.items())), undo


class _Record(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Who made and who consumed the outputs of layers during a run."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._model = model
        self._running: nn.Module | None = None
        self.calls: dict[nn.Module, int] = {}
        self.maker: dict[int, nn.Module] = {}
        self.uses: dict[int, int] = {}
        self.inputs: dict[nn.Module, Tensor] = {}
        # Tensors are told apart by their storage's address, and must not be freed meanwhile.
        self._alive: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not isinstance(self._running, _NORMS):
            self.count_uses((args, kwargs or {}))
        return func(*args, **(kwargs or {}))

    def count_uses(self, values: Any) -> None:
        """Count a use of every layer's output among the values."""
        for value in tree_leaves(values):
            if isinstance(value, Tensor) and (key := _key(value)) in self.maker:
                self.uses[key] = self.uses.get(key, 0) + 1

    @contextmanager
    def following_modules(self) -> Iterator[None]:
        """Know which layer or normalisation is running."""

        def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
            self._running = module
            self.calls[module] = self.calls.get(module, 0) + 1
            if isinstance(module, _NORMS) and args:
                self.inputs[module] = args[0]
                self.uses[_key(args[0])] = self.uses.get(_key(args[0]), 0) + 1

        def leave(module: nn.Module, _args: Any, output: Any) -> None:
            self._running = None
            if isinstance(module, _LAYERS) and isinstance(output, Tensor):
                self.maker[_key(output)] = module
                self._alive.append(output)

        modules = [m for m in self._model.modules() if isinstance(m, (*_LAYERS, *_NORMS))]
        hooks = [module.register_forward_pre_hook(enter) for module in modules]
        hooks += [module.register_forward_hook(leave) for module in modules]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _run(model: nn.Module, batch: Any) -> tuple[Any, _Record]:
    record = _Record(model)
    with probing(model), record.following_modules(), record:
        output = run_batch(model, batch)
    record.count_uses(output)
    return output, record


def _pairs(model: nn.Module, record: _Record) -> tuple[dict[nn.Module, Any], dict[nn.Module, str]]:
    """Return the layer of each normalisation that can be folded, and why others cannot."""
    owners: dict[nn.Parameter, int] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners[parameter] = owners.get(parameter, 0) + 1
    pairs: dict[nn.Module, Any] = {}
    left: dict[nn.Module, str] = {}
    for norm in model.modules():
        if not isinstance(norm, _NORMS):
            continue
        made = record.inputs.get(norm)
        layer = None if made is None else record.maker.get(_key(made))
        reason = _obstacle(norm, layer, made, record=record, owners=owners)
        if reason is None:
            pairs[norm] = layer
        else:
            left[norm] = reason
    return pairs, left


def _obstacle(
    norm: Any,
    layer: Any,
    made: Tensor | None,
    *,
    record: _Record,
    owners: dict[nn.Parameter, int],
) -> str | None:
    """Say what forbids to fold a normalisation into a layer, None if nothing does."""
    if made is None:
        return "it did not run"
    if type(norm) not in _NORMS:
        return f"{type(norm).__name__} may compute something else"
    if record.calls[norm] > 1:
        return "it runs more than once"
    if norm.running_mean is None:
        return "it keeps no statistics"
    if layer is None:
        return "its input is not the output of a linear or convolution layer"
    name = type(layer).__name__
    if type(layer) not in _LAYERS or not isinstance(layer.weight, nn.Parameter):
        return f"{name} may compute something else, or has a parametrised weight"
    if record.calls[layer] > 1:
        return f"the {name} before it runs more than once"
    if record.uses[_key(made)] > 1:
        return f"the output of the {name} before it is reshaped or used elsewhere, too"
    if any(owners[parameter] > 1 for parameter in layer.parameters()):
        return f"the {name} before it shares a parameter with another layer"
    if isinstance(layer, nn.Linear) and made.dim() > 2:
        return "it normalises another axis than the features of the Linear before it"
    return None


@torch.no_grad()
def _fold_pair(layer: Any, norm: Any) -> None:
    """Give a layer new parameters that include a normalisation, computed in float64."""
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    shift = torch.zeros_like(factor) if norm.bias is None else norm.bias.double()
    if norm.weight is not None:
        factor = factor * norm.weight.double()
    weight = layer.weight
    # Output channels are the first axis; in transposed convolutions the second, group by group.
    if isinstance(layer, _TRANSPOSED):
        by_group = weight.double().unflatten(0, (layer.groups, -1))
        ones = [1] * (weight.dim() - 2)
        folded = (by_group * factor.view(layer.groups, 1, -1, *ones)).flatten(0, 1)
    else:
        folded = weight.double() * factor.view(-1, *[1] * (weight.dim() - 1))
    bias = (
        -norm.running_mean.double()
        if layer.bias is None
        else (layer.bias.double() - norm.running_mean.double())
    )
    requires_grad = weight.requires_grad
    layer.weight = nn.Parameter(folded.to(weight.dtype), requires_grad)
    layer.bias = nn.Parameter((bias * factor + shift).to(weight.dtype), requires_grad)


def _difference(before: Any, after: Any) -> str | None:
    """Describe by how much outputs differ, None if by no more than rounding."""
    for old, new in zip(tree_leaves(before), tree_leaves(after), strict=True):
        if not isinstance(old, Tensor) or not old.is_floating_point() or old.numel() == 0:
            continue
        most = old.detach().abs().max().double()
        gap = (new - old).detach().abs().max().double()
        if not gap <= torch.finfo(old.dtype).eps ** 0.5 * most:
            return f"{gap.item():.3g}, with outputs of up to {most.item():.3g}"
    return None


def _key(value: Tensor) -> int:
    return cast("int", value.untyped_storage()._cdata)  # noqa: SLF001
