"""`HtpModel`: a sum of products of one-operand functions, kept as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from htp.models.arrays import stack
from htp.models.certificate import Certificate
from htp.models.certify import certify
from htp.models.feature import Feature
from htp.models.model_json import MOST_BYTES, read_document, write_document
from htp.models.protocol import BaseFunction, contracted_axes
from htp.models.term import Term, units_per_pair
from multipliers import Multiplier, Port
from multipliers.bounded_json import json_bytes
from multipliers.multiplier import check_multiplier
from multipliers.parameters import check_kind, check_parameter, check_path
from multipliers.whole_file import write_whole


@dataclass(frozen=True, slots=True)
class HtpModel:
    """A multiplier modelled as ``sum_t c_t * f_t(x) * g_t(w)``.

    As a callable it follows `htp.HtpCallable` and evaluates

        y = sum_t base_func(f_t(x), c_t * g_t(w), **kwargs)

    in one call, the functions of all terms side by side along the axis over which ``base_func``
    sums, where `htp.contracted_axes` knows this axis; else in one call for each term. Depthwise
    convolutions take a call for each term, too, since libraries compute them fast with a single
    channel a group only.

    Args:
        name: What the model is called in reports.
        terms: The terms, one product each; at least one.
        certificate: How far the model is from a multiplier, where that is known. Models of the
            same name and terms are equal whatever their certificates say.

    Raises:
        ValueError: There is no term.

    Examples:
        >>> model = HtpModel("top bits", (Term(1.0, Feature("floor", 2), Feature("floor", 2)),))
        >>> x, w = np.array([[7.0, -5.0]]), np.array([[9.0, 4.0]])
        >>> model(lambda x, w: x @ w.T, x, w, {})
        array([[0.]])
        >>> HtpModel.from_json(model.to_json()) == model
        True
        >>> print(model)
        top bits: 1 * (x - x mod 2^2) * (w - w mod 2^2)
    """

    name: str
    terms: tuple[Term, ...]
    certificate: Certificate | None = field(default=None, compare=False)
    _units: dict[tuple[Port, Port], float] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        check_kind("terms", self.terms, tuple)
        check_kind("certificate", self.certificate, Certificate | None)
        if not self.terms:
            raise ValueError("'terms' must hold at least one term, got none")

    def __call__(
        self, base_func: BaseFunction, x_q: Any, w_q: Any, kwargs: Mapping[str, Any]
    ) -> Any:
        """Evaluate the model; see `htp.HtpCallable`."""
        x_features = [term.x_function(x_q) for term in self.terms]
        w_features = [_scaled(term.w_function(w_q), term.coefficient) for term in self.terms]
        axes = contracted_axes(base_func, w_ndim=w_q.ndim)
        depthwise = kwargs.get("groups", 1) > 1 and w_q.shape[:2] == (kwargs["groups"], 1)
        if axes is not None and len(self.terms) > 1 and not depthwise:
            x_axis, w_axis = axes
            return base_func(stack(x_features, x_axis), stack(w_features, w_axis), **kwargs)
        first, *others = (
            base_func(x, w, **kwargs) for x, w in zip(x_features, w_features, strict=True)
        )
        return sum(others, start=first)

    @property
    def calls(self) -> int:
        """Products in one evaluation, each of the size of one call of the base function."""
        return len(self.terms)

    def exact_depth(self, significand_bits: int, *, x_port: Port, w_port: Port) -> int:
        """Return how many operand pairs floats sum up without rounding, in any order.

        All functions' values, times the coefficients, are multiples of powers of two. Let u be the
        least of the products' powers of two, and T the greatest sum of the terms' magnitudes for
        one pair of operands. Any partial sum over K pairs is a multiple of u and at most K T.
        Floats of p significand bits hold all multiples of u up to 2^p u, so that nothing is
        rounded as long as K <= 2^p u / T.

        Args:
            significand_bits: p, 24 for float32 and 53 for float64.
            x_port: Port of the activations, which states the values they take.
            w_port: Port of the weights.

        Returns:
            The greatest K; 0 where not even one pair is exact.

        Examples:
            >>> port = Port(8, signed=True)
            >>> accurate_model().exact_depth(24, x_port=port, w_port=port)
            1024
        """
        significand_bits = check_parameter("significand_bits", significand_bits, 1)
        check_kind("x_port", x_port, Port)
        check_kind("w_port", w_port, Port)
        if (x_port, w_port) not in self._units:
            x, w = x_port.values.astype(np.float64), w_port.values.astype(np.float64)
            self._units[x_port, w_port] = units_per_pair(self.terms, x, w)
        return int(2.0**significand_bits * self._units[x_port, w_port])

    def with_certificate(self, certificate: Certificate | None) -> HtpModel:
        """Return the model with another certificate."""
        return replace(self, certificate=certificate)

    def to_json(self) -> str:
        """Return the model as JSON text that a person can read and `from_json` takes back."""
        return write_document(self.name, self.terms, self.certificate)

    @classmethod
    def from_json(cls, text: str | bytes) -> HtpModel:
        """Read a model from the text that `to_json` wrote.

        Raises:
            TypeError: `text` is neither a str nor bytes.
            ValueError: The text is not JSON, of another format or version, too large, or misses a
                field.
        """
        return cls(*read_document(text))

    def save(self, path: str | Path) -> None:
        """Write the model to a JSON file, whole or not at all.

        Raises:
            OSError: The file cannot be written; an older one is still as it was.
        """
        write_whole(check_path("path", path), self.to_json().encode())

    @classmethod
    def load(cls, path: str | Path, *, lut: Multiplier | None = None) -> HtpModel:
        """Read a model from the file that `save` wrote.

        Args:
            path: The file.
            lut: The multiplier that the model must be certified for; any if None.

        Returns:
            The model.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no model, or a model that carries no certificate for this
                multiplier, or one that a new comparison does not confirm.

        Examples:
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as folder:
            ...     accurate_model().save(Path(folder) / "model.json")
            ...     HtpModel.load(Path(folder) / "model.json") == accurate_model()
            True
        """
        if lut is not None:
            check_multiplier("lut", lut)
        try:
            model = cls.from_json(json_bytes(path, most=MOST_BYTES))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        certified = None if model.certificate is None else model.certificate.digest
        if lut is not None and certified != lut.digest:
            raise ValueError(
                f"{path}: the model must be certified for 'lut', {lut.name} of digest "
                f"{lut.digest}, got {certified or 'no certificate'}"
            )
        if lut is not None and not certify(model, lut).agrees_with(model.certificate):
            raise ValueError(f"{path}: the terms do not differ from 'lut' as the certificate says")
        return model

    def __str__(self) -> str:
        return f"{self.name}: {' + '.join(str(term) for term in self.terms)}"


def accurate_model() -> HtpModel:
    """Return the model of the exact multiplier: one call of the base function.

    Examples:
        >>> print(accurate_model())
        accurate: 1 * x * w
    """
    return HtpModel("accurate", (exact_term(),))


def exact_term() -> Term:
    """Return the term that is the exact product."""
    return Term(1.0, Feature("identity"), Feature("identity"))


def _scaled(feature: Any, coefficient: float) -> Any:
    return feature if coefficient == 1.0 else feature * coefficient
