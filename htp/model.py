"""`HtpModel`: a sum of products of one-operand features, kept as data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from htp.feature import Feature
from htp.protocol import BaseFunction

_FORMAT = "torchapprox-htp-model"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Term:
    """One call of the base function: ``coefficient * base_func(x_feature(x), w_feature(w))``."""

    coefficient: float
    x_feature: Feature
    w_feature: Feature


@dataclass(frozen=True, slots=True)
class HtpModel:
    """A multiplier modelled as ``sum_t c_t * f_t(x) * g_t(w)``.

    As a callable it follows `htp.HtpCallable` and evaluates

        y = sum_t c_t * base_func(f_t(x), g_t(w), **kwargs)

    Args:
        name: What the model is called in reports.
        terms: The terms, one call of the base function each; at least one.

    Raises:
        ValueError: There is no term.

    Examples:
        >>> import numpy as np
        >>> model = HtpModel("top bits", (Term(1.0, Feature("floor", 2), Feature("floor", 2)),))
        >>> x, w = np.array([[7.0, -5.0]]), np.array([[9.0, 4.0]])
        >>> model(lambda x, w: x @ w.T, x, w, {})
        array([[0.]])
        >>> HtpModel.from_json(model.to_json()) == model
        True
    """

    name: str
    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("'terms' must hold at least one term, got none")

    def __call__(
        self, base_func: BaseFunction, x_q: Any, w_q: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        """Evaluate the model; see `htp.HtpCallable`."""
        first, *others = (
            _scaled(base_func(term.x_feature(x_q), term.w_feature(w_q), **kwargs), term.coefficient)
            for term in self.terms
        )
        return sum(others, start=first)

    def to_json(self) -> str:
        """Return the model as JSON text that a person can read and `from_json` takes back."""
        document = {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            "terms": [
                {
                    "coefficient": term.coefficient,
                    "x": {"kind": term.x_feature.kind, "bits": term.x_feature.bits},
                    "w": {"kind": term.w_feature.kind, "bits": term.w_feature.bits},
                }
                for term in self.terms
            ],
        }
        return json.dumps(document, indent=2)

    @classmethod
    def from_json(cls, text: str) -> "HtpModel":
        """Read a model from the text that `to_json` wrote.

        Raises:
            ValueError: The text is not JSON, of another format or version, or misses a field.
        """
        try:
            document = json.loads(text)
            if (document["format"], document["version"]) != (_FORMAT, _VERSION):
                raise ValueError(
                    f"'text' must be a {_FORMAT} of version {_VERSION}, "
                    f"got {document['format']!r} of version {document['version']!r}"
                )
            terms = tuple(
                Term(float(term["coefficient"]), _feature(term["x"]), _feature(term["w"]))
                for term in document["terms"]
            )
            return cls(str(document["name"]), terms)
        except (LookupError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"'text' is no HTP model: {error!r}") from error


def accurate_model() -> HtpModel:
    """Return the model of the exact multiplier: one call of the base function.

    Examples:
        >>> len(accurate_model().terms)
        1
    """
    return HtpModel("accurate", (Term(1.0, Feature("identity"), Feature("identity")),))


def _feature(fields: Mapping[str, Any]) -> Feature:
    return Feature(fields["kind"], fields["bits"])


def _scaled(product: Any, coefficient: float) -> Any:
    return product if coefficient == 1.0 else product * coefficient
