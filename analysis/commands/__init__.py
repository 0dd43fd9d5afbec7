"""The commands of the command line, one file each; a new one is a file and a line below.

A command's file must not import torch, Numba or matplotlib, so that `--help` answers at once: its
`run` imports what it needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Protocol

from analysis.commands import (
    characterise,
    compare,
    cosim,
    demo,
    fit,
    info,
    library,
    lut,
    report,
    reproduce,
    select,
    sweep,
    trace,
)

__all__ = ["COMMANDS", "Command"]


class Command(Protocol):
    """What the file of a command defines."""

    HELP: str
    """One line for the list of commands."""

    DESCRIPTION: str
    """One sentence for the command's own help."""

    def add_arguments(self, command: argparse.ArgumentParser, /) -> None:
        """Say what the command takes."""

    def run(self, arguments: argparse.Namespace, /) -> Iterator[str]:
        """Do the command's work and yield the lines to print; raise UserError for bad input."""


COMMANDS: dict[str, Command] = {
    "lut": lut,
    "characterise": characterise,
    "fit": fit,
    "cosim": cosim,
    "library": library,
    "trace": trace,
    "compare": compare,
    "report": report,
    "select": select,
    "sweep": sweep,
    "reproduce": reproduce,
    "demo": demo,
    "info": info,
}
"""Every command by the word that calls it, in the order of the help."""
