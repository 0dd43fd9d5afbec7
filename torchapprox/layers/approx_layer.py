"""`ApproxLayer`, the base of every approximate layer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from htp import HtpCallable
from torchapprox.kernels.features.pair_unit import pair_unit
from torchapprox.layers.float_weight import check_float_weight
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.layer_settings import LayerSettings
from torchapprox.layers.operand_observers import OperandObserver, OperandObservers
from torchapprox.layers.product_parameters import product_parameters
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.affine.codes import real_operand
from torchapprox.operators.affine.finite import check_finite
from torchapprox.operators.affine.quantization_parameters import QuantizationParameters
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.lookup.exact_table import exact_range, exact_table
from torchapprox.operators.operand_sink import LastOperands, OperandSink, TracedGeMMInputs
from torchapprox.operators.prepared_products import OperandForms, Product, RealProduct
from torchapprox.quantisation.default_qconfig import default_qconfig
from torchapprox.quantisation.quantiser_state import (
    check_calibrated,
    is_centred,
    makes_codes,
    plain_limits,
)
from torchapprox.quantisation.torch_ao import QConfig

__all__ = ["ApproxLayer", "InferenceMode", "QuantizationParameters", "TracedGeMMInputs"]


_PRODUCTS = frozenset(("quant_fwd", "approx_fwd"))


class ApproxLayer(LayerSettings, ABC):
    """A layer whose products an approximate multiplier computes.

    A subclass whose second operand is a weight derives from this class and a layer with ``weight``,
    ``bias`` and ``weight_fake_quant``, calls that layer's constructor first and this one second,
    and writes the abstract methods. One that multiplies two activations has no weight: it owns the
    quantisers of both operands, says so in `operand_quantisers`, and writes its own `forward`,
    which quantises them and calls `multiply`.

    Args:
        qconfig: Quantiser configuration of activations and weights; `default_qconfig` if None.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        traced_inputs: Receives the operands of every forward pass in any mode, or None.
    """

    # Whether `approx_fwd` takes a bias and adds it where nothing is differentiated.
    _ADDS_BIAS: ClassVar[bool] = False
    # Whether it takes ``exact`` and then multiplies codes exactly. A class or an object with a
    # `quant_fwd` or `approx_fwd` of its own is not taken at its parent's word.
    _EXACT_ON_CODES: ClassVar[bool] = False
    # Whether `evaluated_layer` may call what `prepared` returns instead of the methods that are
    # called by `forward`. Not inherited, since a class that derives may compute something else.
    _EVALUATED: ClassVar[bool] = False
    weight: nn.Parameter
    bias: nn.Parameter | None
    qconfig: QConfig | None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_EXACT_ON_CODES" not in vars(cls) and _PRODUCTS & vars(cls).keys():
            cls._EXACT_ON_CODES = False
        cls._EVALUATED = bool(vars(cls).get("_EVALUATED", False))

    def __init__(self, qconfig: QConfig | None = None, learnable_noise: bool = False) -> None:
        LayerSettings.__init__(self, qconfig or default_qconfig(), learnable_noise=learnable_noise)
        # prepare_qat gives every layer that has a qconfig a quantiser for its output as well.
        # The next layer's quantiser does that job.
        self.qconfig = None
        self.traced_inputs: TracedGeMMInputs | None = None
        self._operand_observers = OperandObservers()

    # -- what a layer type defines ----------------------------------------------------------------

    @property
    def channel_shape(self) -> tuple[int, ...]:
        """Shape in which one value per output channel broadcasts to the output."""
        return (-1,)

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """Connections into one neuron; grouped convolutions count only their group."""

    @property
    @abstractmethod
    def opcount(self) -> int:
        """Multiplications in one forward pass of one sample."""

    @abstractmethod
    def quant_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return the exact layer on fake-quantised floats, without the bias."""

    @abstractmethod
    def approx_fwd(
        self,
        x_q: Tensor,
        w_q: Tensor,
        quant_params: QuantizationParameters,
        sink: OperandSink | None = None,
    ) -> Tensor:
        """Return the layer on the multiplier's products, without the bias.

        Args:
            x_q: Activations, floating point; fake-quantised, but where ``quant_params`` says
                otherwise.
            w_q: Weights, likewise.
            quant_params: How they are quantised.
            sink: Receives the operand codes if not None.
        """

    @abstractmethod
    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` would multiply; arguments as there."""

    @abstractmethod
    def to_float(self) -> nn.Module:
        """Return the float layer with the same parameters, shared."""

    # -- the forward pass -------------------------------------------------------------------------

    def noise_fwd(self, x_q: Tensor, w_q: Tensor) -> Tensor:
        """Return `quant_fwd`, in training mode plus ``randn * std(y) * stdev + mean``.

        See `OutputNoise`. With ``noise_in_eval`` the noise is added in evaluation mode too.
        """
        noisy: Tensor = self.noise(self.quant_fwd(x_q, w_q), self.channel_shape)
        return noisy

    def forward(
        self,
        x: Tensor,
        x_scale: Tensor | None = None,
        x_zero_point: Tensor | None = None,
        bias: Tensor | None = None,
        *,
        x_range: tuple[int, int] | None = None,
        x_clip: tuple[int, int] | None = None,
    ) -> Tensor:
        """Run the layer in its current mode.

        Args:
            x: Activations, floating point; fake-quantised, but where ``x_clip`` is given.
            x_scale: Their scale, one element; needed in APPROXIMATE mode and for tracing.
            x_zero_point: Their zero point, one element.
            bias: Added instead of the layer's own bias.
            x_range: Least and greatest value that the activations' quantiser produces.
            x_clip: What `deferred` returned for the quantiser, if it is left to the operator.

        Returns:
            The layer's output, floating point, at least float32.

        Raises:
            NotImplementedError: The activations are sparse or nested, or have no data.
            RuntimeError: APPROXIMATE mode without scale and zero point, or with a quantiser that
                never saw data.
            TypeError: The activations are not a tensor of real floating-point numbers.
            ValueError: Activations quantised per channel, NaN among the operands, or a quantiser
                whose range does not fit the multiplier's port.
        """
        if x_range is not None and x_range != self._input_range:
            self._input_range = x_range
        x, w = real_operand(x, "x"), real_operand(self.weight, "weight")
        alone = x_clip is None and self._inference_mode is InferenceMode.QUANTIZED
        w_clip = None if alone else self.deferred(self.weight_fake_quant)
        if w_clip is None:
            check_finite(w, "the layer's weight")
            w = self._quantise_weight(w)
        y = self.multiply(
            x, w, x_scale, x_zero_point, x_range, x_clip=x_clip, w_clip=w_clip,
            bias=self.bias if bias is None else bias,
        )  # fmt: skip
        if self.bias_correction is None or self._inference_mode is not InferenceMode.APPROXIMATE:
            return y
        return y + self.bias_correction.view(self.channel_shape)

    def multiply(
        self,
        x_q: Tensor,
        w_q: Tensor,
        x_scale: Tensor | None,
        x_zero_point: Tensor | None,
        x_range: tuple[int, int] | None,
        *,
        x_clip: tuple[int, int] | None = None,
        w_clip: tuple[int, int] | None = None,
        bias: Tensor | None = None,
    ) -> Tensor:
        """Return the product of two operands in the current mode, plus a bias.

        Args:
            x_q: Activations, floating point; fake-quantised, but where ``x_clip`` is given.
            w_q: Operand of the weight port; fake-quantised by ``weight_fake_quant``, but where
                ``w_clip`` is given.
            x_scale: Scale of the activations, one element, or None.
            x_zero_point: Their zero point, one element, or None.
            x_range: Least and greatest value that their quantiser produces, or None.
            x_clip: What `deferred` returned for a quantiser that is left to the operator.
            w_clip: Likewise.
            bias: Floating point, by output channel, or None.

        Raises:
            RuntimeError: APPROXIMATE mode without scale and zero point, or with a quantiser that
                never saw data.
            ValueError: A quantiser's range does not fit the multiplier's port.
        """
        # Multiplied as codes, whatever the multiplier's ports are.
        exact = self._inference_mode is InferenceMode.QUANTIZED and x_clip is not None
        params = product_parameters(
            x_scale,
            x_zero_point,
            self.weight_fake_quant,
            ports=None if exact else self.product_table.ports,
            x_range=x_range,
            x_clip=x_clip,
            w_clip=w_clip,
        )
        watched = self.traced_inputs is not None or bool(self._operand_observers)
        sink = LastOperands() if watched else None
        if self._inference_mode is InferenceMode.APPROXIMATE:
            if self._ADDS_BIAS and bias is not None and self._may_be_added(bias, x_q, sink):
                return self._approximate(x_q, w_q, params, x_range, sink, bias=bias)
            y = self._approximate(x_q, w_q, params, x_range, sink)
        elif self._inference_mode is InferenceMode.NOISE:
            y = self.noise_fwd(*_of_one_type(x_q, w_q))
        elif exact and params is not None:
            fused = bias is not None and self._may_be_added(bias, x_q, sink)
            options: dict[str, Any] = {"bias": bias} if fused else {}
            on_codes: Any = self.approx_fwd
            y = on_codes(x_q, w_q, params, exact=True, **options)
            bias = None if fused else bias
        else:
            y = self.quant_fwd(*_of_one_type(x_q, w_q))
        if sink is not None:
            self._show_operands(sink.operands, x_q, w_q, params, y)
        return y if bias is None else y + bias.view(self.channel_shape)

    @staticmethod
    def _may_be_added(bias: Tensor, x_q: Tensor, sink: OperandSink | None) -> bool:
        """Whether the operator may add a bias: nobody differentiates it, or looks before it."""
        return sink is None and bias.dtype == x_q.dtype and not torch.is_grad_enabled()

    def _approximate(
        self,
        x_q: Tensor,
        w_q: Tensor,
        params: QuantizationParameters | None,
        x_range: tuple[int, int] | None,
        sink: OperandSink | None,
        **options: Tensor,
    ) -> Tensor:
        """Run APPROXIMATE mode once everything that it needs is there."""
        self.product_table.check_port("activation", x_range)
        for operand, quantiser in self.operand_quantisers.items():
            check_calibrated(operand, quantiser)
        if params is None:
            raise RuntimeError(
                "APPROXIMATE mode needs the activations' scale and zero point: wrap the model "
                "with wrap_quantizable and call prepare_qat(model, layer_mapping_dict()), or "
                "pass 'x_scale' and 'x_zero_point'"
            )
        return self.approx_fwd(x_q, w_q, params, sink, **options)

    def deferred(self, quantiser: nn.Module) -> tuple[int, int] | None:
        """Return the limits of a fake-quantiser whose work the operator does in the current mode.

        In APPROXIMATE mode the operator turns real numbers into codes in one pass, so that a
        quantiser that does nothing else need not run; in QUANTIZED mode, too, where codes are
        multiplied. None where it must run.
        """
        if self._inference_mode is InferenceMode.APPROXIMATE:
            return plain_limits(quantiser)
        if self._inference_mode is InferenceMode.QUANTIZED and self._multiplies_codes(quantiser):
            return plain_limits(quantiser)
        return None

    def _multiplies_codes(self, quantiser: nn.Module) -> bool:
        """Whether the exact product is one of codes: nobody looks, and that is faster on this CPU.

        Args:
            quantiser: The quantiser of one operand.
        """
        if (
            not self._EXACT_ON_CODES
            or torch.is_grad_enabled()
            or torch.compiler.is_compiling()
            or torch.is_autocast_enabled("cpu")
            or self.traced_inputs is not None
            or self._operand_observers
            or not pair_unit().instruction
            or not self.__dict__.keys().isdisjoint(_PRODUCTS)
        ):
            return False
        own = self.weight_fake_quant
        return is_centred(own) and all(map(makes_codes, (quantiser, own)))

    def _multiplier(
        self, params: QuantizationParameters, *, exact: bool
    ) -> tuple[Tensor | None, HtpCallable | None, tuple[int, int] | None, Accumulator | None, str]:
        """Return table, HTP model, bounds on the table, accumulator and engine of a product.

        Args:
            params: How the operands are quantised.
            exact: Whether the product is the exact one and not the multiplier's.
        """
        if exact and params.x_clip is not None and params.w_clip is not None:
            signed = params.x_clip[0] < 0, params.w_clip[0] < 0
            return (
                exact_table(*signed, torch.device("cpu")),
                None,
                exact_range(*signed),
                None,
                "auto",
            )
        table = self.product_table
        return self.lut, self.htp_model, table.lut_range, self.accumulator, self.engine

    def _quantise_weight(self, weight: Tensor) -> Tensor:
        """Fake-quantise the weight, whose first axis is that of the output channels."""
        quantised: Tensor = self.weight_fake_quant(weight)
        return quantised

    def prepared(self, x: Tensor, forms: OperandForms) -> Product | None:  # noqa: ARG002
        """Return the layer's product of real operands; None where it goes step by step.

        Args:
            x: Activations of the size that the product is to take, floating point.
            forms: What becomes of the operands.
        """
        return None

    def operands_of(self, product: RealProduct, params: QuantizationParameters) -> GemmOperands:
        """Return the operands of what `prepared` computed.

        Args:
            product: The product.
            params: How its operands were quantised.
        """
        raise NotImplementedError(f"{type(self).__name__} prepares no product")

    # -- the operands, for whoever looks ----------------------------------------------------------

    def add_operand_observer(
        self, observer: OperandObserver, *, keeps: bool = True
    ) -> Callable[[], None]:
        """Have ``observer(operands, y)`` called in every forward pass, in any mode.

        Args:
            observer: Gets the operand codes and the output before the bias, detached.
            keeps: Whether it may keep the output; if not, the bias may be added in its memory.

        Returns:
            A function that removes the observer.
        """
        return self._operand_observers.add(observer, keeps=keeps)

    @torch.no_grad()
    def _show_operands(
        self,
        operands: GemmOperands | None,
        x_q: Tensor,
        w_q: Tensor,
        params: QuantizationParameters | None,
        y: Tensor,
    ) -> None:
        """Show the operands to whoever looks, lowered here where the mode did not need them."""
        if params is None:
            raise RuntimeError(
                "tracing needs the activations' scale and zero point: wrap the model with "
                "wrap_quantizable and call prepare_qat(model, layer_mapping_dict())"
            )
        operands = operands or self.lower(x_q, w_q, params)
        if self.traced_inputs is not None:
            self.traced_inputs.receive(operands)
        self._operand_observers.show(operands, y.detach())

    def _take_parameters(self, layer: Any) -> None:
        """Share a float layer's parameters and training mode."""
        check_float_weight(layer)
        self.weight = layer.weight
        self.register_parameter("bias", cast("nn.Parameter | None", layer.bias))
        self.train(layer.training)


def _of_one_type(x: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Return two operands, of which one may be float32 and the other float64, in the wider type."""
    if x.dtype is w.dtype:
        return x, w
    wider = torch.promote_types(x.dtype, w.dtype)
    return x.to(wider), w.to(wider)
