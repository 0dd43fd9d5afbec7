"""Hooks of a layer that another module takes the place of."""

from collections import OrderedDict

from torch import nn

_HOOKS = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_pre_hooks",
    "_backward_hooks",
)


def move_hooks(layer: nn.Module, successor: nn.Module) -> None:
    """Move a layer's forward and backward hooks to the module that takes its place.

    They see the inputs and outputs that they saw before, and their handles still remove them.

    Args:
        layer: Has none afterwards.
        successor: Has those of ``layer`` instead of its own.

    Examples:
        >>> layer, successor = nn.Identity(), nn.Identity()
        >>> handle = layer.register_forward_hook(lambda module, inputs, output: 2 * output)
        >>> move_hooks(layer, successor)
        >>> layer(1), successor(1)
        (1, 2)
        >>> handle.remove()
        >>> successor(1)
        1
    """
    for name in _HOOKS:
        # Handles know the dictionary, so that it is the dictionary that moves.
        vars(successor)[name] = vars(layer)[name]
        vars(layer)[name] = OrderedDict()
    vars(successor)["_is_full_backward_hook"] = vars(layer)["_is_full_backward_hook"]
    vars(layer)["_is_full_backward_hook"] = None
