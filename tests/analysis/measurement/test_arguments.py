"""What is of another kind than measurements take is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import BATCHES, MULTIPLIER, POINTS


@pytest.mark.bad_input("bad-settings")
@pytest.mark.bad_input("no-column")
def test_what_is_no_frame_of_comparisons():
    with pytest.raises(TypeError, match="'frame' must be a DataFrame, got None"):
        analysis.ratio_quantiles(None)
    with pytest.raises(LookupError, match="'frame' must have a column 'error_model', got"):
        analysis.ratio_quantiles(POINTS)


@pytest.mark.bad_input("no-number")
def test_what_is_no_seed(given):
    with pytest.raises(TypeError, match="'seed' must be an int, got '0'"):
        analysis.measure_many(given.model, [MULTIPLIER], BATCHES, seed="0")


@pytest.mark.bad_input("no-results")
def test_what_are_no_operands():
    with pytest.raises(TypeError, match="'operands' must be a GemmOperands"):
        analysis.output_error(None, MULTIPLIER)
