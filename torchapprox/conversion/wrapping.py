"""Finding the layers of a model and putting them between quantiser stubs, and back."""

from collections.abc import Callable, Iterable
from typing import cast

from torch import nn
from torch.nn.parameter import is_lazy

from multipliers.parameters import check_kind
from torchapprox.conversion.fast_path import keep_off_fast_path, restore_fast_path
from torchapprox.conversion.hooks import move_hooks
from torchapprox.layers import (
    ApproxLayer,
    ApproxWrapper,
    composite_mapping_dict,
    convertible_types,
    is_composite,
)
from torchapprox.quantisation.torch_ao import QConfig


def wrap_quantizable(
    net: nn.Module,
    wrappable_layers: Iterable[type[nn.Module]] | None = None,
    qconfig: QConfig | None = None,
) -> nn.Module:
    """Wrap a model's layers in place; a layer that is wrapped already stays as it is.

    A layer is wrapped if its type is in ``wrappable_layers``, not merely derived from one: a
    derived layer may compute something else. A layer that the model uses twice is wrapped once and
    keeps one quantiser. A module with several products, such as `torch.nn.MultiheadAttention`, is
    replaced by its approximate form, in which the wrappers are.

    Args:
        net: The model.
        wrappable_layers: Layer types; those of `layer_mapping_dict` and `composite_mapping_dict` if
            None.
        qconfig: Quantiser configuration; `default_qconfig` if None.

    Returns:
        The same model.

    Raises:
        ValueError: The model itself is such a layer, so that nothing holds it.

    Examples:
        >>> net = wrap_quantizable(nn.Sequential(nn.Linear(2, 3), nn.ReLU()))
        >>> type(net[0]).__name__, type(net[1]).__name__
        ('ApproxWrapper', 'ReLU')
    """
    check_kind("net", net, nn.Module)
    check_kind("wrappable_layers", wrappable_layers, Iterable | None)
    check_kind("qconfig", qconfig, QConfig | None, advice="torchapprox.qconfig() makes one")
    types = set(convertible_types() if wrappable_layers is None else wrappable_layers)
    for each in types:
        check_kind("wrappable_layers", each, type, advice="name types of layers")
    wrap_layers(net, lambda _, layer: type(layer) in types, lambda *_: qconfig)
    return net


def get_approx_modules(net: nn.Module) -> list[tuple[str, ApproxLayer]]:
    """Return name and layer of every approximate layer of a model, in the model's order."""
    check_kind("net", net, nn.Module)
    return [(name, layer) for name, layer in net.named_modules() if isinstance(layer, ApproxLayer)]


def converted_layers(model: nn.Module) -> list[tuple[str, ApproxLayer]]:
    """Return name and layer of every approximate layer of a model that must have some.

    Raises:
        TypeError: ``model`` is no module.
        ValueError: It has no approximate layer.

    Examples:
        >>> converted_layers(nn.Sequential(nn.Linear(2, 3)))
        Traceback (most recent call last):
            ...
        ValueError: 'model' must have approximate layers, got none: call
        torchapprox.approximate(model)
    """
    check_kind("model", model, nn.Module)
    layers = get_approx_modules(model)
    if not layers:
        raise ValueError(
            "'model' must have approximate layers, got none: call torchapprox.approximate(model)"
        )
    return layers


def float_name(name: str) -> str:
    """Return the name that an approximate layer had in the float model.

    Examples:
        >>> float_name("features.0.wrapped")
        'features.0'
    """
    return name.removesuffix(".wrapped")


def wrap_layers(
    net: nn.Module,
    wanted: Callable[[str, nn.Module], bool],
    qconfig: Callable[[str, nn.Module], QConfig | None],
) -> list[tuple[str, nn.Module, nn.Module]]:
    """Replace in place the layers for which ``wanted(name, layer)`` holds.

    Hooks of a layer move to its replacement.

    Args:
        net: The model.
        wanted: Whether to replace a layer.
        qconfig: Quantiser configuration by name and float layer; `default_qconfig` for None. Asked
            for every product of a composite module, by the name that it will have.

    Returns:
        Name, layer and what now stands for it: a wrapper around the layer, or the approximate form
        of a composite one; a shared layer once.

    Raises:
        ValueError: The model itself is such a layer, or a lazy layer has no parameters yet.
    """
    if wanted("", net):
        raise ValueError(
            f"'net' must contain the layers to wrap, got a single {type(net).__name__}; "
            "put it into an nn.Sequential"
        )
    _check_initialised(net)
    replacements: dict[nn.Module, nn.Module] = {}
    new: list[tuple[str, nn.Module, nn.Module]] = []
    slots: list[tuple[nn.Module, str, nn.Module]] = []
    device = next((parameter.device for parameter in net.parameters()), None)
    for parent_name, parent in list(net.named_modules()):
        if isinstance(parent, ApproxWrapper):
            continue
        for child_name, child in named_slots(parent):
            name = f"{parent_name}.{child_name}" if parent_name else child_name
            if child not in replacements:
                if not wanted(name, child):
                    continue
                replacements[child] = _replacement(name, child, qconfig)
                if not any(True for _ in child.parameters()):
                    replacements[child].to(device)
                new.append((name, child, replacements[child]))
            slots.append((parent, child_name, replacements[child]))
    # At the end, so that a replacement that fails leaves the model as it was.
    for parent, child_name, replacement in slots:
        setattr(parent, child_name, replacement)
    for child, replacement in replacements.items():
        move_hooks(child, replacement)
    keep_off_fast_path(net)
    return new


def _check_initialised(net: nn.Module) -> None:
    for name, module in net.named_modules():
        if any(is_lazy(parameter) for parameter in module.parameters(recurse=False)):
            raise ValueError(
                f"layer {name!r} ({type(module).__name__}) must have its parameters: run the model "
                "on a batch before it is converted"
            )


def _replacement(
    name: str, layer: nn.Module, qconfig: Callable[[str, nn.Module], QConfig | None]
) -> nn.Module:
    composite = composite_mapping_dict().get(type(layer))
    if composite is None:
        return ApproxWrapper(layer, qconfig(name, layer))
    module = composite.from_float(
        layer, lambda inner, product: qconfig(f"{name}.{inner}" if inner else name, product)
    )
    return cast("nn.Module", module)


def unwrap_layers(net: nn.Module, restore: Callable[[nn.Module], nn.Module]) -> None:
    """Replace in place every wrapper and composite module by what ``restore`` makes of it.

    A shared one is restored once, and what is inside a composite one is its own business.
    """
    restored: dict[nn.Module, nn.Module] = {}
    for parent in list(net.modules()):
        if is_composite(parent):
            continue
        for name, child in named_slots(parent):
            if isinstance(child, ApproxWrapper) or is_composite(child):
                if child not in restored:
                    restored[child] = restore(child)
                    if restored[child] is not child:
                        move_hooks(child, restored[child])
                setattr(parent, name, restored[child])
    restore_fast_path(net)


def named_slots(parent: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return all children; `named_children` leaves out the second name of a shared one."""
    return [(name, child) for name, child in parent._modules.items() if child is not None]  # noqa: SLF001
