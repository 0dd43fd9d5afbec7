"""Finding the layers of a model and putting them between quantiser stubs, and back."""

from collections.abc import Callable, Iterable

from torch import nn

from torchapprox.layers import ApproxLayer, ApproxWrapper, layer_mapping_dict
from torchapprox.quantization import QConfig


def wrap_quantizable(
    net: nn.Module,
    wrappable_layers: Iterable[type[nn.Module]] | None = None,
    qconfig: QConfig | None = None,
) -> nn.Module:
    """Wrap a model's layers in place; a layer that is wrapped already stays as it is.

    A layer is wrapped if its type is in ``wrappable_layers``, not merely derived from one: a
    derived layer may compute something else. A layer that the model uses twice is wrapped once and
    keeps one quantiser.

    Args:
        net: The model.
        wrappable_layers: Layer types; those of `layer_mapping_dict` if None.
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
    types = set(layer_mapping_dict() if wrappable_layers is None else wrappable_layers)
    wrap_layers(net, lambda _, layer: type(layer) in types, lambda *_: qconfig)
    return net


def get_approx_modules(net: nn.Module) -> list[tuple[str, ApproxLayer]]:
    """Return name and layer of every approximate layer of a model, in the model's order."""
    return [(name, layer) for name, layer in net.named_modules() if isinstance(layer, ApproxLayer)]


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
) -> list[tuple[str, ApproxWrapper]]:
    """Wrap in place the layers for which ``wanted(name, layer)`` holds.

    Args:
        net: The model.
        wanted: Whether to wrap a layer.
        qconfig: A layer's quantiser configuration; `default_qconfig` for None.

    Returns:
        Name and wrapper of every layer that was wrapped now; a shared layer once.
    """
    if type(net) in layer_mapping_dict() and wanted("", net):
        raise ValueError(
            f"'net' must contain the layers to wrap, got a single {type(net).__name__}; "
            "put it into an nn.Sequential"
        )
    wrappers: dict[nn.Module, ApproxWrapper] = {}
    new: list[tuple[str, ApproxWrapper]] = []
    for parent_name, parent in list(net.named_modules()):
        if isinstance(parent, ApproxWrapper):
            continue
        for child_name, child in named_slots(parent):
            name = f"{parent_name}.{child_name}" if parent_name else child_name
            if child not in wrappers:
                if not wanted(name, child):
                    continue
                wrappers[child] = ApproxWrapper(child, qconfig(name, child))
                new.append((name, wrappers[child]))
            setattr(parent, child_name, wrappers[child])
    return new


def unwrap_layers(net: nn.Module, restore: Callable[[ApproxWrapper], nn.Module]) -> None:
    """Replace in place every wrapper by what ``restore`` makes of it; a shared one once."""
    restored: dict[nn.Module, nn.Module] = {}
    for parent in list(net.modules()):
        for name, child in named_slots(parent):
            if isinstance(child, ApproxWrapper):
                if child not in restored:
                    restored[child] = restore(child)
                setattr(parent, name, restored[child])


def named_slots(parent: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return all children; `named_children` leaves out the second name of a shared one."""
    return [(name, child) for name, child in parent._modules.items() if child is not None]  # noqa: SLF001
