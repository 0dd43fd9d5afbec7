"""Closed forms of approximate multipliers on integer arrays."""

from multipliers.families.bam import bam
from multipliers.families.ct import ct
from multipliers.families.drum import drum
from multipliers.families.essm import essm
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
    "bam",
    "ct",
    "drum",
    "essm",
    "ilm",
    "mbm",
    "mitchell",
    "ppp",
    "roba",
    "ssm",
    "tm",
    "tosam",
    "udm",
]
