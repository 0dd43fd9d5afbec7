"""`ApproxLayer`, the base of every approximate layer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from htp import HtpCallable
from multipliers import Multiplier, exact_products
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.operand_observers import OperandObserver, OperandObservers
from torchapprox.layers.output_noise import OutputNoise
from torchapprox.layers.product_table import ProductTable, multiplier_of_table
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.codes import at_least_float32
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.operators.operand_sink import TracedGeMMInputs
from torchapprox.operators.quantization_parameters import QuantizationParameters
from torchapprox.quantisation.torch_ao import (
    QConfig,
    check_calibrated,
    default_qconfig,
    plain_limits,
    quantiser_range,
)

__all__ = ["ApproxLayer", "InferenceMode", "QuantizationParameters", "TracedGeMMInputs"]


class ApproxLayer(nn.Module, ABC):
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
        weight_fake_quant: Fake-quantiser of the operand that enters the weight port.
        traced_inputs: Receives the operands of every forward pass in any mode, or None.
        noise: The noise of NOISE mode.
        bias_correction: Added to the bias in APPROXIMATE mode, in units of the output, floating
            point `(C,)`, or None; `torchapprox.fold_mean_error` sets it.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    weight_fake_quant: nn.Module
    product_table: ProductTable
    bias_correction: Tensor | None

    def __init__(self, qconfig: QConfig | None = None, learnable_noise: bool = False) -> None:
        if "_parameters" not in self.__dict__:
            super().__init__()
        qconfig = qconfig or default_qconfig()
        if not hasattr(self, "weight_fake_quant"):
            self.weight_fake_quant = qconfig.weight()
        self._input_range = quantiser_range(qconfig.activation())
        # prepare_qat gives every layer that has a qconfig a quantiser for its output as well.
        # The next layer's quantiser does that job.
        self.qconfig = None
        self.product_table = ProductTable()
        self._inference_mode = InferenceMode.QUANTIZED
        self._htp_model: HtpCallable | None = None
        self._accumulator: Accumulator | None = None
        self.traced_inputs: TracedGeMMInputs | None = None
        self._operand_observers = OperandObservers()
        self.noise = OutputNoise(learnable=learnable_noise)
        self.register_buffer("bias_correction", None)

    # -- the multiplier ---------------------------------------------------------------------------

    @property
    def lut(self) -> Tensor | None:
        """Products, int32 `(256, 256)`, row = activation code; None for the exact product.

        Assigning an array or tensor makes it the table of a signed multiplier; use `multiplier`
        for other ports.
        """
        return self.product_table.lut

    @lut.setter
    def lut(self, lut: np.ndarray[Any, Any] | Tensor | None) -> None:
        self.multiplier = None if lut is None else multiplier_of_table(lut)

    @property
    def multiplier(self) -> Multiplier | None:
        """The multiplier that APPROXIMATE mode computes with; None for the exact product.

        Assigning one whose ports do not take the ranges of the layer's quantisers raises
        ValueError. The range of an input that an `ApproxWrapper` quantises is that of the layer's
        configuration, and then that of the last input.
        """
        return self.product_table.multiplier

    @multiplier.setter
    def multiplier(self, multiplier: Multiplier | None) -> None:
        if multiplier is not None and not isinstance(multiplier, Multiplier):
            raise TypeError(
                f"'multiplier' must be a Multiplier or None, got {type(multiplier).__name__}"
            )
        previous = self.product_table.multiplier
        self.product_table.assign(multiplier)
        try:
            for operand, value_range in self._operand_ranges().items():
                self.product_table.check_port(operand, value_range)
        except ValueError:
            self.product_table.assign(previous)
            raise

    @property
    def operand_quantisers(self) -> dict[str, nn.Module]:
        """The fake-quantisers that the layer owns, by the port that their operand enters.

        "weight", and "activation" where no `ApproxWrapper` quantises the input.
        """
        return {"weight": self.weight_fake_quant}

    def _operand_ranges(self) -> dict[str, tuple[int, int] | None]:
        own = {name: quantiser_range(each) for name, each in self.operand_quantisers.items()}
        return {"activation": self._input_range, **own}

    @property
    def htp_model(self) -> HtpCallable | None:
        """Model used instead of the table in APPROXIMATE mode, or None."""
        return self._htp_model

    @htp_model.setter
    def htp_model(self, model: HtpCallable | None) -> None:
        if model is not None and not callable(model):
            raise TypeError(f"'htp_model' must be callable or None, got {type(model).__name__}")
        self._htp_model = model

    @property
    def accumulator(self) -> Accumulator | None:
        """What sums the products in APPROXIMATE mode; None for exact sums."""
        return self._accumulator

    @accumulator.setter
    def accumulator(self, accumulator: Accumulator | None) -> None:
        if accumulator is not None and not isinstance(accumulator, Accumulator):
            raise TypeError(
                f"'accumulator' must be an Accumulator or None, got {type(accumulator).__name__}"
            )
        self._accumulator = accumulator

    @staticmethod
    def accurate_lut() -> Tensor:
        """Return the exact signed products, int32 `(256, 256)`, codes 0..127, -128..-1."""
        return torch.from_numpy(exact_products(x_signed=True, w_signed=True).copy())

    @staticmethod
    def default_qconfig() -> QConfig:
        """Return the quantiser configuration of layers that are given none.

        Activations affine with codes 0..127, weights symmetric with codes -128..127, both per
        tensor, both with a histogram observer.
        """
        return default_qconfig()

    # -- modes and noise --------------------------------------------------------------------------

    @property
    def inference_mode(self) -> InferenceMode:
        """What the forward pass computes; QUANTIZED at first."""
        return self._inference_mode

    @inference_mode.setter
    def inference_mode(self, mode: InferenceMode) -> None:
        if not isinstance(mode, InferenceMode):
            raise TypeError(f"'inference_mode' must be an InferenceMode, got {mode!r}")
        self._inference_mode = mode

    @property
    def stdev(self) -> float:
        """Standard deviation of NOISE mode, relative to that of the output in the batch."""
        return self.noise.stdev.item()

    @stdev.setter
    def stdev(self, stdev: float) -> None:
        with torch.no_grad():
            self.noise.stdev.fill_(stdev)

    @property
    def mean(self) -> float:
        """Mean of NOISE mode, in units of the output."""
        return self.noise.mean.item()

    @mean.setter
    def mean(self, mean: float) -> None:
        self.noise.mean.fill_(mean)

    @property
    def noise_in_eval(self) -> bool:
        """Whether NOISE mode adds noise in evaluation mode too; False at first."""
        return self.noise.in_eval

    @noise_in_eval.setter
    def noise_in_eval(self, switch: bool) -> None:
        self.noise.in_eval = switch

    @property
    def noise_generator(self) -> torch.Generator | None:
        """Source of the noise; PyTorch's global generator if None."""
        return self.noise.generator

    @noise_generator.setter
    def noise_generator(self, generator: torch.Generator | None) -> None:
        self.noise.generator = generator

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
    def approx_fwd(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> Tensor:
        """Return the layer on the multiplier's products, without the bias.

        Args:
            x_q: Activations, floating point; fake-quantised, but where ``quant_params`` says
                otherwise.
            w_q: Weights, likewise.
            quant_params: How they are quantised.
        """

    @abstractmethod
    def lower(self, x_q: Tensor, w_q: Tensor, quant_params: QuantizationParameters) -> GemmOperands:
        """Return the operand codes that `approx_fwd` multiplies; arguments as there."""

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
            RuntimeError: APPROXIMATE mode without scale and zero point, or with a quantiser that
                never saw data.
            ValueError: Activations quantised per channel, NaN among the operands, or a quantiser
                whose range does not fit the multiplier's port.
        """
        if x_range is not None:
            self._input_range = x_range
        w, w_clip = at_least_float32(self.weight), self.deferred(self.weight_fake_quant)
        w = self._quantise_weight(w) if w_clip is None else w
        y = self.multiply(
            at_least_float32(x), w, x_scale, x_zero_point, x_range, x_clip=x_clip, w_clip=w_clip
        )
        bias = self.bias if bias is None else bias
        if bias is not None:
            y = y + bias.view(self.channel_shape)
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
    ) -> Tensor:
        """Return the product of two operands in the current mode, without a bias.

        Args:
            x_q: Activations, floating point; fake-quantised, but where ``x_clip`` is given.
            w_q: Operand of the weight port; fake-quantised by ``weight_fake_quant``, but where
                ``w_clip`` is given.
            x_scale: Scale of the activations, one element, or None.
            x_zero_point: Their zero point, one element, or None.
            x_range: Least and greatest value that their quantiser produces, or None.
            x_clip: What `deferred` returned for a quantiser that is left to the operator.
            w_clip: Likewise.

        Raises:
            RuntimeError: APPROXIMATE mode without scale and zero point, or with a quantiser that
                never saw data.
            ValueError: A quantiser's range does not fit the multiplier's port.
        """
        if self._inference_mode is InferenceMode.APPROXIMATE:
            self.product_table.check_port("activation", x_range)
            for operand, quantiser in self.operand_quantisers.items():
                check_calibrated(operand, quantiser)
        params = self._quantization_parameters(x_scale, x_zero_point, x_range)
        if params is not None and (x_clip, w_clip) != (None, None):
            params = replace(params, x_clip=x_clip, w_clip=w_clip)
        if self._inference_mode is InferenceMode.APPROXIMATE:
            if params is None:
                raise RuntimeError(
                    "APPROXIMATE mode needs the activations' scale and zero point: wrap the model "
                    "with wrap_quantizable and call prepare_qat(model, layer_mapping_dict()), or "
                    "pass 'x_scale' and 'x_zero_point'"
                )
            y = self.approx_fwd(x_q, w_q, params)
        elif self._inference_mode is InferenceMode.NOISE:
            y = self.noise_fwd(x_q, w_q)
        else:
            y = self.quant_fwd(x_q, w_q)
        if self._operand_observers or self.traced_inputs is not None:
            self._show_operands(x_q, w_q, params, y)
        return y

    def deferred(self, quantiser: nn.Module) -> tuple[int, int] | None:
        """Return the limits of a fake-quantiser whose work the operator does in the current mode.

        In APPROXIMATE mode the operator turns real numbers into codes in one pass, so that a
        quantiser that does nothing else need not run. None where it must run.
        """
        if self._inference_mode is not InferenceMode.APPROXIMATE:
            return None
        return plain_limits(quantiser)

    def _quantise_weight(self, weight: Tensor) -> Tensor:
        """Fake-quantise the weight, whose first axis is that of the output channels."""
        quantised: Tensor = self.weight_fake_quant(weight)
        return quantised

    def _quantization_parameters(
        self, x_scale: Tensor | None, x_zero_point: Tensor | None, x_range: tuple[int, int] | None
    ) -> QuantizationParameters | None:
        if x_scale is None or x_zero_point is None:
            return None
        quantiser: Any = self.weight_fake_quant
        if not hasattr(quantiser, "scale"):
            raise RuntimeError(
                "the layer has no weight quantiser: call prepare_qat(model, layer_mapping_dict())"
            )
        if quantiser.is_per_channel and quantiser.ch_axis != 0:
            raise ValueError(
                "weights must be quantised per tensor or per output channel (axis 0), "
                f"got axis {quantiser.ch_axis}"
            )
        ports = self.product_table.ports
        if ports is None:
            w_range = quantiser_range(quantiser)
        else:
            x_range, w_range = ((port.low, port.high) for port in ports)
        return QuantizationParameters(
            x_scale, x_zero_point, quantiser.scale, quantiser.zero_point, x_range, w_range
        )

    # -- the operands, for whoever looks ----------------------------------------------------------

    def add_operand_observer(self, observer: OperandObserver) -> Callable[[], None]:
        """Have ``observer(operands, y)`` called in every forward pass, in any mode.

        Args:
            observer: Gets the operand codes and the output before the bias, detached.

        Returns:
            A function that removes the observer.
        """
        return self._operand_observers.add(observer)

    @torch.no_grad()
    def _show_operands(
        self, x: Tensor, w_q: Tensor, params: QuantizationParameters | None, y: Tensor
    ) -> None:
        if params is None:
            raise RuntimeError(
                "tracing needs the activations' scale and zero point: wrap the model with "
                "wrap_quantizable and call prepare_qat(model, layer_mapping_dict())"
            )
        operands = self.lower(x, w_q, params)
        if self.traced_inputs is not None:
            self.traced_inputs.receive(operands)
        self._operand_observers.show(operands, y.detach())

    def extra_repr(self) -> str:
        """Return the layer's arguments, mode, multiplier and, if it is not exact, accumulator."""
        state = f"mode={self._inference_mode.name}, multiplier={self.product_table.name}"
        if self._accumulator is not None:
            state += f", accumulator={self._accumulator}"
        return ", ".join(filter(None, (super().extra_repr(), state)))

    # -- copies and checkpoints -------------------------------------------------------------------

    def get_extra_state(self) -> dict[str, Any]:
        """Return mode and accumulator as texts and numbers, for `state_dict`."""
        accumulator = None if self._accumulator is None else asdict(self._accumulator)
        return {"inference_mode": self._inference_mode.value, "accumulator": accumulator}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_extra_state` returned."""
        self._inference_mode = InferenceMode(state["inference_mode"])
        fields = state["accumulator"]
        self._accumulator = None if fields is None else Accumulator(**fields)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # A checkpoint with a correction loads into a layer without one, and the reverse.
        saved = state_dict.get(f"{prefix}bias_correction")
        empty = None if saved is None else torch.empty_like(saved, device=self.noise.mean.device)
        self.bias_correction = empty
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _take_parameters(self, layer: Any) -> None:
        """Share a float layer's parameters and training mode."""
        if not isinstance(layer.weight, nn.Parameter):
            raise NotImplementedError(
                "a layer with a parametrised weight cannot be converted; call "
                "torch.nn.utils.parametrize.remove_parametrizations first"
            )
        self.weight = layer.weight
        self.register_parameter("bias", cast("nn.Parameter | None", layer.bias))
        self.train(layer.training)
