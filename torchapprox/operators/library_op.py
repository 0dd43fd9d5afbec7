"""Operators of PyTorch's library, registered without the wrappers that slow a call down.

`torch.library.custom_op` wraps every call in Python functions for gradients, changed arguments and
aliases, which take as long as a small layer's products. The operators here have no gradients (the
`torch.autograd.Function`s around them have), change nothing and return new tensors.
"""

import inspect
import typing
from collections.abc import Callable, Sequence
from typing import Any

import torch

Function = Callable[..., Any]
OPERATORS: dict[str, "LibraryOp"] = {}
"""Every operator, by its name."""


class LibraryOp:
    """An operator ``torchapprox::name``, callable as ``torch.ops.torchapprox.name``.

    Args:
        name: The operator's name.
        function: Computes it on ``device`` from positional arguments; annotated, which gives the
            schema.
        device: Type of device; None for all that no other kernel is registered for.

    Attributes:
        kernels: What computes the operator, by type of device; "default" for all others.
    """

    def __init__(self, name: str, function: Function, device: str | None) -> None:
        self.name: str = f"torchapprox::{name}"
        self.kernels: dict[str, Function] = {}
        OPERATORS[self.name] = self
        schema = torch.library.infer_schema(_signed(function), mutates_args=())
        torch.library.define(self.name, schema, tags=(torch.Tag.pt2_compliant_tag,))
        self.register_kernel(device or "default")(function)

    def register_kernel(self, device: str) -> Callable[[Function], Function]:
        """Return a decorator that registers a function for one type of device."""

        def register(function: Function) -> Function:
            self.kernels[device] = function

            def without_gradients(*arguments: Any) -> Any:
                # Rarely enabled here, so that the common case need not pay for the context.
                if not torch.is_grad_enabled():
                    return function(*arguments)
                with torch.no_grad():
                    return function(*arguments)

            torch.library.impl(self.name, device, without_gradients)
            return function

        return register

    def register_fake(self, function: Function) -> Function:
        """Register what gives shape, type and layout of a result."""
        torch.library.register_fake(self.name, function)
        return function


def _signed(function: Function) -> Function:
    """Return something with a function's signature, in the types that PyTorch 2.6 reads, too.

    That version knows the `typing.Sequence` of a list of integers only.
    """

    def stand_in() -> None: ...

    signature = inspect.signature(function)
    parameters = [
        parameter.replace(annotation=typing.Sequence[int])
        if parameter.annotation == Sequence[int]
        else parameter
        for parameter in signature.parameters.values()
    ]
    stand_in.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return stand_in


def library_op(name: str, *, device: str | None = None) -> Callable[[Function], LibraryOp]:
    """Return a decorator that makes a function an operator; arguments as `LibraryOp` takes them."""
    return lambda function: LibraryOp(name, function, device)
