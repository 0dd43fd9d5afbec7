"""In which layer of the running model an error happened."""

from traceback import walk_stack

import torch
from torch import nn


def in_layer() -> str:
    """Return the words that name the innermost module that is running, for an error's message.

    Asked only where an error is raised, so that a layer needs to know neither its model nor its
    name there.

    Returns:
        " in layer 'NAME'", NAME as in ``named_modules`` of the outermost running module that
        contains the layer; "" where that is the layer itself, or no module runs.

    Examples:
        >>> class Refusing(nn.Module):
        ...     def forward(self, x):
        ...         raise ValueError(f"'x' must be (3,), got {tuple(x.shape)}{in_layer()}")
        >>> nn.Sequential(nn.Identity(), Refusing())(torch.zeros(2))
        Traceback (most recent call last):
        ValueError: 'x' must be (3,), got (2,) in layer '1'
    """
    if torch.compiler.is_compiling():
        return ""
    running = [
        module
        for frame, _ in walk_stack(None)
        if isinstance(module := frame.f_locals.get("self"), nn.Module)
    ]
    for model in reversed(running):
        name = next((name for name, each in model.named_modules() if each is running[0]), "")
        if name:
            return f" in layer {name!r}"
    return ""
