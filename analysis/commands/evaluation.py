"""What commands share that evaluate a model on many multipliers, in a folder that they resume."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.commands.arguments import (
    add_quiet,
    add_reading,
    add_seed,
    add_workload,
    reading,
)
from analysis.commands.assignments import add_energies, given_assignments
from analysis.commands.executor import add_executor
from analysis.user_error import mendable

if TYPE_CHECKING:
    from analysis.selection import Assignment, Energies
    from analysis.sweeps import PreparedWorkload, ResultsStore
    from multipliers import Multiplier, Netlist


def add_candidates(command: argparse.ArgumentParser) -> None:
    """Add the multipliers, and the model that is evaluated on them."""
    command.add_argument(
        "multipliers",
        metavar="MULTIPLIER",
        nargs="*",
        help="a file, a folder of netlists and .npz tables, or a library name; all with the same "
        "ports (default: the package's own signed 8-bit ones with a netlist)",
    )
    add_workload(command, default="CNN", chooses=True)


def add_evaluation(command: argparse.ArgumentParser, *, folder: str, holds: str) -> None:
    """Add the energies, the folder and where the evaluations run.

    Args:
        command: Its parser.
        folder: The default.
        holds: What the folder holds, for the help.
    """
    add_energies(command)
    command.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        default=Path(folder),
        help=f"folder of the model, the results and {holds} (default: {folder})",
    )
    add_executor(command)
    add_reading(command)
    add_seed(command)
    add_quiet(command)


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationInputs:
    """What the arguments name, read and prepared.

    Attributes:
        sources: Multipliers by name, with their netlists where there are such.
        stated: Relative energies by name, as the user's file says.
        given: Assignments by the name of their file.
        prepared: The converted model with its data, in the folder.
        store: The results in the folder.
        on_operands: Whether energies are those on each layer's own operands.
    """

    sources: Mapping[str, tuple[Multiplier, Netlist | None]]
    stated: Mapping[str, float]
    given: dict[str, Assignment]
    prepared: PreparedWorkload
    store: ResultsStore
    on_operands: bool

    @property
    def multipliers(self) -> list[Multiplier]:
        """The multipliers that the user named, in that order."""
        return [multiplier for multiplier, _ in self.sources.values()]

    def energies(self, *, of: Collection[str] | None = None) -> Energies:
        """Return the relative energy of a multiplication.

        Args:
            of: Names of multipliers; all if None.

        Raises:
            UserError: If the energy of one is not known.
        """
        from analysis.selection.study.source_energies import workload_energies

        wanted = self.sources if of is None else {name: self.sources[name] for name in of}
        return mendable(
            lambda: workload_energies(
                wanted, self.prepared.workload, stated=self.stated, on_operands=self.on_operands
            )
        )


def read_evaluation(arguments: argparse.Namespace) -> EvaluationInputs:
    """Read and prepare what the arguments of `add_candidates` and `add_evaluation` name.

    Raises:
        UserError: If something cannot be loaded, does not fit or cannot be written.
    """
    from analysis.characterisation.sources import Reading
    from analysis.selection.study.source_energies import named_sources, read_energies
    from analysis.sweeps import ResultsStore, prepare_workload

    mendable(lambda: arguments.output.mkdir(parents=True, exist_ok=True))
    sources = mendable(
        lambda: named_sources(arguments.multipliers, reading=Reading(**reading(arguments)))
    )
    multipliers = [multiplier for multiplier, _ in sources.values()]
    stated = mendable(lambda: read_energies(arguments.energies)) if arguments.energies else {}
    given = mendable(lambda: given_assignments(arguments.assignment, multipliers))
    prepared = mendable(
        lambda: prepare_workload(
            arguments.output / "model",
            arguments.model,
            multipliers[0],
            loader=arguments.loader,
            seed=arguments.seed,
            quiet=arguments.quiet,
        )
    )
    store = mendable(lambda: ResultsStore(arguments.output / "results.jsonl"))
    return EvaluationInputs(sources, stated, given, prepared, store, arguments.on_operands)
