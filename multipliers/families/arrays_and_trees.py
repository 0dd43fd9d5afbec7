"""Families without a closed form: exact circuits, inexact final adders and compressors."""

from __future__ import annotations

from functools import partial

from multipliers.circuits.array import array_multiplier
from multipliers.circuits.tree import momeni_multiplier, tree_multiplier
from multipliers.families.family import Family, Parameters

_BAUGH_WOOLEY = (
    "C. R. Baugh and B. A. Wooley, A two's complement parallel array multiplication algorithm, "
    "IEEE Trans. Computers C-22(12), 1973"
)
_DADDA = "L. Dadda, Some schemes for parallel multipliers, Alta Frequenza 34, 1965"
_WALLACE = (
    "C. S. Wallace, A suggestion for a fast multiplier, "
    "IEEE Trans. Electronic Computers EC-13(1), 1964"
)
_MAHDIANI = (
    "H. R. Mahdiani, A. Ahmadi, S. M. Fakhraie and C. Lucas, Bio-inspired imprecise "
    "computational blocks for efficient VLSI implementation of soft-computing applications, "
    "IEEE TCAS-I 57(4), 2010"
)


def _or_bits_of_array(width: int) -> list[Parameters]:
    # The last row's adder adds two bits from column width - 1 on.
    return [{"or_bits": bits} for bits in (width, width + width // 2)]


def _or_bits_of_tree(width: int) -> list[Parameters]:
    return [{"or_bits": bits} for bits in (width * 3 // 4, width)]


def _approximate_columns(width: int) -> list[Parameters]:
    # Columns of four bits or more, where the compressors are, begin at column 3.
    columns = (width // 2, width, 2 * width)
    return [{"approximate_columns": count} for count in columns if width >= 4]


ARRAY = Family(
    key="array",
    title="Array",
    definition="exact: one ripple-carry adder per row",
    domain="",
    template="array",
    signed_form="two's complement",
    citation=_BAUGH_WOOLEY,
    parameters=lambda _width: [{}],
    circuit=array_multiplier,
)
DADDA = Family(
    key="dadda",
    title="Dadda tree",
    definition="exact: column compression, as late as possible",
    domain="",
    template="dadda",
    signed_form="two's complement",
    citation=_DADDA,
    parameters=lambda _width: [{}],
    circuit=partial(tree_multiplier, reduction="dadda"),
)
WALLACE = Family(
    key="wallace",
    title="Wallace tree",
    definition="exact: column compression, as early as possible",
    domain="",
    template="wallace",
    signed_form="two's complement",
    citation=_WALLACE,
    parameters=lambda _width: [{}],
    circuit=partial(tree_multiplier, reduction="wallace"),
)
ARRAY_LOA = Family(
    key="array_loa",
    title="Array with LOA(l)",
    definition="the last row's adder ORs the low l bits of the product",
    domain="l = 0..2n",
    template="array_loa{or_bits}",
    signed_form="two's complement",
    citation=_MAHDIANI,
    parameters=_or_bits_of_array,
    circuit=array_multiplier,
)
DADDA_LOA = Family(
    key="dadda_loa",
    title="Dadda tree with LOA(l)",
    definition="the final adder ORs the low l bits of the product",
    domain="l = 0..2n",
    template="dadda_loa{or_bits}",
    signed_form="two's complement",
    citation=_MAHDIANI,
    parameters=_or_bits_of_tree,
    circuit=partial(tree_multiplier, reduction="dadda"),
)
WALLACE_LOA = Family(
    key="wallace_loa",
    title="Wallace tree with LOA(l)",
    definition="the final adder ORs the low l bits of the product",
    domain="l = 0..2n",
    template="wallace_loa{or_bits}",
    signed_form="two's complement",
    citation=_MAHDIANI,
    parameters=_or_bits_of_tree,
    circuit=partial(tree_multiplier, reduction="wallace"),
)
MOMENI = Family(
    key="momeni",
    title="Momeni D2, c columns",
    definition="4:2 compressors D2 in the low c columns of our own tree",
    domain="c = 0..2n",
    template="momeni_c{approximate_columns}",
    signed_form="two's complement",
    citation=(
        "A. Momeni, J. Han, P. Montuschi and F. Lombardi, Design and analysis of approximate "
        "compressors for multiplication, IEEE Trans. Computers 64(4), 2015"
    ),
    parameters=_approximate_columns,
    circuit=momeni_multiplier,
)
