"""A linear layer inside a composite module: between its own quantisers, ready to run."""

from torch import Tensor, nn

from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.composite import QConfigRule, qconfig_for
from torchapprox.quantisation.torch_ao import prepare_qat


def wrapped_linear(
    name: str, weight: Tensor, bias: Tensor | None, *, qconfig: QConfigRule, training: bool
) -> ApproxWrapper:
    """Return an approximate linear layer between quantisers, with the given parameters, shared.

    Args:
        name: Name of the layer within the module that will hold it.
        weight: `(out_features, in_features)`; becomes a parameter if it is none.
        bias: `(out_features,)`, likewise, or None.
        qconfig: Quantiser configuration, or the module's rule for it.
        training: Training mode of the layer.

    Examples:
        >>> import torch
        >>> wrapped_linear("q", torch.eye(2), None, qconfig=None, training=False).layer.fan_in
        2
    """
    out_features, in_features = weight.shape
    linear = nn.Linear(in_features, out_features, bias is not None, device="meta")
    linear.weight = _parameter(weight)
    linear.register_parameter("bias", None if bias is None else _parameter(bias))
    linear.train(training)
    wrapper = ApproxWrapper(linear, qconfig_for(qconfig, name, linear))
    prepare_qat(wrapper, {nn.Linear: ApproxLinear})
    # A model that holds this one may be prepared as well, which must not insert the quantisers a
    # second time.
    wrapper.quant_stub.qconfig = wrapper.dequant_stub.qconfig = None
    return wrapper


def linear_parameters(wrapper: ApproxWrapper) -> tuple[nn.Parameter, nn.Parameter | None]:
    """Return weight and bias of a wrapped layer, shared."""
    return wrapper.layer.weight, wrapper.layer.bias


def _parameter(values: Tensor) -> nn.Parameter:
    if isinstance(values, nn.Parameter):
        return values
    return nn.Parameter(values.detach(), requires_grad=values.requires_grad)
