"""HTML pages: one template that all of them fill, and how they write figures and names."""

from __future__ import annotations

import math

import jinja2
from markupsafe import Markup


def template(name: str) -> jinja2.Template:
    """Return a template of a page, with the filters that write figures and names.

    Args:
        name: Of the file.

    Examples:
        >>> template("report.html").name
        'report.html'
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("analysis"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "breakable": breakable}
    return environment.get_template(name)


def number(value: float) -> str:
    """Write a figure with at least four significant digits and a real minus sign.

    Examples:
        >>> number(1234.56), number(0.00012345), number(512.0), number(float("nan"))
        ('1235', '0.0001234', '512', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    whole = float(value).is_integer() or 1e3 <= abs(value) < 1e9
    text = f"{value:.0f}" if whole else f"{value:#.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def percent(value: float) -> str:
    """Write a fraction in per cent.

    Examples:
        >>> percent(0.97333), percent(float("nan"))
        ('97.3 %', 'n/a')
    """
    if math.isnan(value):
        return "n/a"
    return f"{100 * value:.1f} %"


def breakable(name: str) -> Markup:
    """Let a layer's name break after its dots, so that it does not make a table wide.

    Examples:
        >>> breakable("encoder.head<1>")
        Markup('encoder.<wbr>head&lt;1&gt;')
    """
    return Markup(".<wbr>").join(name.split("."))
