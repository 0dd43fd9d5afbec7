"""Which approximate layer stands for which layer of PyTorch."""

from torch import nn

from torchapprox.layers.approx_conv2d import ApproxConv2d
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.approx_linear import ApproxLinear


def layer_mapping_dict() -> dict[type[nn.Module], type[ApproxLayer]]:
    """Return PyTorch's layer types and the approximate types that replace them.

    As ``prepare_qat`` of ``torch.ao.quantization`` takes it.
    """
    return {nn.Linear: ApproxLinear, nn.Conv2d: ApproxConv2d}
