"""What a multiplication costs on each multiplier, relative to an exact one, and in which layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Energies = Mapping[str, float] | pd.DataFrame
"""Relative energy by multiplier, or for each layer (row) and multiplier (column)."""


def energy_matrix(
    energies: Energies, layers: Sequence[str], multipliers: Sequence[str]
) -> NDArray[np.float64]:
    """Return the relative energy of a multiplication for layers and multipliers.

    Args:
        energies: By multiplier, or by layer and multiplier where it depends on the data.
        layers: Names of layers.
        multipliers: Names of multipliers.

    Returns:
        Float64 `(layers, multipliers)`.

    Raises:
        LookupError: If a layer or multiplier is missing.
        ValueError: If an energy is negative or not finite.

    Examples:
        >>> energy_matrix({"a": 0.5, "b": 1.0}, ["conv", "linear"], ["b"])
        array([[1.],
               [1.]])
    """
    if isinstance(energies, pd.DataFrame):
        _check_known("layer", layers, energies.index)
        _check_known("multiplier", multipliers, energies.columns)
        matrix = energies.loc[list(layers), list(multipliers)].to_numpy(np.float64)
    else:
        _check_known("multiplier", multipliers, energies)
        row = np.array([energies[name] for name in multipliers], np.float64)
        matrix = np.tile(row, (len(layers), 1))
    if not (np.isfinite(matrix) & (matrix >= 0)).all():
        worst = matrix[~(np.isfinite(matrix) & (matrix >= 0))][0]
        raise ValueError(f"'energies' must be finite and not negative, got {worst}")
    return matrix


def mac_shares(layers: Iterable[str], macs: Mapping[str, int]) -> NDArray[np.float64]:
    """Return each layer's share of the multiplications of some layers, float64 `(L,)`.

    Args:
        layers: Names of the layers.
        macs: Multiplications by layer; may hold others.

    Raises:
        LookupError: If a layer is missing.
        ValueError: If a count is negative, or there are no multiplications.

    Examples:
        >>> mac_shares(["a", "b"], {"a": 3, "b": 1, "c": 5})
        array([0.75, 0.25])
    """
    layers = list(layers)
    missing = [layer for layer in layers if layer not in macs]
    if missing:
        raise LookupError(f"'macs' must hold every layer, lacks {', '.join(missing)}")
    counts = np.array([macs[layer] for layer in layers], np.float64)
    if (counts < 0).any() or not counts.sum() > 0:
        raise ValueError(f"'macs' must be counts that are not all 0, got {counts.tolist()}")
    shares: NDArray[np.float64] = counts / counts.sum()
    return shares


def _check_known(kind: str, names: Sequence[str], known: Iterable[object]) -> None:
    missing = sorted(set(names) - {str(name) for name in known})
    if missing:
        raise LookupError(f"'energies' must hold every {kind}, lacks {', '.join(missing)}")
