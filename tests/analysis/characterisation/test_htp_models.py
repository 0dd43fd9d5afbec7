"""The frame of models and its plot."""

import pandas as pd
import pytest

from analysis import model_frame, plot_model_calls
from htp import accurate_model, fit_path
from multipliers import get


def test_the_frame_and_its_plot_hold_the_certificates():
    models = list(fit_path(get("mul8u_mitchell"), terms=3))
    frame = model_frame(models[::-1])
    assert frame["calls"].tolist() == [4, 3, 2, 1]
    assert frame["max_abs_difference"].tolist() == [
        model.certificate.max_abs_difference for model in models[::-1]
    ]
    greatest, mean = plot_model_calls(frame).get_lines()
    assert greatest.get_xdata().tolist() == mean.get_xdata().tolist() == [1, 2, 3, 4]
    assert greatest.get_ydata().tolist() == frame["max_abs_difference"].tolist()[::-1]
    assert mean.get_ydata().tolist() == frame["mean_abs_difference"].tolist()[::-1]


def test_what_cannot_be_shown():
    with pytest.raises(ValueError, match="'models' must have certificates, 'accurate' has none"):
        model_frame([accurate_model()])
    with pytest.raises(ValueError, match="'frame' must have at least one model, got none"):
        plot_model_calls(pd.DataFrame({"calls": []}))
