"""The figures that libraries publish in the comments at the head of a circuit's file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite

from multipliers.characterisation.characterise import MredConvention

_NUMBER = r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,2})?"
_LONGEST_LINE = 200
_LINE = re.compile(rf"\s*//\s*([A-Za-z][\w %()]*?)\s*=\s*({_NUMBER})(?:\s*%|\s+([A-Za-z]\w*))?\s*")
_TEXT = re.compile(r"\s*//\s*Library\s*=\s*(\S+)\s*")
_MODULE = re.compile(r"^\s*module\b", re.MULTILINE)

_FIELDS = {
    "MAE": "mae", "MAE%": "mae_percent", "WCE": "wce", "WCE%": "wce_percent",
    "WCRE": "wcre_percent", "WCRE%": "wcre_percent", "EP": "error_rate_percent",
    "EP%": "error_rate_percent", "MRE": "mred_percent", "MRE%": "mred_percent", "MSE": "mse",
    "PDK45_PWR": "power_mw", "PDK45_AREA": "area_um2", "PDK45_DELAY": "delay_ns",
    "POWER (45)": "power_mw", "AREA (45)": "area_um2", "DELAY (45)": "delay_ns",
    "POWER (180)": "power_180nm_mw", "AREA (180)": "area_180nm_um2",
    "DELAY (180)": "delay_180nm_ns",
}  # fmt: skip
_META_FIELDS = _FIELDS | {"PWR": "power_mw", "AREA": "area_um2", "DELAY": "delay_ns"}
_POWER_UNITS = {"mw": 1.0, "uw": 1e-3}
# Power without a unit is in microwatts in evoapprox8b, in milliwatts where EvoApproxLib holds it.
_POWER_OF = {"EvoApprox8b": 1e-3, "cgp-evoapproxlib": 1.0}
# EvoApproxLib writes evoapprox8b's figures with six decimals, of which fewer are significant.
_SIGNIFICANT = {"MAE": 5, "MSE": 5, "MRE": 2, "EP": 1, "WCRE": 0, "WCE": 0}
_REPRINTED = "cgp-evoapproxlib"


@dataclass(frozen=True, slots=True)
class PublishedFigures:
    """Figures that a library publishes for a circuit, None where it does not.

    Args:
        mae: Mean absolute error.
        mae_percent: Mean absolute error, percent of 2^(x_width + w_width).
        wce: Worst-case error.
        wce_percent: Worst-case error, percent of 2^(x_width + w_width).
        wcre_percent: Worst-case relative error in percent.
        error_rate_percent: Share of operand pairs with an error in percent.
        mred_percent: Mean relative error by `mred_convention` in percent.
        mse: Mean squared error.
        power_mw: Power in a 45 nm process in milliwatts.
        area_um2: Area in a 45 nm process in square micrometres.
        delay_ns: Delay in a 45 nm process in nanoseconds.
        power_180nm_mw: Power in a 180 nm process in milliwatts.
        area_180nm_um2: Area in a 180 nm process in square micrometres.
        delay_180nm_ns: Delay in a 180 nm process in nanoseconds.
        mred_convention: What the relative errors do with pairs whose exact product is 0.
        last_digits: For each field that is not None its name and one unit of the last digit that
            is printed and significant.
    """

    mae: float | None = None
    mae_percent: float | None = None
    wce: float | None = None
    wce_percent: float | None = None
    wcre_percent: float | None = None
    error_rate_percent: float | None = None
    mred_percent: float | None = None
    mse: float | None = None
    power_mw: float | None = None
    area_um2: float | None = None
    delay_ns: float | None = None
    power_180nm_mw: float | None = None
    area_180nm_um2: float | None = None
    delay_180nm_ns: float | None = None
    mred_convention: MredConvention = "skip-zero"
    last_digits: tuple[tuple[str, float], ...] = ()

    @property
    def present(self) -> tuple[str, ...]:
        """Names of the figures that are published."""
        names = (item.name for item in fields(self)[:-2])
        return tuple(name for name in names if getattr(self, name) is not None)


def parse_figures(text: str) -> PublishedFigures:
    r"""Return the figures in the comments above a file's first module.

    Read are lines ``// KEY = value unit`` of EvoApproxLib (``MAE% = 0.0018 %``,
    ``PDK45_PWR = 0.422 mW``) and of evoapprox8b (``Power  (45) = 189.60``, microwatts).

    Args:
        text: The Verilog file.

    Returns:
        The figures.

    Examples:
        >>> figures = parse_figures("// WCE = 5.0 \n// PDK45_PWR = 0.422 mW\nmodule m();")
        >>> figures.wce, figures.power_mw, figures.mae, figures.present
        (5.0, 0.422, None, ('wce', 'power_mw'))

    References:
        V. Mrazek, R. Hrbacek, Z. Vasicek and L. Sekanina, "EvoApprox8b: Library of approximate
        adders and multipliers for circuit design and benchmarking of approximation methods",
        DATE 2017.
    """
    module = _MODULE.search(text)
    head = text[: module.start() if module else len(text)]
    lines = [line for line in head.splitlines() if len(line) <= _LONGEST_LINE]
    library = next((match[1] for line in lines if (match := _TEXT.fullmatch(line))), "")
    found: dict[str, tuple[float, float]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        key = " ".join(match[1].upper().split()) if match else ""
        if match is None or key not in _FIELDS or _FIELDS[key] in found:
            continue
        scale = 1.0
        if key.startswith("POWER") or key == "PDK45_PWR":
            stated = (match[3] or "").lower()
            unit = _POWER_UNITS.get(stated) if stated else _POWER_OF.get(library)
            if unit is None:
                continue
            scale = unit
        significant = _SIGNIFICANT.get(key) if library == _REPRINTED else None
        value, digit = _value_and_digit(match[2], significant)
        if isfinite(value):
            found[_FIELDS[key]] = value * scale, digit * scale
    return _figures(found, "max-one" if library in _POWER_OF else "skip-zero")


def meta_figures(parameters: Mapping[str, object]) -> PublishedFigures:
    """Return the figures of a circuit in EvoApproxLib's ``meta.json``.

    Args:
        parameters: Its ``params``: figures as strings, ``"mae%"``, ``"pwr"`` and so on.

    Returns:
        The figures.

    Examples:
        >>> meta_figures({"pwr": "0.422", "wce%": "0.0076"}).present
        ('wce_percent', 'power_mw')
    """
    found = {}
    for key, text in parameters.items():
        name = _META_FIELDS.get(key.upper())
        if name and isinstance(text, str) and re.fullmatch(_NUMBER, text.strip()):
            found[name] = _value_and_digit(text.strip(), None)
    return _figures(found, "skip-zero")


def merge_figures(first: PublishedFigures, second: PublishedFigures) -> PublishedFigures:
    """Return the figures of two sources; the first has precedence.

    Args:
        first: Figures.
        second: Figures that fill those which the first does not have.

    Returns:
        Both.

    Examples:
        >>> merge_figures(PublishedFigures(wce=3.0), PublishedFigures(wce=4.0, mse=1.0)).wce
        3.0
    """
    found: dict[str, tuple[float, float]] = {}
    for figures in (second, first):
        digits = dict(figures.last_digits)
        found |= {name: (getattr(figures, name), digits.get(name, 0.0)) for name in figures.present}
    return _figures(found, first.mred_convention)


def _figures(
    found: Mapping[str, tuple[float, float]], mred_convention: MredConvention
) -> PublishedFigures:
    return PublishedFigures(
        **{name: value for name, (value, _) in found.items()},
        mred_convention=mred_convention,
        last_digits=tuple((name, digit) for name, (_, digit) in sorted(found.items())),
    )


def _value_and_digit(text: str, significant: int | None) -> tuple[float, float]:
    """Return a number and one unit of its last digit, ``0.0018 -> 0.0001``, ``12e3 -> 1000``."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    if significant is not None:
        decimals = min(decimals, significant)
    return float(text), 10.0 ** (int(exponent or 0) - decimals)
