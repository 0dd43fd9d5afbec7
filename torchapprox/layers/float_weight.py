"""Which float layer's weight an approximate layer can share."""

from torch import nn


def check_float_weight(layer: nn.Module) -> None:
    """Refuse a weight that an approximate layer cannot take as its own parameter.

    Args:
        layer: A float layer with a weight.

    Raises:
        NotImplementedError: The weight is not real, or a hook or a parametrisation computes it.
    """
    weight = layer.weight
    if not isinstance(weight, nn.Parameter):
        raise NotImplementedError(
            "a layer whose weight is computed anew at every call cannot be converted; call "
            f"{_makes_permanent(layer)} first"
        )
    if not weight.is_floating_point():
        raise NotImplementedError(
            f"'weight' must be real and floating point, got {weight.dtype}; exclude the layer from "
            "the conversion"
        )


def _makes_permanent(layer: nn.Module) -> str:
    """Return the call that makes a computed weight a parameter."""
    if hasattr(layer, "weight_mask"):
        return 'torch.nn.utils.prune.remove(layer, "weight")'
    if hasattr(layer, "weight_g"):
        return "torch.nn.utils.remove_weight_norm(layer)"
    if hasattr(layer, "weight_u"):
        return "torch.nn.utils.remove_spectral_norm(layer)"
    return 'torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")'
