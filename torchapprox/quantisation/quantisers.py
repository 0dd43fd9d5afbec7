"""Quantiser configurations that fit the ports of a multiplier."""

from typing import Any, Literal, get_args

import torch

from multipliers import Multiplier, Port
from multipliers.parameters import check_flag, check_kind, check_number, integer, shown
from torchapprox.quantisation.default_qconfig import (
    ACTIVATION_CODES,
    WEIGHT_CODES,
    default_qconfig,
)
from torchapprox.quantisation.learned_step import LearnedStepQuantize
from torchapprox.quantisation.observers import (
    EntropyObserver,
    LevelHistogramObserver,
    MseObserver,
    PercentileObserver,
    PerChannelMseObserver,
    PerChannelPercentileObserver,
)
from torchapprox.quantisation.torch_ao import (
    FakeQuantize,
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
    QConfig,
    quantiser_range,
)

Observer = Literal["minmax", "moving_average", "percentile", "histogram", "mse", "entropy"]
Ports = Multiplier | tuple[Port, Port]

_SIGNED_8_BIT = (Port(8, signed=True), Port(8, signed=True))

_PER_TENSOR: dict[str, Any] = {
    "minmax": MinMaxObserver,
    "moving_average": MovingAverageMinMaxObserver,
    "percentile": PercentileObserver,
    "histogram": LevelHistogramObserver,
    "mse": MseObserver,
    "entropy": EntropyObserver,
}
_PER_CHANNEL: dict[str, Any] = {
    "minmax": PerChannelMinMaxObserver,
    "moving_average": MovingAveragePerChannelMinMaxObserver,
    "percentile": PerChannelPercentileObserver,
    "mse": PerChannelMseObserver,
}


def qconfig(
    ports: Ports | None = None,
    *,
    x_bits: int | None = None,
    w_bits: int | None = None,
    observer: Observer = "histogram",
    w_observer: Observer | None = None,
    per_channel: bool = False,
    x_signed: bool | None = None,
    x_symmetric: bool = False,
    w_symmetric: bool | None = None,
    percentile: float = 99.99,
    averaging_constant: float = 0.01,
    learned_steps: bool = False,
) -> QConfig:
    """Configure quantisers of activations and weights whose codes fit a multiplier's ports.

    A b-bit operand has 2^b codes: 0..2^b-1, or -2^(b-1)..2^(b-1)-1 in two's complement. Weights
    take the signedness of their port. Activations have codes from 0 up where these fit, since a
    zero after ReLU is then the code 0; on a signed port they leave the sign bit unused unless
    ``x_bits`` asks for all bits or ``x_signed`` for negative codes.

    Args:
        ports: The multiplier, or the ports of activation and weight; signed 8-bit ones if None.
        x_bits: Bits of the activations, 2 up to the port's width; the most that fit if None.
        w_bits: Bits of the weights, likewise.
        observer: How ranges are found: the extremes ("minmax"), their moving average
            ("moving_average"), a share of the values ("percentile"), the least squared error
            ("histogram" as torch.ao searches it, "mse" over thresholds of the magnitude), or the
            least divergence of distributions ("entropy").
        w_observer: The weights' observer; ``observer`` if None, and "mse" for "histogram" and
            "minmax" for "entropy" where weights are quantised per channel.
        per_channel: Whether every output channel of the weights has its own scale.
        x_signed: Whether activations have two's complement codes.
        x_symmetric: Whether the activations' zero point is fixed in the middle of their codes.
        w_symmetric: Whether the weights' is; if None, on a signed port.
        percentile: Share of the values that "percentile" does not clip, in per cent.
        averaging_constant: Weight of a new batch in "moving_average", above 0 and at most 1.
        learned_steps: Whether an optimiser trains the scales of calibrated quantisers (LSQ).

    Returns:
        The configuration, as `torchapprox.approximate`, ``prepare_qat`` and the layers take it.

    Raises:
        LookupError: No observer has that name.
        TypeError: ``ports`` is neither a multiplier nor a pair of ports.
        NotImplementedError: An observer does not work per channel.
        ValueError: The bits or codes do not fit a port, or another argument is out of range.

    Examples:
        >>> unsigned, signed = Port(8, signed=False), Port(8, signed=True)
        >>> ranges_of(qconfig((unsigned, signed)))
        ((0, 255), (-128, 127))
        >>> ranges_of(qconfig((signed, signed), x_bits=8, w_bits=4))
        ((-128, 127), (-8, 7))
    """
    x_port, w_port = _ports(ports)
    for name, flag in (("per_channel", per_channel), ("x_symmetric", x_symmetric),
                       ("learned_steps", learned_steps)):  # fmt: skip
        check_flag(name, flag)
    check_kind("x_signed", x_signed, bool | None)
    check_kind("w_symmetric", w_symmetric, bool | None)
    check_kind("observer", observer, str)
    check_kind("w_observer", w_observer, str | None)
    averaging_constant = check_number("averaging_constant", averaging_constant, above=0, most=1)
    percentile = check_number("percentile", percentile, above=0, most=100)
    w_name: str = observer if w_observer is None else w_observer
    if w_observer is None and per_channel:
        w_name = _per_channel_name(observer)
    options = {"percentile": percentile, "averaging_constant": averaging_constant}
    quantiser = LearnedStepQuantize if learned_steps else FakeQuantize
    x_range = _x_range(x_port, bits=x_bits, signed=x_signed)
    w_range = _w_range(w_port, bits=w_bits)
    return QConfig(
        activation=quantiser.with_args(
            **_observer("observer", observer, options, per_channel=False),
            **_codes(x_range, symmetric=x_symmetric, per_channel=False),
        ),
        weight=quantiser.with_args(
            **_observer("w_observer", w_name, options, per_channel=per_channel),
            **_codes(
                w_range,
                symmetric=w_port.signed if w_symmetric is None else w_symmetric,
                per_channel=per_channel,
            ),
        ),
    )


