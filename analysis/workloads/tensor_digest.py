"""A digest of a model's state or of batches of data, to tell them apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


def tensor_digest(value: Any) -> str:
    """Return the SHA-256 of the tensors in nested lists and mappings, 64 hexadecimal digits.

    Names, data types and shapes count; whatever is no tensor does not.

    Examples:
        >>> import torch
        >>> tensor_digest({"a": torch.ones(2)}) == tensor_digest({"a": torch.ones(2), "b": 1})
        True
        >>> tensor_digest([torch.ones(2)]) == tensor_digest([torch.ones(1, 2)])
        False
    """
    digest = hashlib.sha256()
    for name, tensor in _tensors("", value):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(
            tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()


def _tensors(name: str, value: Any) -> Iterable[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{name}.{key}", item)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _tensors(f"{name}.{number}", item)
