"""Matrix product of two activations on an approximate multiplier."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.composite import QConfigRule, qconfig_for
from torchapprox.layers.evaluated_layer import evaluated, keep_evaluated
from torchapprox.layers.float_products import Matmul
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.operators.affine.codes import real_operand
from torchapprox.operators.affine.finite import check_finite
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.approx_matmul import (
    approx_matmul,
    lower_matmul,
    matmul_operands,
    matrices,
    sample_shape,
)
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.operators.prepared_products import (
    OperandForms,
    Product,
    RealProduct,
    prepared_matmul,
)
from torchapprox.quantisation.torch_ao import QConfig, quantiser_range, weight_port_activation


class ApproxMatmul(ApproxLayer):
    """`torch.matmul` of two activations on an approximate multiplier, vectors and batches included.

    The layer owns the quantisers of both operands, so that no `ApproxWrapper` is needed. The first
    operand enters the multiplier's activation port and has the activations' quantiser. The second
    enters the weight port: its quantiser has the observer of the activations' one and the range of
    the weights' one, per tensor. In attention, Q and A come first, K^T and V second.

    Args:
        qconfig: Quantiser configuration; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        activation_fake_quant: Fake-quantiser of the first operand.
        weight_fake_quant: Fake-quantiser of the second operand.

    Examples:
        >>> layer = ApproxMatmul()
        >>> layer(torch.randn(2, 8, 5, 4), torch.randn(8, 4, 3)).shape
        torch.Size([2, 8, 5, 3])
        >>> layer.fan_in, layer.opcount
        (4, 480)
    """

    _EXACT_ON_CODES = True
    _EVALUATED = True

    def __init__(self, qconfig: QConfig | None = None, learnable_noise: bool = False) -> None:
        nn.Module.__init__(self)
        qconfig = qconfig or self.default_qconfig()
        self.activation_fake_quant: nn.Module = qconfig.activation()
        self.weight_fake_quant: nn.Module = weight_port_activation(qconfig)
        ApproxLayer.__init__(self, qconfig, learnable_noise)
        self._counts: tuple[int, int] | None = None

    @classmethod
    def from_float(cls, mod: Matmul, qconfig: QConfigRule = None) -> "ApproxMatmul":
        """Make an approximate layer; see `Composite`. The name of its one product is empty."""
        own: QConfig | None = getattr(mod, "qconfig", None)
        return cls(qconfig_for(qconfig, "", mod) or own).train(mod.training)

    def to_float(self) -> Matmul:
        """Return the exact product as a module."""
        return Matmul().train(self.training)

    @property
    def operand_quantisers(self) -> dict[str, nn.Module]:
        """The fake-quantisers of both operands, by the port that the operand enters."""
        return {"activation": self.activation_fake_quant, "weight": self.weight_fake_quant}

    @property
    def fan_in(self) -> int:
        """Products in one output of the last forward pass.

        Raises:
            ValueError: There was no forward pass yet, so that the size is not known.
        """
        return self._last_counts("fan_in")[0]

    @property
    def opcount(self) -> int:
        """Multiplications in the last forward pass for one sample.

        The first axis of a batch of matrices counts the samples; else there is one.

        Raises:
            ValueError: There was no forward pass yet, so that the size is not known.
        """
        return self._last_counts("opcount")[1]

    def quant_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return the exact product of fake-quantised floats."""
        return torch.matmul(x_q, w_q)

    def approx_fwd(
        self,
        x_q: Tensor,
        w_q: Tensor,
        quant_params: QuantizationParameters,
        sink: OperandSink | None = None,
        *,
        exact: bool = False,
    ) -> Tensor:
        """Return the sums of the multiplier's products.

        Args:
            x_q: Fake-quantised first operand, floating point `(..., M, K)` or `(K,)`.
            w_q: Fake-quantised second operand, floating point `(..., K, N)` or `(K,)`.
            quant_params: How they are quantised.
            sink: Receives the operand codes if not None.
            exact: Whether to multiply exactly instead.
        """
        lut, model, lut_range, accumulator, engine = self._multiplier(quant_params, exact=exact)
        return approx_matmul(
            x_q,
            w_q,
            quant_params,
            lut=lut,
            htp_model=model,
            traced_inputs=sink,
            lut_range=lut_range,
            accumulator=accumulator,
            engine=engine,
            gradient=self.product_gradient,
        )

    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` would multiply; arguments as there."""
        return lower_matmul(*matrices(x_q, w_q), quant_params, self.accumulator, self.engine)

    def prepared(self, x: Tensor, forms: OperandForms) -> Product | None:  # noqa: ARG002
        """Return the layer's product; see `ApproxLayer.prepared`."""
        return prepared_matmul(forms)

    def operands_of(self, product: RealProduct, params: QuantizationParameters) -> GemmOperands:
        """Return the operands of what `prepared` computed; see `ApproxLayer.operands_of`."""
        return matmul_operands(product, params, self.accumulator, self.engine)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:  # type: ignore[override]
        """Quantise both operands and multiply them in the layer's current mode.

        Args:
            x: First operand, floating point `(..., M, K)` or `(K,)`.
            w: Second operand, floating point `(..., K, N)` or `(K,)`.

        Returns:
            As `torch.matmul`; of the operands' type.

        Raises:
            NotImplementedError: An operand is sparse or nested, or has no data.
            TypeError: An operand is not a tensor of real floating-point numbers.
            ValueError: Shapes do not match, or an operand holds NaN or infinity.
        """
        # Vectors become matrices of one row or column, so that outputs are matrices for everyone.
        rows, columns = matrices(x, w)
        quantiser: Any = self.activation_fake_quant
        y = None if torch.is_grad_enabled() else evaluated(self, quantiser, rows, columns)
        if y is None:
            y = self._forward(rows, columns, quantiser)
        y = y.squeeze(-1) if w.dim() == 1 else y
        y = y.squeeze(-1 if w.dim() == 1 else -2) if x.dim() == 1 else y
        return y.to(torch.promote_types(x.dtype, w.dtype))

    def _forward(self, rows: Tensor, columns: Tensor, quantiser: Any) -> Tensor:
        """Multiply `(..., M, K)` and `(..., N, K)` step by step; keep what a next call needs."""
        x, x_clip = self._quantise("x", rows, quantiser, self.deferred(quantiser))
        # Codes are multiplied where both operands are.
        alone = x_clip is None and self._inference_mode is InferenceMode.QUANTIZED
        w_limits = None if alone else self.deferred(self.weight_fake_quant)
        w, w_clip = self._quantise("w", columns.mT, self.weight_fake_quant, w_limits)
        y = self.multiply(
            x,
            w,
            getattr(quantiser, "scale", None),
            getattr(quantiser, "zero_point", None),
            quantiser_range(quantiser),
            x_clip=x_clip,
            w_clip=w_clip,
        )
        depth = rows.shape[-1]
        counts = depth, depth * math.prod(sample_shape(y))
        if counts != self._counts:  # modules are slow to take an attribute
            self._counts = counts
        if x_clip is not None:
            keep_evaluated(self, quantiser, rows, columns)
        return y

    @staticmethod
    def _quantise(
        argument: str, values: Tensor, quantiser: nn.Module, clip: tuple[int, int] | None
    ) -> tuple[Tensor, tuple[int, int] | None]:
        """Return an operand for `multiply`, and the limits of a quantiser that is left to it."""
        values = real_operand(values, argument)
        if clip is not None:
            return values, clip
        check_finite(values, f"'{argument}'")
        return quantiser(values), None

    def _last_counts(self, name: str) -> tuple[int, int]:
        if self._counts is None:
            raise ValueError(f"'{name}' needs the size of the operands: run a forward pass first")
        return self._counts
