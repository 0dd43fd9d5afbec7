"""Closed forms of approximate multipliers on integer arrays, and the catalogue of them all."""

from multipliers.families.bam import bam
from multipliers.families.catalogue import (
    FAMILIES,
    CatalogueEntry,
    get,
    get_netlist,
    info,
    names,
)
from multipliers.families.ct import ct
from multipliers.families.drum import drum
from multipliers.families.essm import essm
from multipliers.families.family import Family
from multipliers.families.ilm import ilm
from multipliers.families.mbm import mbm
from multipliers.families.mitchell import mitchell
from multipliers.families.ppp import ppp
from multipliers.families.roba import roba
from multipliers.families.ssm import ssm
from multipliers.families.tm import tm
from multipliers.families.tosam import tosam
from multipliers.families.udm import udm

__all__ = [
    "FAMILIES",
    "CatalogueEntry",
    "Family",
    "bam",
    "ct",
    "drum",
    "essm",
    "get",
    "get_netlist",
    "ilm",
    "info",
    "mbm",
    "mitchell",
    "names",
    "ppp",
    "roba",
    "ssm",
    "tm",
    "tosam",
    "udm",
]
