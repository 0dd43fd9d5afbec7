"""Which layers are meant: by name, pattern or type, setting by setting, in execution order."""

import fnmatch
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar, cast

from torch import nn

from multipliers.parameters import check_kind, shown
from torchapprox.batches import probing, run_batch
from torchapprox.conversion.wrapping import float_name
from torchapprox.layers import (
    ApproxLayer,
    ApproxWrapper,
    composite_mapping_dict,
    convertible_types,
    is_composite,
)

Selection = str | type[nn.Module]
Value = TypeVar("Value")


class PerLayer(Generic[Value]):
    """A setting that may differ from layer to layer.

    Args:
        argument: What the caller calls the setting, for messages.
        setting: One value for all layers; a mapping of names or `fnmatch` patterns to values; or,
            if ``functions``, a callable of a layer's name and the layer.
        default: The value of layers that the mapping does not name, unless it has `__missing__`,
            as a defaultdict does.
        functions: Whether a callable stands for a rule and not for a value.

    Examples:
        >>> setting = PerLayer("bits", {"body.*": 4, "body.7": 8}, default=0)
        >>> [setting(name, nn.Identity()) for name in ("body.1", "body.7", "head")]
        [4, 8, 0]
    """

    def __init__(
        self,
        argument: str,
        setting: Value | Mapping[str, Value] | Callable[[str, nn.Module], Value],
        *,
        default: Value,
        functions: bool = True,
    ) -> None:
        self._argument = argument
        self._setting = setting
        self._default = default
        self._functions = functions
        self._known: dict[str, Value] = {}

    def __call__(self, name: str, layer: nn.Module) -> Value:
        """Return a layer's value; a rule is asked once for every name.

        Args:
            name: The layer's name in the float model; an exact name goes before patterns, of which
                the first that matches counts.
            layer: The layer.
        """
        if name not in self._known:
            self._known[name] = self._resolve(name, layer)
        return self._known[name]

    def check_names(self, names: Iterable[str]) -> None:
        """Raise LookupError if a name or pattern of the mapping matches no layer."""
        if not isinstance(self._setting, Mapping):
            return
        names = list(names)
        for pattern in self._setting:
            if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
                raise _no_match(self._argument, pattern, names)

    def _resolve(self, name: str, layer: nn.Module) -> Value:
        setting = self._setting
        if isinstance(setting, Mapping):
            if name in setting:
                return setting[name]
            for key, value in setting.items():
                if fnmatch.fnmatchcase(name, key):
                    return value
            missing = getattr(setting, "__missing__", None)
            return self._default if missing is None else cast("Value", missing(name))
        if self._functions and callable(setting):
            return setting(name, layer)
        return cast("Value", setting)


def choose_layers(
    model: nn.Module,
    types: Iterable[type[nn.Module]],
    *,
    include: Iterable[Selection] | None,
    exclude: Iterable[Selection],
) -> set[nn.Module]:
    """Return the float layers of a model that are to be converted.

    Args:
        model: The model.
        types: Layer types that can be converted beside the `convertible_types`.
        include: Names (with the wildcards of `fnmatch`) or types of layers; all if None.
        exclude: Names or types of layers to leave out.

    Raises:
        LookupError: A name or type matches no layer, converted or not.
        TypeError: The model is not a module.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"'model' must be a torch.nn.Module, got {type(model).__name__}")
    layers = _float_layers(model, types)
    known = layers + [
        (name, module.wrapped if isinstance(module, ApproxWrapper) else module)
        for name, module in model.named_modules()
        if isinstance(module, ApproxWrapper) or is_composite(module)
    ]

    def matching(argument: str, selection: Selection) -> set[nn.Module]:
        check_kind(argument, selection, str | type, advice="a name or a type of layers")
        found = {layer for name, layer in known if _matches(name, layer, selection)}
        if not found:
            raise _no_match(argument, selection, [name for name, _ in known])
        return found

    def all_matching(argument: str, selections: Iterable[Selection]) -> set[nn.Module]:
        if isinstance(selections, str) or not isinstance(selections, Iterable):
            raise TypeError(
                f"'{argument}' must be an iterable of names and types of layers, got "
                f"{shown(selections)}: put it into a list"
            )
        return set().union(*(matching(argument, selection) for selection in selections))

    chosen = {layer for _, layer in layers}
    if include is not None:
        chosen &= all_matching("include", include)
    return chosen - all_matching("exclude", exclude)


def execution_order(model: nn.Module, batch: Any) -> tuple[str, ...]:
    """Return the names of the layers that `approximate` converts or converted, as they first run.

    The usual way to leave the first and the last layer exact:

        order = execution_order(model, batch)
        approximate(model, multiplier, exclude=[order[0], order[-1]])

    Args:
        model: The model, float or converted.
        batch: A batch as `calibrate` takes it; run in evaluation mode, without a trace.

    Returns:
        Names in the float model. A layer that did not run is not among them.

    Examples:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> execution_order(model, torch.zeros(1, 4))
        ('0', '2')
    """
    check_kind("model", model, nn.Module)
    layers = _float_layers(model) + [
        (float_name(name), layer)
        for name, layer in model.named_modules()
        if isinstance(layer, ApproxLayer)
    ]
    order: dict[str, None] = {}

    def note(name: str, *_: Any) -> None:
        order.setdefault(name)

    # Hooks at the modules keep PyTorch's encoder layers from the fast path around their sublayers.
    hooks = [layer.register_forward_pre_hook(partial(note, name)) for name, layer in layers]
    try:
        with probing(model):
            run_batch(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(order)


def _float_layers(
    model: nn.Module, others: Iterable[type[nn.Module]] = ()
) -> list[tuple[str, nn.Module]]:
    types = convertible_types().union(others)
    return [(name, layer) for name, layer in model.named_modules() if type(layer) in types]


def _matches(name: str, layer: nn.Module, selection: Selection) -> bool:
    if isinstance(selection, str):
        return fnmatch.fnmatchcase(name, selection)
    replaced: type | None = composite_mapping_dict().get(selection)
    return isinstance(layer, selection) or type(layer) is replaced


def _no_match(argument: str, selection: Selection, names: list[str]) -> LookupError:
    return LookupError(
        f"'{argument}': {selection!r} matches no layer; there are: {', '.join(names) or 'none'}"
    )
