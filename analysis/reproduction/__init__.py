"""The field's usual table: a network on many multipliers, by the way of retraining."""

from analysis.reproduction.candidates import Candidates, library_candidates, source_candidates
from analysis.reproduction.grid import reproduce
from analysis.reproduction.image_data import DataSource, ImageData
from analysis.reproduction.methods import METHODS, USUAL, Method, Retraining
from analysis.reproduction.networks import NETWORKS, build_network
from analysis.reproduction.tables import wide_frame, write_tables
from analysis.reproduction.trial import Setting

__all__ = [
    "METHODS",
    "NETWORKS",
    "USUAL",
    "Candidates",
    "DataSource",
    "ImageData",
    "Method",
    "Retraining",
    "Setting",
    "build_network",
    "library_candidates",
    "reproduce",
    "source_candidates",
    "wide_frame",
    "write_tables",
]
