"""The table of exact products, kept on every device that asked for it."""

import torch
from torch import Tensor

from multipliers import exact_products

_kept: dict[tuple[bool, bool, torch.device], Tensor] = {}


def exact_table(x_signed: bool, w_signed: bool, device: torch.device) -> Tensor:
    """Return the exact products of all codes, int32 `(256, 256)`, row = activation code.

    It is shared: do not write to it.

    Args:
        x_signed: Whether activation codes stand for two's complement numbers.
        w_signed: Likewise of weight codes.
        device: Where the table is wanted.

    Examples:
        >>> exact_table(True, False, torch.device("cpu"))[255, 3]
        tensor(-3, dtype=torch.int32)
    """
    key = x_signed, w_signed, device
    # A graph that is being compiled owns its constants.
    if torch.compiler.is_compiling():
        return torch.tensor(exact_products(x_signed, w_signed), device=device)
    if key not in _kept:
        with torch.inference_mode(mode=False):
            _kept[key] = torch.tensor(exact_products(x_signed, w_signed), device=device)
    return _kept[key]


def exact_range(x_signed: bool, w_signed: bool) -> tuple[int, int]:
    """Return the least and the greatest exact product.

    Examples:
        >>> exact_range(True, False), exact_range(True, True)
        ((-32640, 32385), (-16256, 16384))
    """
    sides = [(-128, 127) if signed else (0, 255) for signed in (x_signed, w_signed)]
    products = [x * w for x in sides[0] for w in sides[1]]
    return min(products), max(products)
