"""Backward passes that keep the types of their operands where autocast is on around them."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

Backward = Callable[..., tuple[Tensor | None, ...]]


def without_autocast(backward: Backward) -> Backward:
    """Return a backward pass that autocast does not change.

    A loop may call ``loss.backward()`` inside its autocast block; the gradients of integers in
    float32 would then be made in bfloat16.

    Args:
        backward: Of a `torch.autograd.Function`: takes the context and a gradient.
    """

    @wraps(backward)
    def run(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        with torch.autocast(grad.device.type, enabled=False):
            return backward(ctx, grad)

    return run
