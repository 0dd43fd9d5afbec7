"""What a multiplier's table looks like as a matrix: symmetric or not, and of which rank."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multipliers.characterisation.population import population
from multipliers.characterisation.rank import exact_rank
from multipliers.multiplier import Multiplier


@dataclass(frozen=True, slots=True)
class TableStructure:
    """Symmetry and rank of a multiplier's table.

    Args:
        symmetric_share: Share of the pairs of two different values, each of which both ports
            accept, that have the same product in either order.
        product_rank: Rank over the rationals of the products, `(2^x_width, 2^w_width)`.
        error_rank: Rank over the rationals of the errors. A table of this rank is computed by one
            exact product and `error_rank` products of functions of a single operand.
    """

    symmetric_share: float
    product_rank: int
    error_rank: int

    @property
    def commutes(self) -> bool:
        """Whether the order of two values that both ports accept never matters."""
        return self.symmetric_share == 1


def table_structure(multiplier: Multiplier) -> TableStructure:
    """Return symmetry and rank of a multiplier's table, both exact.

    Args:
        multiplier: The multiplier.

    Returns:
        Symmetry and ranks.

    Examples:
        >>> from multipliers import Multiplier, broken_array_multiplier
        >>> bam = Multiplier.from_netlist(broken_array_multiplier(0, 4, signed=False))
        >>> table_structure(bam)
        TableStructure(symmetric_share=1.0, product_rank=5, error_rank=4)
    """
    pairs = population(multiplier)
    product = pairs.exact + pairs.error
    _, rows, columns = np.intersect1d(pairs.x, pairs.w, assume_unique=True, return_indices=True)
    common = product[np.ix_(rows, columns)]
    above = np.triu_indices(len(common), k=1)
    return TableStructure(
        symmetric_share=float(np.mean(common[above] == common.T[above])),
        product_rank=exact_rank(product),
        error_rank=exact_rank(pairs.error),
    )
