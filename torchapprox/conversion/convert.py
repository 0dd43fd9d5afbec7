"""The one-line way from a float model to an approximate one, and back."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from torch import nn

from htp import HtpCallable
from multipliers import Multiplier, get
from multipliers.parameters import check_flag, check_kind
from multipliers.wording import listed
from torchapprox.batches import several
from torchapprox.conversion.batchnorm import fold
from torchapprox.conversion.bias_folding import fold_mean_error as fold_errors
from torchapprox.conversion.calibration import calibrate
from torchapprox.conversion.layer_selection import PerLayer, Selection, choose_layers
from torchapprox.conversion.summary import ConversionSummary, summarise
from torchapprox.conversion.wrapping import (
    float_name,
    get_approx_modules,
    unwrap_layers,
    wrap_layers,
)
from torchapprox.gradients import Estimator
from torchapprox.layers import (
    ApproxLayer,
    ApproxWrapper,
    Composite,
    InferenceMode,
    composite_mapping_dict,
    is_composite,
    layer_mapping_dict,
)
from torchapprox.operators import Accumulator
from torchapprox.quantisation.quantisers import fitting_qconfig
from torchapprox.quantisation.torch_ao import QConfig, prepare_qat

MultiplierChoice = Multiplier | str | None
MultiplierRule = Callable[[str, nn.Module], MultiplierChoice]
ModeRule = Callable[[str, nn.Module], InferenceMode]


def approximate(
    model: nn.Module,
    multiplier: MultiplierChoice | Mapping[str, MultiplierChoice] | MultiplierRule = None,
    *,
    calibration: Iterable[Any] | None = None,
    include: Iterable[Selection] | None = None,
    exclude: Iterable[Selection] = (),
    qconfig: QConfig | Mapping[str, QConfig | None] | None = None,
    mode: InferenceMode | Mapping[str, InferenceMode] | ModeRule = InferenceMode.APPROXIMATE,
    htp_model: HtpCallable | Mapping[str, HtpCallable | None] | None = None,
    accumulator: Accumulator | Mapping[str, Accumulator | None] | None = None,
    engine: str | Mapping[str, str] = "auto",
    gradient: Estimator | Mapping[str, Estimator] | None = None,
    # Any, since a dictionary of one's own types is no mapping of nn.Module to a type checker.
    layer_mapping: Mapping[type[Any], type[ApproxLayer]] | None = None,
    fold_batchnorm: bool = False,
    fold_mean_error: bool = False,
) -> ConversionSummary:
    """Convert a float model's layers in place so that they run on an approximate multiplier.

    Layers that are approximate already keep their quantisers and get multiplier, model, accumulator
    and mode.

    Settings that differ from layer to layer are mappings of names in the float model, or patterns
    of `fnmatch`, to values: an exact name goes before patterns, of which the first that matches
    counts. A multiplier or a mode may also be a function of a layer's name and the layer.

    Args:
        model: The model; its modules of the `torchapprox.layers.convertible_types` and of those in
            ``layer_mapping`` are converted.
        multiplier: The multiplier, or the name of one of the package's own (`multipliers.get`); the
            exact product for None and for layers that a mapping does not name. A mapping with
            `__missing__` is asked about these: an `analysis.Assignment` must name every layer.
        calibration: Batches that the new quantisers are calibrated with and then frozen: a tensor,
            a sequence whose first element is the model's input, or a mapping of keyword arguments.
            If None, the quantisers learn their ranges while the model runs, until they are frozen
            with ``model.apply(torch.ao.quantization.disable_observer)``.
        include: Names (with the wildcards of `fnmatch`) or types of the layers to convert; all if
            None.
        exclude: Names or types of layers to leave exact; see `execution_order`.
        qconfig: Quantiser configuration, as `torchapprox.qconfig` makes it. If None, and for layers
            that a mapping does not name, one that fits the layer's multiplier: `default_qconfig`
            for a signed 8-bit one.
        mode: Mode of the layers; APPROXIMATE for layers that a mapping does not name.
        htp_model: HTP model that computes instead of the multiplier's table.
        accumulator: What sums the products; exact for None and for layers that a mapping does not
            name.
        engine: What computes the sums of a table's products; see `torchapprox.lut_matmul`.
        gradient: How training estimates the gradients of the products; see
            `torchapprox.gradients`. Straight through for None and for layers that a mapping does
            not name.
        layer_mapping: Layer types of your own and the approximate types that replace them, beside
            those of `layer_mapping_dict`, which they override.
        fold_batchnorm: Whether to fold batch normalisations into the layers before them first; see
            `torchapprox.fold_batchnorm`. Needs ``calibration``, whose first batch shows what
            belongs together. `revert` does not undo it.
        fold_mean_error: Whether to take the mean error of every channel off its bias, as
            `torchapprox.fold_mean_error` does. Needs ``calibration``, all of whose batches are kept
            until then and run once more for each layer.

    Returns:
        What was converted and what was not.

    Raises:
        LookupError: A name, pattern or type matches no layer, no multiplier has a name, or an
            assignment does not name a layer.
        NotImplementedError: ``layer_mapping`` names a type of several products.
        TypeError: A multiplier, mode, model or type is something else.
        ValueError: A quantiser's range does not fit the multiplier's ports, calibration found no
            layer, brought no batch, did not reach a layer or brought NaN, the model itself is a
            single layer, or there is no calibration to fold with. The model is then as it was.

    Examples:
        >>> import torch
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> batches = [torch.randn(16, 4)]
        >>> summary = approximate(model, calibration=batches, exclude=["2"])
        >>> [(row.name, row.macs, row.activation, row.weight) for row in summary.layers]
        [('0.wrapped', 12, '0..127 affine', '-128..127 symmetric')]
        >>> summary.left_exact
        (('2', 'Linear'),)
    """
    check_flag("fold_batchnorm", fold_batchnorm)
    check_flag("fold_mean_error", fold_mean_error)
    if calibration is not None:
        several(calibration, "calibration")
    settings = _Settings(
        multiplier,
        qconfig=qconfig,
        mode=mode,
        htp_model=htp_model,
        accumulator=accumulator,
        engine=engine,
        gradient=gradient,
    )
    mapping = layer_mapping_dict() | _checked({} if layer_mapping is None else layer_mapping)
    chosen = choose_layers(model, mapping, include=include, exclude=exclude)
    before = [(layer, _assigned(layer)) for _, layer in get_approx_modules(model)]
    if fold_mean_error:
        # A generator's batches are gone after calibration.
        calibration = list(() if calibration is None else calibration)
        if not calibration:
            raise ValueError("'fold_mean_error' needs a batch in 'calibration', got none")
    batches = calibration
    folded, unfold, calibration = _fold_first(model, calibration, wanted=fold_batchnorm)
    originals: dict[nn.Module, nn.Module] = {}
    try:
        new = wrap_layers(model, lambda _, layer: layer in chosen, settings.qconfig_of)
        originals.update((replacement, layer) for _, layer, replacement in new)
        for _, _, replacement in new:
            if isinstance(replacement, ApproxWrapper):
                prepare_qat(replacement, mapping)  # type: ignore[arg-type]
        settings.assign(get_approx_modules(model))
        if calibration is not None:
            _check_any(model)
            calibrate(model, calibration)
        if fold_mean_error and batches is not None:
            fold_errors(model, batches)
    except BaseException:
        unwrap_layers(model, lambda wrapper: originals.get(wrapper, wrapper))
        for layer in originals.values():
            vars(layer).pop("qconfig", None)
        for approx_layer, assigned in before:
            for attribute, value in assigned.items():
                setattr(approx_layer, attribute, value)
        unfold()
        raise
    return summarise(model, ran=calibration is not None, folded=folded)


def revert(model: nn.Module) -> nn.Module:
    """Replace a model's approximate layers in place by float layers with the same parameters.

    Batch normalisations that were folded stay so: the model is the folded float model, which
    computes the same, and whose weights training may have changed since.

    Args:
        model: A model that was converted with `approximate` or `wrap_quantizable`.

    Returns:
        The same model.

    Examples:
        >>> model = nn.Sequential(nn.Linear(4, 3))
        >>> _ = approximate(model)
        >>> revert(model)
        Sequential(
          (0): Linear(in_features=4, out_features=3, bias=True)
        )
    """
    check_kind("model", model, nn.Module)
    unwrap_layers(model, _to_float)
    return model


class _Settings:
    """What each layer of a conversion gets."""

    def __init__(
        self,
        multiplier: Any,
        *,
        qconfig: Any,
        mode: Any,
        htp_model: Any,
        accumulator: Any,
        engine: Any,
        gradient: Any,
    ) -> None:
        self.multiplier: PerLayer[MultiplierChoice] = PerLayer(
            "multiplier", multiplier, default=None
        )
        self.qconfig: PerLayer[QConfig | None] = PerLayer("qconfig", qconfig, default=None)
        self.mode = PerLayer("mode", mode, default=InferenceMode.APPROXIMATE)
        # A function is a model, not a rule.
        self.htp_model: PerLayer[HtpCallable | None] = PerLayer(
            "htp_model", htp_model, default=None, functions=False
        )
        self.accumulator: PerLayer[Accumulator | None] = PerLayer(
            "accumulator", accumulator, default=None
        )
        self.engine: PerLayer[str] = PerLayer("engine", engine, default="auto")
        self.gradient: PerLayer[Estimator | None] = PerLayer("gradient", gradient, default=None)

    def multiplier_of(self, name: str, layer: nn.Module) -> Multiplier | None:
        multiplier = self.multiplier(name, layer)
        if isinstance(multiplier, str):
            return get(multiplier)
        if multiplier is not None and not isinstance(multiplier, Multiplier):
            raise TypeError(
                "'multiplier' must be a Multiplier or the name of one, a mapping to them, a "
                f"function that returns one or None, got {type(multiplier).__name__} for layer "
                f"{name!r}"
            )
        return multiplier

    def qconfig_of(self, name: str, layer: nn.Module) -> QConfig:
        given = self.qconfig(name, layer)
        if given is None:
            return fitting_qconfig(self.multiplier_of(name, layer))
        check_kind("qconfig", given, QConfig, advice="torchapprox.qconfig() makes one")
        return given

    def assign(self, layers: list[tuple[str, ApproxLayer]]) -> None:
        names = [float_name(name) for name, _ in layers]
        for setting in vars(self).values():
            setting.check_names(names)
        for name, (_, layer) in zip(names, layers, strict=True):
            try:
                layer.multiplier = self.multiplier_of(name, layer)
            except ValueError as error:
                raise ValueError(f"layer {name!r}: {error}") from error
            layer.htp_model = self.htp_model(name, layer)
            layer.accumulator = self.accumulator(name, layer)
            layer.engine = self.engine(name, layer)
            layer.gradient = self.gradient(name, layer)
            mode = self.mode(name, layer)
            check_kind("mode", mode, InferenceMode)
            layer.inference_mode = mode


def _checked(
    mapping: Mapping[type[nn.Module], type[ApproxLayer]],
) -> dict[type[nn.Module], type[ApproxLayer]]:
    """Return a mapping of layer types as a dictionary if approximate layers can replace them."""
    check_kind("layer_mapping", mapping, Mapping)
    for float_type, approximate_type in mapping.items():
        if not isinstance(approximate_type, type) or not issubclass(approximate_type, ApproxLayer):
            raise TypeError(
                "'layer_mapping' must map layer types to subclasses of ApproxLayer, got "
                f"{approximate_type!r} for {float_type!r}"
            )
        if float_type in composite_mapping_dict():
            raise NotImplementedError(
                f"'layer_mapping': a {float_type.__name__} has several products; write a module "
                "with one layer for each of them"
            )
    return dict(mapping)


def _check_any(model: nn.Module) -> None:
    """Raise an error, before a model is calibrated, unless it has an approximate layer."""
    if get_approx_modules(model):
        return
    left = summarise(model, ran=False).left_exact
    names = listed([f"{name!r} ({kind})" for name, kind in left]) if left else "nothing"
    raise ValueError(
        f"'model' must have a layer that is converted, got none; left exact: {names}; "
        "'layer_mapping' takes approximate types for layers of your own"
    )


def _fold_first(
    model: nn.Module, calibration: Iterable[Any] | None, *, wanted: bool
) -> tuple[tuple[str, ...], Callable[[], None], Iterable[Any] | None]:
    """Fold batch normalisations if wanted, with the first of the batches, which stays among them.

    Returns:
        Names of the normalisations, a function that brings them back, and all batches.
    """
    if not wanted:
        return (), lambda: None, calibration
    batches = iter(() if calibration is None else calibration)
    first = list(itertools.islice(batches, 1))
    if not first:
        raise ValueError("'fold_batchnorm' needs a batch in 'calibration', got none")
    folding, unfold = fold(model, first[0])
    return tuple(norm for _, norm in folding.folded), unfold, itertools.chain(first, batches)


def _assigned(layer: ApproxLayer) -> dict[str, Any]:
    attributes = (
        "multiplier", "htp_model", "accumulator", "engine", "gradient", "inference_mode",
        "bias_correction",
    )  # fmt: skip
    return {attribute: getattr(layer, attribute) for attribute in attributes}


def _to_float(replacement: nn.Module) -> nn.Module:
    layer = replacement.wrapped if isinstance(replacement, ApproxWrapper) else replacement
    is_approximate = isinstance(layer, ApproxLayer) or is_composite(layer)
    return cast("Composite", layer).to_float() if is_approximate else layer
