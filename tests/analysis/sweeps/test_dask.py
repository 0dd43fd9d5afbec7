"""Sweeps on a cluster of Dask, one of whose workers is killed meanwhile."""

import json
import os
import signal
import threading
import time

import dask
import pandas as pd
import pytest
from distributed import Client, KilledWorker, LocalCluster

from analysis.cli import main
from analysis.sweeps import LostJobError, ResultsStore, SweepError, run_jobs, sweep
from tests.analysis.sweeps.jobs import Killing, Rated, calls, uniform_assignments

pytestmark = [
    # The event loops of a cluster that lost a worker leave sockets to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def client():
    # A job is given up when a second worker dies with it.
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.nanny.preload": []}
    with (
        dask.config.set(settings),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_a_killed_worker_loses_no_result_and_doubles_none(client, tmp_path):
    store = ResultsStore(tmp_path / "results.jsonl")
    pids = list(client.run(os.getpid).values())
    assert len(set(pids)) == 2

    def kill_one():
        while not store.path.read_text().count("key") >= 2:
            time.sleep(0.02)
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    assignments = uniform_assignments(16)
    frame = sweep(
        Rated(Killing(tmp_path, seconds=0.1)), assignments, store=store, context={"model": "abc"},
        executor=client.get_executor, in_flight=6,
    )  # fmt: skip
    killer.join()
    assert frame["label"].tolist() == list(assignments)
    assert frame["loss"].tolist() == list(range(16))
    lines = store.path.read_text().splitlines()[1:]
    assert sorted(json.loads(line)["result"]["loss"] for line in lines) == list(range(16))


def test_a_job_that_dask_gave_up_is_submitted_again():
    times = []

    def given_up(number):
        times.append(number)
        if len(times) == 1:
            raise KilledWorker("job", "worker", 1)
        return number

    assert [*run_jobs(given_up, [7])] == [(0, 7)]
    assert len(times) == 2


@pytest.mark.nightly
def test_a_poisonous_job_is_named_and_all_others_are_done(client, tmp_path):
    job = Killing(tmp_path, always=[1])
    found = dict(run_jobs(job, range(4), executor=client.get_executor, in_flight=4, retries=0))
    assert isinstance(found.pop(1), LostJobError)
    assert found == {0: 0, 2: 4, 3: 9}
    assert calls(tmp_path, 1) >= 4


def test_an_error_of_a_job_is_told(client, tmp_path):
    store = ResultsStore(tmp_path / "results.jsonl")
    with pytest.raises(SweepError, match="'all m0': FileNotFoundError"):
        sweep(
            Rated(Killing(tmp_path / "absent")), uniform_assignments(1), store=store, context={},
            executor=client.get_executor,
        )  # fmt: skip


MODEL = """
import torch

def tiny():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    inputs = [torch.randn(40, 6) for _ in range(2)]
    return model, inputs, [(x, model(x).argmax(dim=1)) for x in inputs]
"""


@pytest.mark.nightly
def test_the_command_line_on_a_cluster_survives_a_killed_worker(client, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(MODEL)
    folder = tmp_path / "out"
    names = ["mul8s_tm_k1", "mul8s_tm_k2", "mul8s_tm_k3", "mul8s_tm_k4", "mul8s_drum4"]
    words = [
        "sweep", *names, "--model", f"{tmp_path / 'mine.py'}:tiny", "--output", str(folder),
        "--quiet",
    ]  # fmt: skip
    store, pids = folder / "results.jsonl", list(client.run(os.getpid).values())
    killed = []

    def kill_one():
        while not store.exists() or store.read_text().count("key") < 2:
            time.sleep(0.01)
        killed.append(store.read_text().count("key"))
        os.kill(pids[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    assert main([*words, "--dask", client.scheduler.address]) == 0
    killer.join(timeout=10)
    jobs = 1 + len(names) * 3
    assert killed
    assert killed[0] < jobs
    keys = [json.loads(line)["key"] for line in store.read_text().splitlines()[1:]]
    assert len(keys) == len(set(keys)) == jobs
    there = pd.read_csv(folder / "sweep.csv")
    alone = [word.replace(str(folder), str(tmp_path / "alone")) for word in words]
    assert main(alone) == 0
    assert capsys.readouterr().err == ""
    here = pd.read_csv(tmp_path / "alone" / "sweep.csv")
    pd.testing.assert_frame_equal(there, here)
