"""Running a model on a batch of data as it comes from a data loader."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from multipliers.parameters import check_kind
from torchapprox.quantisation.torch_ao import FakeQuantizeBase


def several(batches: Iterable[Any], name: str = "batches") -> Iterable[Any]:
    """Return batches as they are, unless one batch stands where several belong.

    Args:
        batches: What the caller passed.
        name: What the caller's signature calls it.

    Raises:
        TypeError: There is a lone tensor or mapping, whose rows or keys would pass for batches.

    Examples:
        >>> several(torch.zeros(8, 3))
        Traceback (most recent call last):
            ...
        TypeError: 'batches' must be an iterable of batches, got one Tensor: put it into a list
    """
    if isinstance(batches, (Tensor, Mapping)) or not isinstance(batches, Iterable):
        raise TypeError(
            f"'{name}' must be an iterable of batches, got one {type(batches).__name__}: put it "
            "into a list"
        )
    return batches


def run_batch(model: nn.Module, batch: Any) -> Any:
    """Call a model on a batch, moved to the device of the model's parameters.

    Args:
        model: The model.
        batch: A tensor, a sequence whose first element is the model's input (the others, such as
            labels, are not used), or a mapping of keyword arguments.

    Raises:
        TypeError: The batch is something else.

    Examples:
        >>> run_batch(nn.Flatten(), (torch.zeros(2, 3, 4), torch.tensor([1, 0]))).shape
        torch.Size([2, 12])
    """
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    if isinstance(batch, Mapping):
        return model(**{key: _to(value, device) for key, value in batch.items()})
    if isinstance(batch, (list, tuple)) and batch:
        batch = batch[0]
    if not isinstance(batch, Tensor):
        raise TypeError(
            "a batch must be a tensor, a sequence whose first element is one, or a mapping of "
            f"keyword arguments, got {type(batch).__name__}"
        )
    return model(_to(batch, device))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Have a model in evaluation mode without gradients, and give every module its mode back."""
    check_kind("model", model, nn.Module)
    training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, was_training in training.items():
            module.training = was_training


@contextmanager
def probing(model: nn.Module) -> Iterator[None]:
    """As `evaluating`, and quantisers whose observers are on forget what they see meanwhile."""
    quantisers = [module for module in model.modules() if isinstance(module, FakeQuantizeBase)]
    parts = {part for quantiser in quantisers for part in quantiser.modules()}
    saved = {part: [(value, value.detach().clone()) for value in _state(part)] for part in parts}
    try:
        with evaluating(model):
            yield
    finally:
        for states in saved.values():
            for value, before in states:
                value.data = before


def _state(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters(recurse=False)
    yield from module.buffers(recurse=False)


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
