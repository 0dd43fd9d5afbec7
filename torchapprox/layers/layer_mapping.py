"""Which approximate layer stands for which layer of PyTorch."""

from torch import nn

from torchapprox.layers.approx_conv import ApproxConv1d, ApproxConv2d, ApproxConv3d
from torchapprox.layers.approx_conv_transpose import (
    ApproxConvTranspose1d,
    ApproxConvTranspose2d,
    ApproxConvTranspose3d,
)
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.layers.approx_linear import ApproxLinear


def layer_mapping_dict() -> dict[type[nn.Module], type[ApproxLayer]]:
    """Return PyTorch's layer types and the approximate types that replace them.

    As ``prepare_qat`` of ``torch.ao.quantization`` takes it.
    """
    return {
        nn.Linear: ApproxLinear,
        nn.Conv1d: ApproxConv1d,
        nn.Conv2d: ApproxConv2d,
        nn.Conv3d: ApproxConv3d,
        nn.ConvTranspose1d: ApproxConvTranspose1d,
        nn.ConvTranspose2d: ApproxConvTranspose2d,
        nn.ConvTranspose3d: ApproxConvTranspose3d,
    }
