"""A layer between the quantiser of its input and the way back to floats."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multipliers.parameters import check_kind
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.evaluated_layer import evaluated, keep_evaluated
from torchapprox.layers.inference_mode import InferenceMode
from torchapprox.operators.affine.codes import real_operand
from torchapprox.operators.affine.finite import check_finite
from torchapprox.quantisation.default_qconfig import default_qconfig
from torchapprox.quantisation.quantiser_state import check_calibrated
from torchapprox.quantisation.torch_ao import DeQuantStub, QConfig, QuantStub
from torchapprox.quantisation.torch_ao import quantiser_range as range_of

_NOT_PREPARED = (
    "the layer has no quantisers yet: call prepare_qat(model, layer_mapping_dict()) on the wrapped "
    "model, or use torchapprox.approximate(model)"
)
_PARAMETERS = "weight", "bias"


class ApproxWrapper(nn.Module):
    """Quant stub -> layer, given the stub's scale and zero point -> dequant stub.

    Wrap a float layer, then have ``prepare_qat`` of ``torch.ao.quantization`` with
    `layer_mapping_dict` insert the quantisers and replace the layer; `torchapprox.approximate`
    does both.

    Models ask their layers for sizes, or for the type of a weight, and tie weights: the wrapped
    layer's ``weight``, ``bias`` and what its class lists as ``__constants__`` (``in_features``,
    ``stride``, ...) are read and, the first two, set here as well.

    Args:
        wrapped: The layer.
        qconfig: Quantiser configuration of activations and weights; `default_qconfig` if None.

    Attributes:
        wrapped: The layer, an `ApproxLayer` once the model is prepared.
        quant_stub: Quantises the input once the model is prepared.
        dequant_stub: Passes the output on.
        qconfig: Quantiser configuration.
    """

    quant_stub: QuantStub
    wrapped: nn.Module
    dequant_stub: DeQuantStub
    qconfig: QConfig

    def __init__(self, wrapped: nn.Module, qconfig: QConfig | None = None) -> None:
        super().__init__()
        check_kind("wrapped", wrapped, nn.Module)
        check_kind("qconfig", qconfig, QConfig | None, advice="torchapprox.qconfig() makes one")
        self.quant_stub = QuantStub()
        self.wrapped = wrapped
        self.dequant_stub = DeQuantStub()
        self.qconfig = self._own_qconfig = qconfig or default_qconfig()
        if not isinstance(wrapped, ApproxLayer):
            # One that an earlier conversion may have left there would take precedence.
            wrapped.qconfig = self.qconfig
        self.train(wrapped.training)

    @classmethod
    def from_float(cls, mod: nn.Module) -> "ApproxWrapper":
        """Wrap a float layer, with the layer's own ``qconfig`` if it has one."""
        return cls(mod, getattr(mod, "qconfig", None))

    @property
    def layer(self) -> ApproxLayer:
        """The wrapped layer of a prepared model.

        Raises:
            RuntimeError: The model is not prepared.
        """
        layer = self._modules["wrapped"]  # modules are slow to say what they have
        if not isinstance(layer, ApproxLayer):
            raise RuntimeError(_NOT_PREPARED)
        return layer

    @property
    def activation_quantiser(self) -> nn.Module:
        """The fake-quantiser of the input of a prepared model.

        Raises:
            RuntimeError: The model is not prepared.
        """
        stub: Any = self._modules["quant_stub"]
        quantiser: nn.Module | None = stub._modules.get("activation_post_process")  # noqa: SLF001
        if quantiser is None:
            raise RuntimeError(_NOT_PREPARED)
        return quantiser

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Quantise the input and run the layer.

        Args:
            x: The input, floating point.
            output_size: Size of the output that a transposed convolution is asked for.

        Raises:
            NotImplementedError: The input is sparse or nested, or has no data.
            RuntimeError: The model is not prepared, or in APPROXIMATE mode not calibrated.
            TypeError: The input is not a tensor of real floating-point numbers.
            ValueError: The input holds NaN or infinity, which a quantiser would hide.
        """
        layer, quantiser = self.layer, self.activation_quantiser
        # Whoever hooks the stub wants it called, which no operator does in its place.
        hooked = self._is_stub_hooked()
        if output_size is None and not hooked and not torch.is_grad_enabled():
            y = evaluated(layer, quantiser, x)
            if y is not None:
                leave: Any = self._modules["dequant_stub"]
                evaluation: Tensor = leave(y)
                # A bias may be of a wider type.
                return evaluation if evaluation.dtype is x.dtype else evaluation.to(x.dtype)
        if layer.inference_mode is InferenceMode.APPROXIMATE:
            check_calibrated("activation", quantiser)
        clip, values = None if hooked else layer.deferred(quantiser), real_operand(x, "x")
        if clip is None:
            check_finite(values)
        options = {} if output_size is None else {"output_size": output_size}
        y = layer(
            self.quant_stub(values) if clip is None else values,
            getattr(quantiser, "scale", None),
            getattr(quantiser, "zero_point", None),
            x_range=range_of(quantiser),
            x_clip=clip,
            **options,
        )
        if clip is not None:
            keep_evaluated(layer, quantiser, x)
        output: Tensor = self.dequant_stub(y)
        return output.to(x.dtype)

    def _is_stub_hooked(self) -> bool:
        """Whether the stub has a hook beside the one of ``prepare_qat``, which quantises."""
        stub: Any = self._modules["quant_stub"]
        hooks = len(stub._forward_hooks) + len(stub._forward_pre_hooks)  # noqa: SLF001
        return hooks > 1 or "forward" in stub.__dict__

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            wrapped = self._modules.get("wrapped")
            if name in _PARAMETERS or name in getattr(wrapped, "__constants__", ()):
                return getattr(wrapped, name)
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _PARAMETERS:
            setattr(self.wrapped, name, value)
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        # prepare_qat leaves closures in the qconfig of every module, which cannot be pickled and
        # which nothing needs once the quantisers are there.
        modules = {name: _without_qconfig(module) for name, module in self._modules.items()}
        return {**self.__dict__, "_modules": modules, "qconfig": self._own_qconfig}


def _without_qconfig(module: nn.Module | None) -> nn.Module | None:
    if not isinstance(module, (QuantStub, DeQuantStub)):
        return module
    clone: nn.Module = copy.copy(module)
    clone.__dict__.pop("qconfig", None)
    return clone
