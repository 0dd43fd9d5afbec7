"""What is of another kind than noise takes is refused by its name."""

import pytest

import analysis
from tests.analysis.small_arguments import MULTIPLIER


@pytest.mark.bad_input("bad-settings")
def test_what_are_no_mappings(given):
    with pytest.raises(TypeError, match="'trace' must be a Mapping, got"):
        analysis.noise_parameters(MULTIPLIER, [given.trace])
    with pytest.raises(TypeError, match=r"'parameters' must be a Mapping, got 0\.1"):
        analysis.apply_noise(given.model, 0.1)


@pytest.mark.bad_input("no-flag")
def test_what_is_no_flag(given):
    with pytest.raises(TypeError, match="'folded' must be a bool, got 'no'"):
        analysis.noise_parameters(MULTIPLIER, given.trace, folded="no")
