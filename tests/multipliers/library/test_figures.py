"""Headers of published circuits: names, units, and what the last printed digit is worth."""

import pytest

from multipliers.library import PublishedFigures, parse_figures
from multipliers.library.figures import merge_figures, meta_figures


def test_evoapproxlib():
    figures = parse_figures(
        "/***\n* text = 3\n***/\n// MAE% = 0.0018 %\n// MAE = 1.2 \n// WCE% = 0.0076 %\n"
        "// WCE = 5.0 \n// WCRE% = 500.00 %\n// EP% = 50.00 %\n// MRE% = 0.28 %\n"
        "// MSE = 15608.397e3 \n// PDK45_PWR = 0.422 mW\n// PDK45_AREA = 711.0 um2\n"
        "// PDK45_DELAY = 1.48 ns\n\nmodule m;\n// WCE = 9\n"
    )
    assert figures == PublishedFigures(
        mae=1.2, mae_percent=0.0018, wce=5.0, wce_percent=0.0076, wcre_percent=500.0,
        error_rate_percent=50.0, mred_percent=0.28, mse=15608397.0, power_mw=0.422,
        area_um2=711.0, delay_ns=1.48, mred_convention="skip-zero",
        last_digits=figures.last_digits,
    )  # fmt: skip
    digits = dict(figures.last_digits)
    assert digits["mse"] == pytest.approx(1.0)
    assert digits["mae_percent"] == pytest.approx(1e-4)


def test_evoapprox8b():
    figures = parse_figures(
        "// Library = EvoApprox8b\n// Circuit = mul8_001\n// Area   (180) = 5200\n"
        "// Power  (180) = 2199.80\n// Power  (45) = 189.60\n// WCE = 1671\n// EP = 98.2 %\n"
    )
    assert figures.power_mw == pytest.approx(0.1896)
    assert figures.power_180nm_mw == pytest.approx(2.1998)
    assert (figures.area_180nm_um2, figures.wce, figures.mae) == (5200.0, 1671.0, None)
    assert figures.mred_convention == "max-one"


def test_evoapprox8b_inside_evoapproxlib():
    """Its power is in milliwatts, and its zeros behind the last significant digit are padding."""
    figures = parse_figures(
        "// Library = cgp-evoapproxlib\n// Power  (45) = 0.189600\n// MAE = 239.955500\n"
        "// EP = 98.200000 %\n// WCRE = 100.000000 %\n"
    )
    assert (figures.power_mw, figures.mred_convention) == (0.1896, "max-one")
    assert dict(figures.last_digits) == pytest.approx(
        {"power_mw": 1e-6, "mae": 1e-5, "error_rate_percent": 0.1, "wcre_percent": 1.0}
    )


@pytest.mark.parametrize(
    "line",
    [
        "// WCE 5", "WCE = 5", "// WCE = five", "// WCE = 5 6 7", "// OTHER = 5", "// WCE = 1e999",
        "// Power (45) = 5", "// PDK45_PWR = 5 W", "// WCE = " + "5" * 10000 + "x",
    ],
)  # fmt: skip
def test_lines_that_state_no_figure(line):
    assert parse_figures(f"{line}\nmodule m;") == PublishedFigures()


def test_meta():
    figures = meta_figures({"pwr": "0.422", "area": "711.0", "wce%": "0.0076", "mae": 3, "x": "1"})
    assert figures.present == ("wce_percent", "power_mw", "area_um2")
    header = parse_figures("// WCE% = 0.5 %\nmodule m;")
    merged = merge_figures(header, figures)
    assert (merged.wce_percent, merged.power_mw) == (0.5, 0.422)
    assert dict(merged.last_digits)["wce_percent"] == pytest.approx(0.1)
