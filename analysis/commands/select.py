"""`torchapprox select`: one multiplier for every layer of a model."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from analysis.commands.arguments import fraction, percentage_points, positive, seed
from analysis.commands.evaluation import add_candidates, add_evaluation, read_evaluation
from analysis.commands.executor import chosen_executor
from analysis.commands.lines import aligned
from analysis.user_error import UserError, mendable
from multipliers.wording import counted

HELP = "choose a multiplier for every layer of a model"
DESCRIPTION = (
    "Find out what each layer is sensitive to, choose one multiplier for each, check the choices "
    "by simulation on a validation split and verify the best on other data. Results are stored as "
    "they arrive; the same command goes on where it was interrupted. Writes assignment.json, "
    "report.html and all tables."
)
SAMPLERS = ("nsga2", "tpe")
METHODS = ("milp", "greedy", "matching", *SAMPLERS)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    add_candidates(command)
    bound = command.add_mutually_exclusive_group()
    bound.add_argument(
        "--points",
        metavar="P",
        type=percentage_points,
        help="accuracy that may be lost on the validation split, in percentage points, as may the "
        "certainty, the mean probability of the right class; of what keeps both, the choice of "
        "least energy (default: 1)",
    )
    bound.add_argument(
        "--energy",
        metavar="E",
        type=fraction,
        help="greatest energy of all multiplications, 1 is that of exact ones; of what keeps it, "
        "the most accurate choice",
    )
    command.add_argument(
        "--method",
        metavar="METHOD",
        choices=METHODS,
        action="append",
        help="milp, greedy or matching choose by prediction, nsga2 and tpe search by simulation; "
        "several if given repeatedly (default: milp)",
    )
    command.add_argument(
        "--distinct", metavar="N", type=positive, help="greatest number of different multipliers"
    )
    command.add_argument(
        "--fold",
        choices=("yes", "no", "both"),
        default="yes",
        help="whether to fold mean errors into the biases (default: yes)",
    )
    command.add_argument(
        "--measure",
        action="store_true",
        help="measure each multiplier in each layer alone instead of predicting its loss",
    )
    command.add_argument(
        "--no-refine",
        dest="refine",
        action="store_false",
        help="take what the methods choose as it is",
    )
    command.add_argument(
        "--refine-evaluations",
        metavar="N",
        type=positive,
        default=200,
        help="evaluations at most to refine the choice of a method (default: 200)",
    )
    _add_search(command.add_argument_group("search, by nsga2 and tpe"))
    add_evaluation(command, folder="selection", holds="the report")


def _add_search(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--trials",
        metavar="N",
        type=positive,
        default=120,
        help="assignments that nsga2 or tpe tries, among them choices by milp to start from "
        "(default: 120)",
    )
    group.add_argument(
        "--storage",
        metavar="PLACE",
        help="where their trials are kept, for several processes and machines: a file, .db for "
        "SQLite, else a journal, or a database's URL (default: trials.journal in the folder)",
    )
    group.add_argument(
        "--search-seed",
        metavar="N",
        type=seed,
        help="another one for each process on one storage (default: that of --seed)",
    )


def run(arguments: argparse.Namespace) -> Iterator[str]:
    """Choose, and write the report.

    Raises:
        UserError: If something cannot be loaded, does not fit, cannot be written or has failed.
    """
    from analysis.reports.reproducible import single_threaded
    from analysis.selection.study import (
        SearchSettings,
        Wanted,
        study_selection,
        write_selection_report,
    )
    from analysis.sweeps import SweepError
    from analysis.sweeps.study import check_optuna

    methods = tuple(dict.fromkeys(arguments.method or ["milp"]))
    if set(methods) & set(SAMPLERS):
        mendable(check_optuna)
    with single_threaded():
        inputs = read_evaluation(arguments)
        multipliers = inputs.multipliers
        stored = counted(len(inputs.store), "result")
        yield f"{counted(len(multipliers), 'multiplier')}, {stored} stored"
        energies = inputs.energies()
        executor, in_flight = mendable(lambda: chosen_executor(arguments.workers, arguments.dask))
        points = 1.0 if arguments.points is None else arguments.points
        wanted = Wanted(
            accuracy_drop=None if arguments.energy is not None else points / 100,
            max_energy=arguments.energy,
            methods=methods,
            search=SearchSettings(
                trials=arguments.trials, storage=arguments.storage, seed=arguments.search_seed
            ),
            folded={"yes": (True,), "no": (False,), "both": (True, False)}[arguments.fold],
            distinct=arguments.distinct,
            measured=arguments.measure,
            refined=arguments.refine,
            refine_evaluations=arguments.refine_evaluations,
        )
        try:
            results = mendable(
                lambda: study_selection(
                    inputs.prepared, multipliers, energies=energies, wanted=wanted,
                    store=inputs.store, given=inputs.given, executor=executor, in_flight=in_flight,
                    seed=arguments.seed, quiet=arguments.quiet,
                )
            )  # fmt: skip
        except SweepError as error:
            raise UserError(str(error)) from error
    results = results.with_provenance({"command line": arguments.command_line})
    chosen = results.points[results.points["chosen"]].iloc[0]
    yield str(results.assignment)
    yield from aligned(
        [
            ("choice", chosen["label"], f"{chosen['distinct']} different multipliers"),
            ("energy", f"{chosen['relative_energy']:.4f}", "relative to exact multiplications"),
            ("validation", f"{100 * chosen['validation_accuracy']:.2f} %", "accuracy"),
            ("test", f"{100 * chosen['test_accuracy']:.2f} %", "accuracy"),
        ]
    )
    page = mendable(
        lambda: write_selection_report(results, arguments.output, quiet=arguments.quiet)
    )
    yield f"assignment: {arguments.output / 'assignment.json'}"
    yield f"report: {page}"
