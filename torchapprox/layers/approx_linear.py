"""Fully connected layer on an approximate multiplier."""

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.approxgemm import ApproxGeMM, linear_operands, lower_linear
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.prepared_products import (
    OperandForms,
    Product,
    RealProduct,
    prepared_linear,
)
from torchapprox.quantisation.torch_ao import QatLinear, QConfig
from torchapprox.running_layer import in_layer


class ApproxLinear(ApproxLayer, QatLinear):  # type: ignore[misc]
    """`torch.nn.Linear` on an approximate multiplier.

    Args:
        in_features: Size of an input vector.
        out_features: Size of an output vector.
        bias: Whether the layer has a bias.
        qconfig: Quantiser configuration of activations and weights; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.
        device: Device of the parameters.
        dtype: Type of the parameters.

    Attributes:
        vectors_per_sample: Vectors of one sample in the last input; a layer that calls this one
            several times for a sample sets the number.

    Examples:
        >>> import torch
        >>> layer = ApproxLinear(8, 4)
        >>> layer(torch.randn(2, 5, 8)).shape
        torch.Size([2, 5, 4])
        >>> layer.fan_in, layer.opcount
        (8, 160)
    """

    _ADDS_BIAS = True
    _EXACT_ON_CODES = True
    _EVALUATED = True
    _FLOAT_MODULE = nn.Linear
    in_features: int
    out_features: int
    vectors_per_sample: int

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        qconfig: QConfig | None = None,
        learnable_noise: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        qconfig = qconfig or self.default_qconfig()
        QatLinear.__init__(
            self, in_features, out_features, bias, qconfig=qconfig, device=device, dtype=dtype
        )
        ApproxLayer.__init__(self, qconfig, learnable_noise)
        self.to(self.weight.device)
        self.vectors_per_sample = 1

    @classmethod
    def from_float(
        cls,
        mod: nn.Linear,
        use_precomputed_fake_quant: bool = False,  # noqa: ARG003  torch passes it to every layer
    ) -> "ApproxLinear":
        """Make an approximate layer that shares a float layer's parameters.

        Args:
            mod: The layer; its ``qconfig`` is used if it has one.
            use_precomputed_fake_quant: Not used; part of the interface of ``prepare_qat``.
        """
        layer = cls(
            mod.in_features,
            mod.out_features,
            bias=mod.bias is not None,
            qconfig=getattr(mod, "qconfig", None),
            device=mod.weight.device,
            dtype=mod.weight.dtype,
        )
        layer._take_parameters(mod)
        return layer

    @classmethod
    def from_super(cls, linear: nn.Linear) -> "ApproxLinear":
        """Make an approximate layer from a float layer; the same as `from_float`."""
        return cls.from_float(linear)

    def to_float(self) -> nn.Linear:
        """Return the float layer with the same parameters, shared."""
        linear = nn.Linear(
            self.in_features, self.out_features, self.bias is not None, device="meta"
        )
        linear.weight = self.weight
        linear.register_parameter("bias", self.bias)
        return linear.train(self.training)

    @property
    def fan_in(self) -> int:
        """Size of an input vector."""
        return self.in_features

    @property
    def opcount(self) -> int:
        """Multiplications in one forward pass of one sample.

        A sample of `(..., in_features)` counts every vector of the last input; one before the first
        forward pass.
        """
        return self.in_features * self.out_features * self.vectors_per_sample

    def quant_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return the exact layer on fake-quantised floats, without the bias."""
        return F.linear(x_q, w_q)

    def approx_fwd(
        self,
        x_q: Tensor,
        w_q: Tensor,
        quant_params: QuantizationParameters,
        sink: OperandSink | None = None,
        bias: Tensor | None = None,
        *,
        exact: bool = False,
    ) -> Tensor:
        """Return the layer on the multiplier's products.

        Args:
            x_q: Fake-quantised activations, floating point `(..., in_features)`.
            w_q: Fake-quantised weights, floating point `(out_features, in_features)`.
            quant_params: How they are quantised.
            sink: Receives the operand codes if not None.
            bias: Added to the result where nothing is differentiated, floating point, by output
                channel.
            exact: Whether to multiply exactly instead.
        """
        lut, model, lut_range, accumulator, engine = self._multiplier(quant_params, exact=exact)
        # Binding arguments and a context takes as long as a small layer's products.
        product: Any = (
            ApproxGeMM.apply if torch.is_grad_enabled() else partial(ApproxGeMM.forward, bias=bias)
        )
        y: Tensor = product(
            self._vectors(x_q),
            w_q,
            lut,
            quant_params,
            model,
            sink,
            lut_range,
            accumulator,
            engine,
            self.product_gradient,
        )
        return y.view(*x_q.shape[:-1], self.out_features)

    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` would multiply; arguments as there."""
        return lower_linear(self._vectors(x_q), w_q, quant_params, self.accumulator, self.engine)

    def prepared(self, x: Tensor, forms: OperandForms) -> Product | None:
        """Return the layer's product; see `ApproxLayer.prepared`."""
        return prepared_linear(forms) if x.dim() > 1 else None

    def operands_of(self, product: RealProduct, params: QuantizationParameters) -> GemmOperands:
        """Return the operands of what `prepared` computed; see `ApproxLayer.operands_of`."""
        return linear_operands(product, params, self.accumulator, self.engine)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Run the layer in its current mode; see `ApproxLayer.forward`."""
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise ValueError(
                f"'x' must be (..., {self.in_features}), got {tuple(x.shape)}{in_layer()}"
            )
        vectors = math.prod(x.shape[1:-1])
        if vectors != self.vectors_per_sample:  # modules are slow to take an attribute
            self.vectors_per_sample = vectors
        return ApproxLayer.forward(self, x, *args, **kwargs)

    def _vectors(self, x: Tensor) -> Tensor:
        return x.reshape(math.prod(x.shape[:-1]), self.in_features)
