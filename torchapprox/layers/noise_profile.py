"""How noise differs from channel to channel and follows the output: names and what is allowed."""

from collections.abc import Mapping

import torch
from torch import Tensor

PROFILE = ("mean_offset", "stdev_factor", "slope", "basis", "response", "loadings", "shares")
"""The tensors of a profile; see `torchapprox.layers.output_noise.OutputNoise`."""

_ROUNDING = 1e-5


def check_profile(profile: Mapping[str, Tensor]) -> None:
    """Check the tensors of a profile, by name.

    Raises:
        ValueError: Shapes do not fit together, a value is not finite, a factor or a share is
            negative, or more than all of the noise is shared.
    """
    for name, value in profile.items():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"'{name}' must be finite, got {value.tolist()}")
    slope = profile["slope"]
    for name in ("mean_offset", "stdev_factor", "slope"):
        value = profile[name]
        of_elements = name == "mean_offset" and value.dim() > 1 and slope.shape == (1,)
        if not of_elements and (value.dim() != 1 or value.shape != slope.shape):
            raise ValueError(
                f"'{name}' must be one value per output channel, as 'slope' "
                f"{tuple(slope.shape)}, got {tuple(value.shape)}"
            )
    if bool((profile["stdev_factor"] < 0).any()):
        raise ValueError(
            f"'stdev_factor' must not be negative, got {profile['stdev_factor'].tolist()}"
        )
    for name in ("basis", "response", "loadings"):
        value = profile.get(name, slope[:, None])
        if value.dim() != 2 or len(value) != len(slope):
            raise ValueError(
                f"'{name}' must be one row per output channel, ({len(slope)}, R), "
                f"got {tuple(value.shape)}"
            )
    if ("basis" in profile) != ("response" in profile):
        raise ValueError("'basis' and 'response' must be given together")
    if "basis" in profile and profile["basis"].shape != profile["response"].shape:
        raise ValueError(
            f"'response' must have the shape of 'basis' {tuple(profile['basis'].shape)}, "
            f"got {tuple(profile['response'].shape)}"
        )
    shared = profile.get("loadings", slope.new_zeros(1, 1)).square().sum(dim=1)
    if bool((shared > 1 + _ROUNDING).any()):
        raise ValueError("squares of a row of 'loadings' must add up to at most 1")
    if "shares" in profile:
        _check_shares(profile["shares"], slope)


def _check_shares(shares: Tensor, slope: Tensor) -> None:
    if shares.shape != (3,) or slope.shape != (1,):
        raise ValueError(
            "'shares' must be three values, for a layer of one channel, got "
            f"{tuple(shares.shape)} and {len(slope)} channels"
        )
    if bool((shares < 0).any()) or float(shares.sum()) > 1 + _ROUNDING:
        raise ValueError(
            f"'shares' must not be negative and add up to at most 1, got {shares.tolist()}"
        )
