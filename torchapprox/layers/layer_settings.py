"""What a user sets on a layer: multiplier, mode, accumulator, engine, gradient and noise."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from htp import HtpCallable
from multipliers import Multiplier, exact_products
from multipliers.parameters import check_flag, check_kind, check_number
from torchapprox.gradients import (
    Estimator,
    StraightThrough,
    estimator_from_state,
    estimator_state,
)
from torchapprox.layers.gradient_setting import GradientSetting
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.layers.output_noise import OutputNoise
from torchapprox.layers.product_table import ProductTable, multiplier_of_table
from torchapprox.layers.state_version import check_state_version
from torchapprox.operators.accumulator import Accumulator
from torchapprox.operators.engine.choice import check_engine
from torchapprox.operators.gradients import ProductGradient
from torchapprox.quantisation.default_qconfig import default_qconfig
from torchapprox.quantisation.torch_ao import QConfig, quantiser_range

STATE_VERSION = 1
"""Raised where a checkpoint of this program would be misread by an earlier one."""


class LayerSettings(nn.Module):
    """The settings of one layer, checked when they are assigned, copied and saved with it.

    Args:
        qconfig: Quantiser configuration of activations and weights.
        learnable_noise: Whether ``stdev`` is a parameter that an optimiser trains.

    Attributes:
        weight_fake_quant: Fake-quantiser of the operand that enters the weight port.
        noise: The noise of NOISE mode.
        bias_correction: Added to the bias in APPROXIMATE mode, in units of the output, floating
            point `(C,)`, or None; `torchapprox.fold_mean_error` sets it.
    """

    weight_fake_quant: nn.Module
    product_table: ProductTable
    bias_correction: Tensor | None
    noise: OutputNoise

    def __init__(self, qconfig: QConfig, *, learnable_noise: bool) -> None:
        if "_parameters" not in self.__dict__:
            super().__init__()
        if not hasattr(self, "weight_fake_quant"):
            self.weight_fake_quant = qconfig.weight()
        self._input_range = quantiser_range(qconfig.activation())
        self.product_table = ProductTable()
        self._inference_mode = InferenceMode.QUANTIZED
        self._htp_model: HtpCallable | None = None
        self._accumulator: Accumulator | None = None
        self._engine = "auto"
        self._gradient = GradientSetting()
        self.noise = OutputNoise(learnable=learnable_noise)
        self.register_buffer("bias_correction", None)

    def __setattr__(self, name: str, value: Any) -> None:
        # PyTorch would keep a module or parameter as a child, whatever property has that name.
        if isinstance(value, (nn.Module, nn.Parameter)) and isinstance(
            getattr(type(self), name, None), property
        ):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

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
        object.__setattr__(self, "_htp_model", model)  # a setting, and no child, if it is a module

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

    @property
    def engine(self) -> str:
        """What computes the sums of a table's products; "auto" at first, see `lut_matmul`.

        All engines give equal results. A setting of this process, not saved with the layer.
        """
        return self._engine

    @engine.setter
    def engine(self, engine: str) -> None:
        check_engine(engine)
        self._engine = engine

    @property
    def gradient(self) -> Estimator:
        """How APPROXIMATE mode estimates the gradients of its products; `StraightThrough` at first.

        See `torchapprox.gradients`. Tables are made of the multiplier's products within the ranges
        of the layer's quantisers, also where an HTP model computes instead of the table.
        """
        return self._gradient.estimator

    @gradient.setter
    def gradient(self, estimator: Estimator | None) -> None:
        self._gradient = GradientSetting(estimator)

    @property
    def product_gradient(self) -> ProductGradient | None:
        """What the operators take as their ``gradient``; None for the straight-through one."""
        if not torch.is_grad_enabled():
            return None
        return self._gradient.product_gradient(self.product_table, self._operand_ranges())

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
        stdev = check_number("stdev", stdev)
        with torch.no_grad():
            self.noise.stdev.fill_(stdev)

    @property
    def mean(self) -> float:
        """Mean of NOISE mode, in units of the output."""
        return self.noise.mean.item()

    @mean.setter
    def mean(self, mean: float) -> None:
        mean = check_number("mean", mean)
        self.noise.mean.fill_(mean)

    @property
    def noise_in_eval(self) -> bool:
        """Whether NOISE mode adds noise in evaluation mode too; False at first."""
        return self.noise.in_eval

    @noise_in_eval.setter
    def noise_in_eval(self, switch: bool) -> None:
        check_flag("noise_in_eval", switch)
        self.noise.in_eval = switch

    @property
    def noise_generator(self) -> torch.Generator | None:
        """Source of the noise; PyTorch's global generator if None."""
        return self.noise.generator

    @noise_generator.setter
    def noise_generator(self, generator: torch.Generator | None) -> None:
        check_kind("noise_generator", generator, torch.Generator | None)
        self.noise.generator = generator

    # -- text, copies and checkpoints -------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return the layer's arguments, mode, multiplier, and what else is not as at first."""
        state = f"mode={self._inference_mode.name}, multiplier={self.product_table.name}"
        if self._accumulator is not None:
            state += f", accumulator={self._accumulator}"
        if self._engine != "auto":
            state += f", engine={self._engine}"
        if not isinstance(self.gradient, StraightThrough):
            state += f", gradient={type(self.gradient).__name__}"
        return ", ".join(filter(None, (super().extra_repr(), state)))

    def get_extra_state(self) -> dict[str, Any]:
        """Return mode, accumulator and gradient as texts, numbers and tensors, for `state_dict`."""
        accumulator = None if self._accumulator is None else asdict(self._accumulator)
        return {
            "version": STATE_VERSION,
            "inference_mode": self._inference_mode.value,
            "accumulator": accumulator,
            "gradient": estimator_state(self.gradient),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_extra_state` returned, of this version or an earlier one.

        Raises:
            ValueError: The state is of a later version, or damaged.
        """
        check_state_version(state, STATE_VERSION)
        try:
            mode, fields = InferenceMode(state["inference_mode"]), state["accumulator"]
            accumulator = None if fields is None else Accumulator(**fields)
            # The first states had no gradient, since there was one only.
            gradient = estimator_from_state(state.get("gradient", {"kind": "straight-through"}))
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"the checkpoint's settings of a layer are damaged: {error}"
            ) from error
        self._inference_mode, self._accumulator, self.gradient = mode, accumulator, gradient

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # A checkpoint with a correction loads into a layer without one, and the reverse.
        saved = state_dict.get(f"{prefix}bias_correction")
        empty = None if saved is None else torch.empty_like(saved, device=self.noise.mean.device)
        self.bias_correction = empty
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
