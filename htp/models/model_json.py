"""HTP models as JSON text: readable by a person, of bounded size, checked when read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from htp.models.certificate import Certificate
from htp.models.feature import Feature
from htp.models.operand_function import Combination, OperandFunction, TableFeature
from htp.models.term import Term
from multipliers.bounded_json import read_json

MOST_BYTES = 1 << 23
"""Size above which a text is no model (8 MiB)."""

MOST_TERMS = 1024

_FORMAT = "torchapprox-htp-model"
_VERSION = 1
_NUMBERS = re.compile(r"\[\s+(-?[\d.][^\[\]{}\"]*?)\s+\]")
_INTERVALS = ("exact_share_interval", "mean_abs_difference_interval")


def write_document(name: str, terms: tuple[Term, ...], certificate: Certificate | None) -> str:
    """Return a model as JSON text; lists of numbers fill one line each."""
    document: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "name": name}
    if certificate is not None:
        document["certificate"] = asdict(certificate)
    document["terms"] = [
        {
            "term": str(term),
            "coefficient": _number(term.coefficient),
            "x": _function_fields(term.x_function),
            "w": _function_fields(term.w_function),
        }
        for term in terms
    ]
    text = json.dumps(document, indent=2, allow_nan=False)
    return _NUMBERS.sub(lambda match: f"[{' '.join(match[1].split())}]", text) + "\n"


def read_document(text: str | bytes) -> tuple[str, tuple[Term, ...], Certificate | None]:
    """Return name, terms and certificate of a model's JSON text.

    Raises:
        ValueError: The text is not JSON, of another format or version, too large, or misses a
            field.
    """
    try:
        document = read_json(text, most=MOST_BYTES)
    except ValueError as error:
        raise ValueError(f"not a readable HTP model: {error}") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ValueError("not a readable HTP model: it has another header")
    if document.get("version") != _VERSION:
        raise ValueError(
            f"the HTP model is of version {document.get('version')!r}, this program reads version "
            f"{_VERSION}"
        )
    try:
        if len(document["terms"]) > MOST_TERMS:
            raise ValueError(
                f"a model must have at most {MOST_TERMS} terms, got {len(document['terms'])}"
            )
        terms = tuple(
            Term(float(term["coefficient"]), _function(term["x"]), _function(term["w"]))
            for term in document["terms"]
        )
        certificate = document.get("certificate")
        return (
            str(document["name"]),
            terms,
            None if certificate is None else _certificate(certificate),
        )
    except KeyError as error:
        raise ValueError(f"not a readable HTP model: it lacks the field {error}") from error
    except (IndexError, TypeError, OverflowError, AttributeError) as error:
        raise ValueError(
            "not a readable HTP model: a field has a value of another kind than 'to_json' writes"
        ) from error
    except LookupError as error:  # of a name
        raise ValueError(f"not a readable HTP model: {error}") from error


def _function_fields(function: OperandFunction) -> Any:
    match function:
        case Combination():
            return [
                {"factor": _number(factor), **_function_fields(part)}
                for factor, part in function.parts
            ]
        case TableFeature():
            return {"kind": "table", "values": [_number(value) for value in function.values]}
        case Feature():
            return {"kind": function.kind, "parameter": function.parameter}


def _function(document: Any) -> OperandFunction:
    if not isinstance(document, list):
        return _part(document)
    return Combination(tuple((float(part["factor"]), _part(part)) for part in document))


def _part(document: Mapping[str, Any]) -> Feature | TableFeature:
    if document["kind"] == "table":
        return TableFeature(tuple(float(value) for value in document["values"]))
    return Feature(document["kind"], document["parameter"])


def _certificate(document: Mapping[str, Any]) -> Certificate:
    figures = {}
    for field in fields(Certificate):
        figure = document[field.name]
        if field.name in _INTERVALS:
            low, high = figure
            figure = (float(low), float(high))
        elif field.type == "float":
            figure = float(figure)
        elif type(figure).__name__ != field.type:
            raise ValueError(
                f"{field.name!r} of a certificate must be {field.type}, got {figure!r}"
            )
        figures[field.name] = figure
    return Certificate(**figures)


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value
