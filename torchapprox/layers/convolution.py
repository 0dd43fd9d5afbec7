"""What all convolution layers have in common."""

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.convolution.conv import ApproxConvOp, conv_operands
from torchapprox.operators.convolution.conv_args import ConvArgs
from torchapprox.operators.convolution.conv_transpose_args import ConvTransposeArgs
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.operand_sink import OperandSink
from torchapprox.running_layer import in_layer


class ConvolutionLayer(ApproxLayer):
    """A convolution or transposed convolution on an approximate multiplier.

    Input and output are `(B, C, *size)`, or `(C, *size)` for one sample.
    """

    # Constructor arguments that float and approximate layer share, the bias aside.
    _ARGUMENTS: ClassVar[tuple[str, ...]]
    _ADDS_BIAS = True
    _EXACT_ON_CODES = True
    _FLOAT_MODULE: ClassVar[type[nn.Module]]
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    _input_size: tuple[int, ...] | None = None

    @property
    @abstractmethod
    def conv_args(self) -> ConvArgs | ConvTransposeArgs:
        """The arguments of the convolution."""

    @classmethod
    def from_float(
        cls,
        mod: nn.Module,
        use_precomputed_fake_quant: bool = False,  # noqa: ARG003  torch passes it to every layer
    ) -> Self:
        """Make an approximate layer that shares a float layer's parameters.

        Args:
            mod: The layer; its ``qconfig`` is used if it has one.
            use_precomputed_fake_quant: Not used; part of the interface of ``prepare_qat``.
        """
        arguments: dict[str, Any] = {name: getattr(mod, name) for name in cls._ARGUMENTS}
        arguments["bias"], arguments["qconfig"] = (
            mod.bias is not None,
            getattr(mod, "qconfig", None),
        )
        arguments["device"], arguments["dtype"] = mod.weight.device, mod.weight.dtype
        layer = cls(**arguments)
        layer._take_parameters(mod)
        return layer

    @classmethod
    def from_super(cls, conv: nn.Module) -> Self:
        """Make an approximate layer from a float layer; the same as `from_float`."""
        return cls.from_float(conv)

    def to_float(self) -> nn.Module:
        """Return the float layer with the same parameters, shared."""
        arguments: dict[str, Any] = {name: getattr(self, name) for name in self._ARGUMENTS}
        conv: Any = self._FLOAT_MODULE(**arguments, bias=self.bias is not None, device="meta")
        conv.weight = self.weight
        conv.register_parameter("bias", self.bias)
        trained: nn.Module = conv.train(self.training)
        return trained

    def output_dims(self, x: Tensor) -> tuple[int, ...]:
        """Return the size of the output along each axis for an input of any batch."""
        return self.conv_args.output_size(*x.shape[-self.conv_args.DIMS :])

    def quant_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return the exact layer on fake-quantised floats, without the bias."""
        return self.conv_args.exact(x_q, w_q)

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
            x_q: Fake-quantised activations, floating point `(B, C, *size)`.
            w_q: Fake-quantised weights, floating point, shape of ``weight``.
            quant_params: How they are quantised.
            sink: Receives the operand codes if not None.
            bias: Added to the result where nothing is differentiated, floating point, by output
                channel.
            exact: Whether to multiply exactly instead.
        """
        lut, model, lut_range, accumulator, engine = self._multiplier(quant_params, exact=exact)
        # Binding arguments and a context takes as long as a small layer's products.
        product: Any = (
            ApproxConvOp.apply
            if torch.is_grad_enabled()
            else partial(ApproxConvOp.forward, bias=bias)
        )
        y: Tensor = product(
            x_q,
            w_q,
            quant_params,
            self.conv_args,
            model,
            lut,
            sink,
            lut_range,
            accumulator,
            engine,
            self.product_gradient,
        )
        return y

    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` would multiply; arguments as there."""
        return conv_operands(
            x_q, w_q, quant_params, self.conv_args, self.accumulator, self.engine
        ).lower()

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Run the layer in its current mode; see `ApproxLayer.forward`.

        Args:
            x: Fake-quantised activations, `(B, C, *size)`, or `(C, *size)` for one sample.
            args: As `ApproxLayer.forward` takes them.
            kwargs: Likewise.
        """
        args_of_conv = self.conv_args
        dims = args_of_conv.DIMS
        if x.dim() not in (dims + 1, dims + 2) or x.shape[-dims - 1] != self.in_channels:
            letters = ", ".join("DHW"[-dims:]) if dims > 1 else "L"
            raise ValueError(
                f"'x' must be (B, {self.in_channels}, {letters}) or "
                f"({self.in_channels}, {letters}), got {tuple(x.shape)}{in_layer()}"
            )
        batch = x if x.dim() == dims + 2 else x[None]
        size = tuple(batch.shape[2:])
        args_of_conv.output_size(*size)  # refuses one that does not fit, in every mode
        if size != self._input_size:  # modules are slow to take an attribute
            self._input_size = size
        y = ApproxLayer.forward(self, batch, *args, **kwargs)
        return y if x.dim() == dims + 2 else y[0]

    def _last_input_size(self) -> tuple[int, ...]:
        if self._input_size is None:
            raise ValueError("'opcount' needs the size of the input: run a forward pass first")
        return self._input_size

    def _last_output_size(self) -> tuple[int, ...]:
        return self.conv_args.output_size(*self._last_input_size())

    @property
    def channel_shape(self) -> tuple[int, ...]:
        """Shape in which one value per output channel broadcasts to the output."""
        return (-1, *[1] * self.conv_args.DIMS)
