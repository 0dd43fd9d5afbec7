"""A linear layer inside a larger module: between its own quantisers, ready to run."""

from torch import Tensor, nn

from torchapprox.layers.approx_linear import ApproxLinear
from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.quantization import QConfig, prepare_qat


def wrapped_linear(
    weight: Tensor, bias: Tensor | None, *, qconfig: QConfig | None, training: bool
) -> ApproxWrapper:
    """Return an approximate linear layer between quantisers, with the given parameters, shared.

    Args:
        weight: `(out_features, in_features)`; becomes a parameter if it is none.
        bias: `(out_features,)`, likewise, or None.
        qconfig: Quantiser configuration; `default_qconfig` if None.
        training: Training mode of the layer.

    Examples:
        >>> import torch
        >>> wrapped_linear(torch.eye(2), None, qconfig=None, training=False).layer.fan_in
        2
    """
    out_features, in_features = weight.shape
    linear = nn.Linear(in_features, out_features, bias is not None, device="meta")
    linear.weight = _parameter(weight)
    linear.bias = None if bias is None else _parameter(bias)  # type: ignore[assignment]
    wrapper = ApproxWrapper(linear.train(training), qconfig)
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
