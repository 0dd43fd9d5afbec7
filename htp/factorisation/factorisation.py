"""`Factorisation`: a product table as an exact product of two thin integer matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from htp.factorisation.int8_factors import Int8Factors, int8_factors
from htp.models.certify import certify
from htp.models.model import HtpModel
from htp.models.operand_function import TableFeature
from htp.models.term import Term
from multipliers import Multiplier
from multipliers.parameters import check_kind

Int64Array = npt.NDArray[np.int64]

FactorisedPart = Literal["table", "error"]
Arithmetic = Literal["int8", "float32", "float64"]
"""The type of the operands of a product: int8 with sums in int32, or floats throughout."""
ARITHMETICS: tuple[Arithmetic, ...] = get_args(Arithmetic)
"""Every arithmetic by name."""

_SIGNIFICAND_BITS = {"float32": 24, "float64": 53}


@dataclass(frozen=True, slots=True, eq=False)
class Factorisation:
    """Integers with ``left @ right == multiplier.lut``, checked when the value is made.

    A sum of K products of the multiplier is then one exact sum of K r ordinary products:

        sum_k lut[x_k, w_k] = sum_k sum_t left[x_k, t] * right[t, w_k]

    Args:
        multiplier: The multiplier.
        left: int64 `(256, r)`, by the code of x. Read-only from then on, as is ``right``.
        right: int64 `(r, 256)`, by the code of w.
        part: What was factorised: the ``"table"``, so that r is its rank; or its ``"error"``, so
            that term 0 is the exact product and the others are as many as the error's rank.

    Raises:
        ValueError: Shapes do not match, the product is not the table, or ``part`` is not as above.

    Examples:
        >>> from htp import factorise
        >>> from multipliers import get
        >>> found = factorise(get("mul8s_tm_k3"))
        >>> print(found)
        mul8s_tm_k3: rank 1, table factorised, entries up to 128 and 128
        >>> bool((found.left @ found.right == get("mul8s_tm_k3").lut).all())
        True
        >>> found.exact_depth("float32"), found.exact_depth("int8")
        (65536, 131071)
    """

    multiplier: Multiplier
    left: Int64Array
    right: Int64Array
    part: FactorisedPart

    def __post_init__(self) -> None:
        check_kind("part", self.part, str)
        if self.part not in get_args(FactorisedPart):
            raise ValueError(f"'part' must be 'table' or 'error', got {self.part!r}")
        if self.left.shape != (256, self.rank) or self.right.shape != (self.rank, 256):
            raise ValueError(
                "'left' and 'right' must be (256, r) and (r, 256), "
                f"got {self.left.shape} and {self.right.shape}"
            )
        for name in ("left", "right"):
            factor = np.array(getattr(self, name), dtype=np.int64, order="C")
            factor.setflags(write=False)
            object.__setattr__(self, name, factor)
        if self.greatest_sum >= 2**63 or not np.array_equal(
            self.left @ self.right, self.multiplier.lut
        ):
            raise ValueError("'left' @ 'right' must be the multiplier's table")

    @property
    def rank(self) -> int:
        """Number of terms, r."""
        return len(self.right)

    @property
    def greatest_sum(self) -> int:
        """T, the greatest sum of the terms' magnitudes for one pair of operands.

        It is no less than max|lut|, and equal to it where no terms cancel.
        """
        left, right = np.abs(self.left.astype(np.float64)), np.abs(self.right.astype(np.float64))
        if float(left.max() * right.max()) * self.rank < 2.0**53:
            return int((left @ right).max())
        return int(np.ceil(left.max() * right.max() * self.rank))

    def exact_depth(self, arithmetic: Arithmetic) -> int:
        """Return how many products K can be added up exactly, in any order.

        Let T be `greatest_sum`, and u the greatest power of two that divides all products. Any
        partial sum of the K r products of ``left`` and ``right`` is a multiple of u, and of a
        magnitude of at most K T, because those of one operand pair have at most T together. So

        - ``"float32"`` is exact for K T <= 2^24 u and ``"float64"`` for K T <= 2^53 u: the type
          holds every such number. Longer sums are exact in blocks of that length, whose results
          are added in integers.
        - ``"int8"`` operands, accumulated in int32, are exact for K T' < 2^31, with T' the same
          bound for the operands of `int8`.

        Args:
            arithmetic: ``"int8"``, ``"float32"`` or ``"float64"``.

        Returns:
            The greatest K; 0 where not even a single product is exact.

        Raises:
            LookupError: There is no such arithmetic.
        """
        check_kind("arithmetic", arithmetic, str)
        if arithmetic not in ARITHMETICS:
            raise LookupError(
                f"'arithmetic' must be one of {', '.join(ARITHMETICS)}, got {arithmetic!r}"
            )
        if arithmetic == "int8":
            return self.int8.exact_depth
        held = self.unit << _SIGNIFICAND_BITS[arithmetic]
        return held // max(self.greatest_sum, 1)

    @property
    def unit(self) -> int:
        """Greatest power of two that divides every product of the terms; 1 for a table of zeros."""
        divisors = np.gcd.reduce(self.left, axis=0) * np.gcd.reduce(self.right, axis=1)
        common = int(np.gcd.reduce(divisors, initial=0))
        return common & -common or 1

    @property
    def int8(self) -> Int8Factors:
        """The factors as int8 operands, shifted and split where they do not fit as they are."""
        return int8_factors(self.left, self.right)

    @property
    def fits_int8(self) -> bool:
        """Whether one GEMM of int8 operands computes it: no factor is split, all weights equal."""
        return self.int8.cost == (self.rank, 1)

    @property
    def model(self) -> HtpModel:
        """The factorisation as an HTP model of r terms, with its certificate."""
        terms = tuple(
            Term(1.0, TableFeature.of(self.left[:, t]), TableFeature.of(self.right[t]))
            for t in range(self.rank)
        )
        model = HtpModel(f"{self.multiplier.name} factorised", terms)
        return model.with_certificate(certify(model, self.multiplier))

    def __str__(self) -> str:
        return (
            f"{self.multiplier.name}: rank {self.rank}, {self.part} factorised, entries up to "
            f"{np.abs(self.left).max()} and {np.abs(self.right).max()}"
        )
