import pandas as pd
import pytest
import torch

from analysis.reports.demo import Budget, run_demo
from analysis.reports.tables import all_tables
from multipliers import demo_netlist, load


def test_the_results_cover_the_whole_way(results):
    stages = [row.stage for row in results.accuracies]
    assert stages == ["float", "quantised", "approximate", "noise", "folded", "retrained"]
    assert all(row.images == 150 for row in results.accuracies)
    names = ["conv", "strided", "depthwise", "pointwise", "linear"]
    assert (
        list(results.explanation.traces)
        == [layer.name for layer in results.explanation.layers]
        == names
    )
    assert results.explanation.traces["depthwise"].groups == 32
    assert results.joint_counts.sum() == sum(
        trace.joint_counts.sum() for trace in results.explanation.traces.values()
    )


def test_predicted_means_come_close_to_those_on_other_images(results):
    # Exact on the training images; the test images differ by a sample's chance only.
    for layer in results.explanation.layers:
        assert abs(layer.mean_difference) < 0.2, layer.name


def test_two_runs_find_the_same(few_digits):
    budget = Budget(floating=1, quantised=1, approximate=1)
    threads = torch.get_num_threads()
    tables = []
    for count in (1, 2):
        torch.set_num_threads(count)
        tables.append(all_tables(run_demo(load(demo_netlist()), seed=5, budget=budget)))
    torch.set_num_threads(threads)
    for name, table in tables[0].items():
        pd.testing.assert_frame_equal(tables[1][name], table, check_exact=True, obj=name)


@pytest.mark.parametrize(("x_signed", "w_signed"), [(True, False), (False, True), (False, False)])
def test_every_signedness_of_the_ports_runs(few_digits, random_multiplier, x_signed, w_signed):
    multiplier = random_multiplier(x_signed=x_signed, w_signed=w_signed)
    results = run_demo(multiplier, budget=Budget(1, 0, 0))
    for trace in results.explanation.traces.values():
        assert (trace.x_signed, trace.w_signed) == (x_signed, w_signed)
    assert results.accuracies[1].share == pytest.approx(results.accuracies[0].share, abs=0.05)
