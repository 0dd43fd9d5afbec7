"""The callable protocol of HTP models.

An HTP ("high throughput") model computes a layer's product on an approximate multiplier from a few
calls of the exact layer function and elementwise corrections, so that it runs at the speed of an
ordinary GEMM. It knows nothing of the layer: what varies comes in as ``base_func`` and ``kwargs``.
"""

from collections.abc import Mapping
from typing import Any, Protocol


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
