"""What is of another kind than data sheets and frames take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import MULTIPLIER, POINTS


@pytest.mark.bad_input("bad-settings")
def test_what_is_no_setting():
    with pytest.raises(TypeError, match="'conditions' must be a Conditions"):
        analysis.data_sheet(MULTIPLIER, conditions={})
    with pytest.raises(TypeError, match="'frame' must be a DataFrame, got"):
        analysis.pareto_front([], "mae", "mse")


@pytest.mark.bad_input("no-results")
@pytest.mark.bad_input("no-column")
def test_what_are_no_models():
    with pytest.raises(TypeError, match="'models' must be an HtpModel, got"):
        analysis.model_frame([MULTIPLIER])
    with pytest.raises(LookupError, match="'frame' must have a column 'calls', got label, m"):
        analysis.plot_model_calls(POINTS)