def fitting_qconfig(multiplier: Multiplier | None) -> QConfig:
    """Return `default_qconfig` where it uses the multiplier's ports as `qconfig` would.

    Args:
        multiplier: The multiplier; None for the exact product.

    Examples:
        >>> from multipliers import exact_products
        >>> table = exact_products(False, False)
        >>> ranges_of(fitting_qconfig(Multiplier.from_lut(table)))
        ((0, 127), (-128, 127))
        >>> ranges_of(fitting_qconfig(Multiplier.from_lut(table, x_signed=False, w_signed=False)))
        ((0, 255), (0, 255))
    """
    x_port, w_port = _ports(multiplier)
    codes = (_x_range(x_port, bits=None, signed=None), _w_range(w_port, bits=None))
    return default_qconfig() if codes == (ACTIVATION_CODES, WEIGHT_CODES) else qconfig(multiplier)


def ranges_of(config: QConfig) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return least and greatest code of a configuration's activations and of its weights."""
    return quantiser_range(config.activation()), quantiser_range(config.weight())


def _ports(ports: Ports | None) -> tuple[Port, Port]:
    if ports is None:
        return _SIGNED_8_BIT
    if isinstance(ports, Multiplier):
        return ports.x_port, ports.w_port
    if not (
        isinstance(ports, tuple)
        and len(ports) == 2
        and all(isinstance(port, Port) for port in ports)
    ):
        raise TypeError(f"'ports' must be a Multiplier or a pair of Ports, got {ports!r}")
    return ports


def _x_range(port: Port, *, bits: int | None, signed: bool | None) -> tuple[int, int]:
    if bits is None:
        bits = port.width - (port.signed and not signed)
    else:
        bits = _checked_bits("x_bits", bits, port)
    if signed is None:
        signed = port.signed and bits == port.width
    codes = Port(bits, signed)
    if codes.low < port.low or codes.high > port.high:
        raise ValueError(
            f"'x_bits' and 'x_signed' must give codes within the activation port, {port}, got "
            f"{codes}; leave 'x_signed' to the port"
        )
    return codes.low, codes.high


def _w_range(port: Port, *, bits: int | None) -> tuple[int, int]:
    bits = _checked_bits("w_bits", port.width if bits is None else bits, port)
    codes = Port(bits, port.signed)
    return codes.low, codes.high


def _checked_bits(argument: str, value: int, port: Port) -> int:
    bits = integer(value)
    if bits is None:
        raise TypeError(f"'{argument}' must be an int, got {shown(value)}")
    if not 2 <= bits <= port.width:
        raise ValueError(
            f"'{argument}' must be from 2 to {port.width}, the width of the port, got {bits}"
        )
    return bits


def _per_channel_name(observer: str) -> str:
    return {"histogram": "mse", "entropy": "minmax"}.get(observer, observer)


def _observer(
    argument: str, name: str, options: dict[str, float], *, per_channel: bool
) -> dict[str, Any]:
    check_kind(argument, name, str)
    if name not in get_args(Observer):
        raise LookupError(
            f"'{argument}' must be one of {', '.join(get_args(Observer))}, got {name!r}"
        )
    observers = _PER_CHANNEL if per_channel else _PER_TENSOR
    if name not in observers:
        raise NotImplementedError(
            f"'{argument}' {name!r} needs more values than one channel of a weight has: choose one "
            f"of {', '.join(observers)}, or per_channel=False"
        )
    wanted = {"percentile": "percentile", "moving_average": "averaging_constant"}.get(name)
    own = {} if wanted is None else {wanted: options[wanted]}
    return {"observer": observers[name], **own}


def _codes(value_range: tuple[int, int], *, symmetric: bool, per_channel: bool) -> dict[str, Any]:
    schemes = {
        (False, False): torch.per_tensor_affine,
        (False, True): torch.per_tensor_symmetric,
        (True, False): torch.per_channel_affine,
        (True, True): torch.per_channel_symmetric,
    }
    low, high = value_range
    axis = {"ch_axis": 0} if per_channel else {}
    return {
        "quant_min": low,
        "quant_max": high,
        "dtype": torch.qint8 if low < 0 else torch.quint8,
        "qscheme": schemes[per_channel, symmetric],
        **axis,
    }
