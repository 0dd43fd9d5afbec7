"""Predicted errors against measured ones, and the table of choices that they make."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import (
    Assignment,
    Sensitivity,
    choice_table,
    measure_errors,
    relative_error_variances,
)
from multipliers import get

MULTIPLIERS = [get(name) for name in ("mul8s_array", "mul8s_tm_k3", "mul8s_bam_h0_v8")]
ENERGIES = {"mul8s_array": 1.0, "mul8s_tm_k3": 0.3, "mul8s_bam_h0_v8": 0.5}


@pytest.fixture(scope="module")
def variances(traces):
    return relative_error_variances(traces, MULTIPLIERS)


@pytest.fixture
def sensitivities():
    return {
        layer: Sensitivity.fit(layer, [0.1, 0.2], [0.1 * slope, 0.2 * slope], [0.0, 0.0])
        for layer, slope in (("0", 2.0), ("2", 0.5), ("5", -1.0))
    }


def test_variances_are_those_of_the_measured_errors(converted, traces, variances):
    model, x = converted
    assert variances.layers == ("0", "2", "5")
    assert variances.macs.tolist() == [trace.products for trace in traces.values()]
    for column, multiplier in enumerate(MULTIPLIERS):
        measured = measure_errors(model, multiplier, [x])
        for row, (name, found) in enumerate(measured.items()):
            mean, std = found.error.real_channel_mean, found.error.real_channel_std
            of_output = traces[name].output_std ** 2
            # The prediction takes the spread of the rows from a sample of them.
            assert variances.plain[row, column] == pytest.approx(
                (mean**2 + std**2).mean() / of_output, rel=0.05
            )
            assert variances.folded[row, column] == pytest.approx(
                (std**2).mean() / of_output, rel=0.1
            )


def test_products_of_activations_keep_their_mean(make_trace, random_multiplier):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (3, 16, 8), np.uint8)
    w = rng.integers(0, 256, (3, 5, 8), np.uint8)
    for fixed in (True, False):
        trace = make_trace(x, w, fixed_weights=fixed)
        found = relative_error_variances({"layer": trace}, [random_multiplier()])
        assert (found.folded == found.plain).all() == (not fixed)


def test_frame_has_names(variances):
    frame = variances.frame(folded=True)
    assert frame.loc["2", "mul8s_tm_k3"] == variances.folded[1, 1]
    assert (variances.frame()["mul8s_array"] == 0).all()


def test_table_weights_energy_by_multiplications_and_loss_by_sensitivity(variances, sensitivities):
    table = choice_table(variances, sensitivities, energies=ENERGIES)
    share = variances.macs / variances.macs.sum()
    assert table.energy == pytest.approx(np.outer(share, [1.0, 0.3, 0.5]))
    assert table.loss[0] == pytest.approx(2.0 * variances.plain[0])
    assert (table.loss[2] == 0).all()  # noise that lowers the loss is no gain
    folded = choice_table(variances, sensitivities, energies=ENERGIES, folded=True)
    assert folded.loss[1] == pytest.approx(0.5 * variances.folded[1])
    assignment = Assignment(dict(zip(table.layers, MULTIPLIERS, strict=True)))
    macs = dict(zip(table.layers, variances.macs.tolist(), strict=True))
    assert table.relative_energy(assignment) == pytest.approx(
        assignment.relative_energy(ENERGIES, macs)
    )
    assert table.predicted_loss(assignment) == pytest.approx(table.loss[1, 1])
    assert table.assignment(table.choices(assignment)) == assignment


def test_energies_may_depend_on_the_layer(variances, sensitivities):
    energies = pd.DataFrame([ENERGIES] * 3, index=["5", "2", "0"])
    energies.loc["2", "mul8s_tm_k3"] = 0.9
    table = choice_table(variances, sensitivities, energies=energies)
    share = variances.macs / variances.macs.sum()
    assert table.energy[:, 1] == pytest.approx(share * [0.3, 0.9, 0.3])


def test_what_does_not_fit(variances, sensitivities, traces):
    with pytest.raises(LookupError, match="'sensitivities' must hold every layer, lacks 5"):
        choice_table(variances, {"0": None, "2": None}, energies=ENERGIES)
    with pytest.raises(LookupError, match="every multiplier, lacks mul8s_tm_k3"):
        choice_table(
            variances, sensitivities, energies={"mul8s_array": 1.0, "mul8s_bam_h0_v8": 1.0}
        )
    with pytest.raises(
        ValueError, match=r"must have different names, got twice: \['mul8s_tm_k3'\]"
    ):
        relative_error_variances(traces, [get("mul8s_tm_k3")] * 2)
    with pytest.raises(ValueError, match="a layer and a multiplier, got 3 layers and 0 multi"):
        relative_error_variances(traces, [])
    table = choice_table(variances, sensitivities, energies=ENERGIES)
    with pytest.raises(
        ValueError, match=r"'loss' must have a row per layer .*, \(3, 3\), got \(3,"
    ):
        replace(table, loss=np.zeros((3, 2)))
    with pytest.raises(ValueError, match="'energy' must be finite"):
        replace(table, energy=np.full((3, 3), np.nan))
    with pytest.raises(LookupError, match="must name every layer, lacks '2'"):
        table.relative_energy({"0": get("mul8s_tm_k3")})
    with pytest.raises(LookupError, match="'mul8s_drum4' is not in the table"):
        table.relative_energy(Assignment.uniform(table.layers, get("mul8s_drum4")))


def test_energies_published_estimated_and_on_operands(converted):
    from multipliers import circuit_cost, get_netlist

    array, truncated = get_netlist("mul8s_array"), get_netlist("mul8s_tm_k3")
    estimated = analysis.relative_energies({"t": truncated}, exact=array)["t"]
    own = circuit_cost(truncated).energy_unit_gates / circuit_cost(array).energy_unit_gates
    assert estimated == pytest.approx(own)
    published = [
        circuit_cost(netlist, published={"power_mw": power})
        for netlist, power in ((truncated, 0.1), (array, 0.4))
    ]
    assert analysis.relative_energies({"t": published[0]}, exact=published[1]) == {"t": 0.25}
    with pytest.raises(ValueError, match=r"'t' must have its energy in mW \(published\), as 'ex"):
        analysis.relative_energies({"t": truncated}, exact=published[1])
    with pytest.raises(ValueError, match="'exact' must have an energy above 0, got 0"):
        analysis.relative_energies({"t": 0.1}, exact=0)
    with pytest.raises(ValueError, match=r"'t' must have an energy of at least 0, got -0\.1"):
        analysis.relative_energies({"t": -0.1}, exact=1)
    model, x = converted
    stream = analysis.record_stream(model, "0.wrapped", [x], limit=2000)
    frame = analysis.energies_on_operands({"t": truncated, "a": array}, {"0": stream}, exact=array)
    assert frame.loc["0", "a"] == 1
    assert 0 < frame.loc["0", "t"] < 1
    assert frame.loc["0", "t"] != pytest.approx(estimated, rel=1e-3)
