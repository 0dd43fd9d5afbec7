"""Search by Optuna: seeded, resumed, shared by processes, and never worse than where it starts."""

import sys

import pytest

from analysis.selection import Assignment
from analysis.sweeps import ResultsStore, SweepError
from multipliers import Multiplier, exact_products
from tests.analysis.sweeps.jobs import (
    LAYERS,
    Additive,
    additive_search,
    candidates,
    forked_pool,
    search_in_process,
)


@pytest.fixture
def run(tmp_path):
    """Search with small numbers; `name` tells storages and stores apart."""

    def make(name="a", *, suffix=".journal", **changes):
        store = ResultsStore(tmp_path / f"{name}.jsonl")
        return additive_search(tmp_path / f"{name}{suffix}", store, **changes)

    return make


def test_the_front_is_what_no_other_trial_beats(run):
    found = run(trials=30)
    rows = found.frame.to_dict("records")
    assert len(rows) == 30
    for row in rows:
        beaten = any(
            other["accuracy"] >= row["accuracy"]
            and other["relative_energy"] <= row["relative_energy"]
            and (other["accuracy"], other["relative_energy"])
            != (row["accuracy"], row["relative_energy"])
            for other in rows
        )
        assert row["front"] == (not beaten)
        assignment = found.assignments[row["trial"]]
        assert row["assignment_sha256"] == assignment.digest
        assert row["accuracy"] == Additive()(assignment.names)["accuracy"]
    energies = [row["relative_energy"] for row in rows if row["front"]]
    costs = {f"m{number}": 1 / (1 + number) for number in range(4)}
    front = [one.relative_energy(costs, {"conv": 10, "linear": 20}) for one in found.front]
    assert sorted(set(front)) == sorted(set(energies))
    assert front == sorted(front)


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_equal_seeds_give_equal_trials(run, sampler):
    one, same, other = (
        run(name, sampler=sampler, seed=seed, trials=12)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one.frame.equals(same.frame)
    assert not one.frame.equals(other.frame)


@pytest.mark.parametrize("sampler", ["nsga2", "tpe"])
def test_few_multipliers_are_few_in_every_trial(run, sampler):
    uniform = [Assignment.uniform(LAYERS, one) for one in candidates()]
    found = run(trials=16, sampler=sampler, distinct=1, start=uniform[:2])
    assert [found.assignments[trial] for trial in range(2)] == uniform[:2]
    assert {one.digest for one in found.assignments.values()} == {one.digest for one in uniform}
    # A bound that nothing exceeds is none.
    free = run("b", trials=16, distinct=2)
    assert free.frame["assignment_sha256"].tolist() == (
        run("c", trials=16).frame["assignment_sha256"].tolist()
    )


def test_several_studies_share_a_storage(run):
    first = run(trials=4)
    other = run(trials=6, study="other", context={"model": "other"}, seed=3)
    assert (len(first.frame), len(other.frame)) == (4, 6)
    assert run(trials=4).frame.equals(first.frame)


def test_a_choice_among_the_trials_keeps_a_bound(run):
    found = run(trials=30)
    rows = found.frame
    numbers = {one.digest: trial for trial, one in found.assignments.items()}
    for accuracy in (0.5, 0.7, 0.9):
        chosen = rows.set_index("trial").loc[numbers[found.select(min_accuracy=accuracy).digest]]
        kept = rows[rows["accuracy"] >= accuracy]
        assert chosen["accuracy"] >= accuracy
        assert chosen["relative_energy"] == kept["relative_energy"].min()
    energy = float(rows["relative_energy"].median())
    chosen = rows.set_index("trial").loc[numbers[found.select(max_energy=energy).digest]]
    kept = rows[rows["relative_energy"] <= energy]
    assert chosen["relative_energy"] <= energy
    assert chosen["accuracy"] == kept["accuracy"].max()
    with pytest.raises(ValueError, match=r"none of 30 trials keeps 'min_accuracy' = 2; the most"):
        found.select(min_accuracy=2.0)
    with pytest.raises(ValueError, match=r"keeps 'max_energy' = 0; the cheapest one has 0.25"):
        found.select(max_energy=0.0)
    with pytest.raises(ValueError, match="exactly one of 'min_accuracy' and 'max_energy'"):
        found.select()


def test_the_processes_of_a_pool_start_once(run, tmp_path):
    made = []

    def make():
        made.append(forked_pool(1)())
        return made[-1]

    assert len(run(trials=18, population=6, executor=make, in_flight=2).frame) == 18
    assert len(made) == 1


@pytest.mark.parametrize("suffix", [".db", ".journal"])
def test_a_search_goes_on_where_it_stopped(run, suffix):
    first = run(trials=5, suffix=suffix)
    more = run(trials=12, suffix=suffix)
    assert more.frame["trial"].tolist()[:5] == first.frame["trial"].tolist()
    assert len(more.frame) == 12
    # What comes after an interruption is not what was there before.
    assert more.frame["assignment_sha256"].nunique() > 8
    again = run(trials=12, suffix=suffix)
    assert again.frame.drop(columns="front").equals(more.frame.drop(columns="front"))


def test_it_starts_from_given_assignments(run):
    start = [Assignment.uniform(LAYERS, one) for one in candidates()]
    found = run(trials=8, start=start)
    assert [found.assignments[trial] for trial in range(4)] == start
    # And does not try them again.
    more = run(trials=10, start=start)
    assert len(more.frame) == 10
    assert found.frame["assignment_sha256"].tolist() == more.frame["assignment_sha256"].tolist()[:8]


def test_a_failed_evaluation_is_no_trial_and_the_rest_goes_on(run):
    with pytest.raises(SweepError, match="no m3 today"):
        run(trials=12, evaluate=Additive(refused="m3"))
    found = run(trials=12)
    assert len(found.frame) == 12


def test_several_processes_share_a_storage(run, tmp_path):
    with forked_pool()() as pool:
        searches = [
            pool.submit(search_in_process, tmp_path, trials=24, population=4, seed=seed)
            for seed in (5, 6)
        ]
        assert all(one.result() >= 24 for one in searches)
    found = run(trials=24, population=4)
    assert found.frame["trial"].is_unique
    assert 24 <= len(found.frame) <= 24 + 4
    # Both took part, and each assignment was evaluated once.
    store = ResultsStore(tmp_path / "a.jsonl")
    assert len(store) == found.frame["assignment_sha256"].nunique()


def test_another_search_in_the_same_storage_is_refused(run):
    run(trials=3)
    cheaper = {"m0": 1.0, "m1": 0.1, "m2": 0.1, "m3": 0.1}
    for change in ({"context": {"model": "other"}}, {"costs": cheaper}):
        with pytest.raises(
            ValueError, match="has trials of another model, other data, multipliers"
        ):
            run(trials=3, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": 0}, "'trials' must be at least 1, got 0"),
        ({"distinct": 0}, "'distinct' must be at least 1, got 0"),
        (
            {"distinct": 1, "start": [Assignment(zip(LAYERS, candidates(), strict=False))]},
            "must have at most 1 different multiplier, got 2",
        ),
        ({"population": 1}, "'population' must be at least 2, got 1"),
        ({"sampler": "grid"}, "'sampler' must be one of nsga2, tpe, got 'grid'"),
        ({"layers": []}, "'layers' must hold at least one layer"),
        ({"multipliers": []}, "must have different names, got none"),
        ({"multipliers": [candidates()[0]] * 2}, "must have different names, got m0, m0"),
        ({"evaluate": lambda _: {"accuracy": float("nan")}}, "'accuracy' that is a number"),
    ],
)
def test_bad_arguments_are_refused(run, change, message):
    with pytest.raises(ValueError, match=message):
        run(**change)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (Assignment.uniform(["conv"], candidates()[0]), "lacks layer 'linear'"),
        (
            Assignment.uniform(LAYERS, Multiplier.from_lut(exact_products(True, True), name="odd")),
            "has 'odd' in layer 'conv', which is not among the multipliers",
        ),
    ],
)
def test_a_start_of_something_else_is_refused(run, start, message):
    with pytest.raises(LookupError, match=message):
        run(start=[start])


def test_without_optuna_the_extra_is_named(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"pip install 'torchapprox\[search\]'"):
        run()


def test_its_bar_counts_trials_of_all_runs(run, terminal):
    run(trials=9, population=6, quiet=False)
    assert "| 9/9 [" in terminal.readouterr().err.split("\r")[-1]
    run(trials=12, quiet=False)
    lines = terminal.readouterr().err.split("\r")
    assert "nsga2:  75%" in lines[1]
    assert "| 12/12 [" in lines[-1]


def test_it_says_nothing(run, capfd):
    run(trials=3)
    assert capfd.readouterr() == ("", "")
