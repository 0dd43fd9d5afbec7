"""Keeping PyTorch's transformer encoder from the path on which it runs none of its layers.

In evaluation mode without gradients, `torch.nn.TransformerEncoderLayer` hands its parameters to one
fused operator, and `torch.nn.TransformerEncoder` packs padded batches for it. Both would compute
exactly what was converted, or fail. Each asks itself first whether it may: the layer needs
``activation_relu_or_gelu``, the encoder ``use_nested_tensor``. Nothing else reads the two.
"""

from torch import nn

from torchapprox.layers import ApproxLayer, ApproxWrapper

_SWITCHES: dict[type[nn.Module], tuple[str, object]] = {
    nn.TransformerEncoderLayer: ("activation_relu_or_gelu", 0),
    nn.TransformerEncoder: ("use_nested_tensor", False),
}
_SAVED = "_fast_path_before_conversion"


def keep_off_fast_path(net: nn.Module) -> None:
    """Switch off, in place, the fast path of every encoder that holds an approximate layer.

    Examples:
        >>> from torchapprox.layers import ApproxLinear
        >>> encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
        >>> encoder.linear1 = ApproxLinear(4, 8)
        >>> keep_off_fast_path(encoder)
        >>> encoder.activation_relu_or_gelu
        0
    """
    for module, (name, off) in _encoders(net):
        if _SAVED not in vars(module) and _holds_approximate_layer(module):
            setattr(module, _SAVED, getattr(module, name))
            setattr(module, name, off)


def restore_fast_path(net: nn.Module) -> None:
    """Undo `keep_off_fast_path` in place where no approximate layer is left."""
    for module, (name, _) in _encoders(net):
        if _SAVED in vars(module) and not _holds_approximate_layer(module):
            setattr(module, name, vars(module).pop(_SAVED))


def _encoders(net: nn.Module) -> list[tuple[nn.Module, tuple[str, object]]]:
    return [
        (module, switch)
        for module in net.modules()
        for kind, switch in _SWITCHES.items()
        if isinstance(module, kind)
    ]


def _holds_approximate_layer(module: nn.Module) -> bool:
    return any(isinstance(each, (ApproxLayer, ApproxWrapper)) for each in module.modules())
