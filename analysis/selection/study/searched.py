"""Candidates that a search by simulation proposes, beginning with the choices by prediction."""

from __future__ import annotations

from analysis.selection import Candidate, ChoiceTable, bounded_candidates
from analysis.selection.study.wanted import Wanted
from analysis.sweeps.search import search
from analysis.sweeps.stored_evaluator import StoredEvaluator
from analysis.sweeps.study import Sampler


def searched(
    table: ChoiceTable, evaluate: StoredEvaluator, wanted: Wanted, sampler: Sampler, *, seed: int
) -> list[Candidate]:
    """Search, or take up what a search has found, and return each assignment once.

    Args:
        table: What there is to choose from.
        evaluate: Evaluates on the validation split; its store gets the results.
        wanted: How the search goes, and how many multipliers there may be.
        sampler: What proposes assignments.
        seed: Chooses the proposals, unless ``wanted`` says otherwise.

    Returns:
        The assignments in the order of the trials.

    Raises:
        ImportError, ValueError, SweepError: As `analysis.search`.
    """
    settings = wanted.search
    start = bounded_candidates(table, count=settings.population, distinct=wanted.distinct)
    found = search(
        evaluate.worker,
        table.layers,
        table.multipliers,
        energies=evaluate.energies,
        macs=evaluate.macs,
        store=evaluate.store,
        context=evaluate.context,
        storage=settings.storage or evaluate.store.path.with_name("trials.journal"),
        trials=settings.trials,
        sampler=sampler,
        population=settings.population,
        start=[candidate.assignment for candidate in start],
        distinct=wanted.distinct,
        study=_name(sampler, folded=evaluate.fold, distinct=wanted.distinct),
        executor=evaluate.executor,
        in_flight=evaluate.in_flight,
        seed=seed if settings.seed is None else settings.seed,
        quiet=evaluate.quiet,
    )
    return [
        Candidate(sampler, float("nan"), one) for one in dict.fromkeys(found.assignments.values())
    ]


def _name(sampler: Sampler, *, folded: bool, distinct: int | None) -> str:
    """Name the study, since one storage has those of all samplers and ways of folding."""
    few = "" if distinct is None else f", at most {distinct} multipliers"
    return f"{sampler}, {'folded' if folded else 'not folded'}{few}"
