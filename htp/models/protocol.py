"""The callable protocol of HTP models.

An HTP ("high throughput") model computes a layer's product on an approximate multiplier from a few
products of the exact layer function, so that it runs at the speed of an ordinary GEMM. It knows
nothing of the layer: what varies comes in as ``base_func`` and ``kwargs``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from multipliers.parameters import check_kind


class BaseFunction(Protocol):
    """An exact bilinear layer function such as ``F.conv2d`` or ``F.linear``, without a bias."""

    def __call__(self, x: Any, w: Any, /, **kwargs: Any) -> Any:
        """Return the exact product of activations ``x`` and weights ``w``."""


class HtpCallable(Protocol):
    """What a layer accepts as its ``htp_model``.

    The operands are integer-valued floating-point tensors: the values that the multiplier's two
    ports see, before any zero-point correction. The result is the sum of the approximate
    products, integer-valued for a model that is exact.
    """

    def __call__(
        self, base_func: BaseFunction, x_q: Any, w_q: Any, kwargs: Mapping[str, Any], /
    ) -> Any:
        """Return the layer's approximate product ``y_q``."""


Function = TypeVar("Function", bound=Callable[..., Any])

_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
_TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def contracts_last_axis(function: Function) -> Function:
    """Mark a base function that sums over the last axis of both operands.

    For products other than ``F.linear``, such as the batched ``x @ w.mT`` of attention. A model
    then computes all its terms in one call; without the mark it makes one call for each, which is
    right for every bilinear function.

    Examples:
        >>> @contracts_last_axis
        ... def scores(x, w):
        ...     return x @ w.mT
        >>> contracted_axes(scores, w_ndim=4)
        (-1, -1)
    """
    check_kind("function", function, Callable)
    function.contracted_axes = (-1, -1)  # type: ignore[attr-defined]
    return function


def contracted_axes(base_func: BaseFunction, *, w_ndim: int) -> tuple[int, int] | None:
    """Return the axes along which the operands may hold several features side by side.

    | base function | axis of x | axis of w |
    |---|---|---|
    | marked by `contracts_last_axis` | last | last |
    | called ``linear`` | last | last |
    | called ``conv1d``, ``conv2d`` or ``conv3d`` | channels | second, the input channels |
    | called ``conv_transpose1d`` to ``conv_transpose3d`` | channels | first, the input channels |
    | any other | not known | not known |

    Args:
        base_func: The layer function.
        w_ndim: Number of axes of the weights.

    Returns:
        The axes of x and of w, counted from the end, so that they are the same for batched and for
        single samples; None where they are not known.
    """
    marked: tuple[int, int] | None = getattr(base_func, "contracted_axes", None)
    if marked is not None:
        return marked
    name = getattr(base_func, "__name__", "")
    if name == "linear":
        return -1, -1
    if name in _CONVOLUTIONS:
        return 1 - w_ndim, 1 - w_ndim
    return (1 - w_ndim, -w_ndim) if name in _TRANSPOSED else None
