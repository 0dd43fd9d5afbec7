"""In which state a fake-quantiser is, asked in every forward pass.

A fake-quantiser keeps its switches and parameters in tensors, and reading one takes longer than
many a small product, on a CUDA device much longer. The answers here are kept until one of those
tensors is replaced or holds something else; on a CUDA device, until it is written.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from torchapprox.operators.cuda_arrays import on_cuda
from torchapprox.operators.remembered import Content
from torchapprox.quantisation.torch_ao import FakeQuantize, quantiser_range
from torchapprox.running_layer import in_layer

_Seen = tuple[tuple[str, Tensor, int, Content | None], ...]


class _Remembered:
    """A yes-or-no question to a quantiser, with the answers to those asked before.

    Args:
        question: The question.
        tensors: Names of the quantiser's tensors that the answer depends on.
        answers: The answers that are kept; others are found anew every time.
    """

    def __init__(
        self, question: Callable[[Any], bool], tensors: tuple[str, ...], answers: tuple[bool, ...]
    ) -> None:
        self._question, self._tensors, self._answers = question, tensors, answers
        self._known: WeakKeyDictionary[nn.Module, tuple[_Seen, bool]] = WeakKeyDictionary()

    def __call__(self, quantiser: nn.Module) -> bool:
        known = self._known.get(quantiser)
        if known is not None:
            # Without the look-up of attributes, which takes longer than all the rest.
            buffers = quantiser._buffers  # noqa: SLF001
            for name, tensor, version, content in known[0]:
                if buffers.get(name) is not tensor or tensor._version != version:  # noqa: SLF001
                    break
                if content and not torch.compiler.is_compiling() and not content.is_of(tensor):
                    break
            else:
                return known[1]
        answer = self._question(quantiser)
        tensors = [(name, getattr(quantiser, name)) for name in self._tensors]
        if answer in self._answers and not any(tensor.is_inference() for _, tensor in tensors):
            seen = tuple(
                (name, tensor, tensor._version, _content(tensor))  # noqa: SLF001
                for name, tensor in tensors
            )
            self._known[quantiser] = seen, answer
        return answer


def _content(tensor: Tensor) -> Content | None:
    """Return what a tensor holds, where that takes no time to compare."""
    return None if torch.compiler.is_compiling() or on_cuda(tensor) else Content.of(tensor)


def plain_limits(quantiser: nn.Module) -> tuple[int, int] | None:
    """Return the range of a fake-quantiser that only quantises, None for any other module.

    One that observes, is off, has a scale that is trained or is hooked does more, or less.

    Raises:
        ValueError: Its scale is not positive and finite.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> quantiser = default_qconfig().activation()
        >>> plain_limits(quantiser)
        >>> quantiser.disable_observer()
        >>> plain_limits(quantiser)
        (0, 127)
    """
    if type(quantiser) is not FakeQuantize or is_hooked(quantiser):
        return None
    if not _only_quantises(quantiser):
        return None
    if not torch.compiler.is_compiling() and not _has_a_scale(quantiser):
        scale: Any = quantiser.scale
        raise ValueError(
            "a quantiser's scale must be positive and finite, got "
            f"{scale.flatten()[:4].tolist()}{in_layer()}; call "
            "torchapprox.calibrate(model, batches) or load an undamaged checkpoint"
        )
    return quantiser_range(quantiser)


def is_hooked(module: Any) -> bool:
    """Whether a module has hooks of a forward pass, or a forward function of its own.

    Examples:
        >>> module = nn.Identity()
        >>> is_hooked(module), module.register_forward_hook(print) and is_hooked(module)
        (False, True)
    """
    return bool(
        module._forward_hooks  # noqa: SLF001
        or module._forward_pre_hooks  # noqa: SLF001
        or "forward" in module.__dict__
    )


def makes_codes(quantiser: nn.Module) -> bool:
    """Whether a fake-quantiser only quantises, on the CPU and to numbers of 8 bits.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> quantiser = default_qconfig().activation()
        >>> quantiser.disable_observer()
        >>> makes_codes(quantiser)
        True
    """
    limits, scale = plain_limits(quantiser), getattr(quantiser, "scale", None)
    if limits is None or scale is None or scale.device.type != "cpu":
        return False
    low, high = limits
    return (low >= 0 and high <= 255) or (low >= -128 and high <= 127)


def check_calibrated(operand: str, quantiser: nn.Module) -> None:
    """Raise RuntimeError if a quantiser has its initial scale 1 and no way to learn another one.

    Args:
        operand: "activation" or "weight".
        quantiser: A fake-quantiser; other modules pass.

    Examples:
        >>> from torchapprox.quantisation.torch_ao import MinMaxObserver
        >>> quantiser = FakeQuantize(observer=MinMaxObserver)
        >>> check_calibrated("weight", quantiser)
        >>> quantiser.disable_observer()
        >>> check_calibrated("weight", quantiser)
        Traceback (most recent call last):
        RuntimeError: the weight quantiser never saw data and its observer is off...
    """
    if isinstance(quantiser, FakeQuantize) and not _is_calibrated(quantiser):
        raise RuntimeError(
            f"the {operand} quantiser never saw data{in_layer()} and its observer is off, so that "
            "its scale is still 1: call torchapprox.calibrate(model, batches), run the model "
            "before observers are disabled, or set the scale with "
            "torchapprox.quantisation.torch_ao.set_parameters"
        )


def is_centred(quantiser: nn.Module) -> bool:
    """Whether every zero point of a fake-quantiser is 0.

    Examples:
        >>> from torchapprox.quantisation.default_qconfig import default_qconfig
        >>> is_centred(default_qconfig().weight())
        True
    """
    return _has_only_zero_points_0(quantiser)


def has_observed(quantiser: nn.Module) -> bool:
    """Whether a fake-quantiser's observer has seen data; true for an observer that needs none.

    Examples:
        >>> from torchapprox.quantisation.torch_ao import MinMaxObserver
        >>> quantiser = FakeQuantize(observer=MinMaxObserver)
        >>> has_observed(quantiser)
        False
        >>> _ = quantiser(torch.tensor([-1.0, 1.0]))
        >>> has_observed(quantiser)
        True
    """
    observer = getattr(quantiser, "activation_post_process", None)
    least: torch.Tensor | None = getattr(observer, "min_val", None)
    return least is None or (least.numel() > 0 and bool(torch.isfinite(least).all()))


def _switched_to_quantise_only(quantiser: Any) -> bool:
    return bool(quantiser.observer_enabled[0] == 0) and bool(quantiser.fake_quant_enabled[0] == 1)


def _knows_or_learns_its_scale(quantiser: Any) -> bool:
    return (
        has_observed(quantiser)
        or bool(quantiser.observer_enabled[0])
        or not bool((quantiser.scale == 1).all() and (quantiser.zero_point == 0).all())
    )


def _scale_is_positive(quantiser: Any) -> bool:
    scale = quantiser.scale
    return bool((scale > 0).all() and torch.isfinite(scale).all())


def _is_zero(quantiser: Any) -> bool:
    return not bool(quantiser.zero_point.any())


_has_only_zero_points_0 = _Remembered(_is_zero, ("zero_point",), (False, True))
_only_quantises = _Remembered(
    _switched_to_quantise_only, ("observer_enabled", "fake_quant_enabled"), (False, True)
)
_has_a_scale = _Remembered(_scale_is_positive, ("scale",), (True,))
# What makes a quantiser calibrated may happen in its observer, so that only "yes" is kept.
_is_calibrated = _Remembered(
    _knows_or_learns_its_scale, ("scale", "zero_point", "observer_enabled"), (True,)
)
