"""Distributions of the operands that each layer multiplies, in memory that does not grow."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from torchapprox.kernels import histogram_cpu
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.wrapping import get_approx_modules


class LayerTrace:
    """What one layer multiplied, as counts of the matrix product that it lowers to.

    Memory: 2 KB per input position and 0.5 MB, whatever the number of batches.

    Attributes:
        name: Name of the layer in the model.
        groups: Number of groups of the product, G.
        fan_in: Products in one output, K.
        out_channels: Output channels of all groups.
        rows: Output positions of all samples, per group.
        w_codes: The last weights, uint8 `(G, out_channels / G, K)`.
        x_signed: Whether activation codes are two's complement.
        w_signed: Whether weight codes are two's complement.
        scale: Product of the operands' scales, float64 `(out_channels,)`.
        output_mean: Mean of the output before the bias, over all elements, in its units.
        output_std: Standard deviation of the same.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.groups = 0
        self.fan_in = 0
        self.out_channels = 0
        self.rows = 0
        self.w_codes: npt.NDArray[np.uint8] = np.zeros((0, 0, 0), np.uint8)
        self.x_signed = False
        self.w_signed = False
        self.scale: npt.NDArray[np.float64] = np.zeros(0)
        self._x_counts: npt.NDArray[np.int64] = np.zeros((0, 256), np.int64)
        # Counts since the weights last changed; their products are not yet in the joint counts.
        self._recent_counts: npt.NDArray[np.int64] = np.zeros((0, 256), np.int64)
        self._joint_counts: npt.NDArray[np.int64] = np.zeros((256, 256), np.int64)
        self._outputs = 0
        self._output_mean = 0.0
        self._output_m2 = 0.0

    @property
    def x_counts(self) -> npt.NDArray[np.int64]:
        """How often each activation code occurred, int64 `(G * K, 256)`, by input position."""
        return self._x_counts + self._recent_counts

    @property
    def joint_counts(self) -> npt.NDArray[np.int64]:
        """How often each pair of codes was multiplied, int64 `(256, 256)`, row = activation.

        Every output channel counts: the sum is rows * K * out_channels.
        """
        return self._joint_counts + self._joint_with_weights()

    @property
    def x_histogram(self) -> npt.NDArray[np.int64]:
        """Multiplications in which each activation code took part, int64 `(256,)`."""
        return np.asarray(self.joint_counts.sum(axis=1))

    @property
    def w_histogram(self) -> npt.NDArray[np.int64]:
        """Multiplications in which each weight code took part, int64 `(256,)`."""
        return np.asarray(self.joint_counts.sum(axis=0))

    @property
    def sums_per_output(self) -> float:
        """Sums of K products that are added into one output, on average.

        1 but for transposed convolutions, which add those of several taps; 0 before the first
        output.
        """
        return self.rows * self.out_channels / max(self._outputs, 1)

    @property
    def output_mean(self) -> float:
        """Mean of the output before the bias; 0 before the first output."""
        return self._output_mean

    @property
    def output_std(self) -> float:
        """Standard deviation of the output before the bias; 0 before the first output."""
        return math.sqrt(self._output_m2 / max(self._outputs, 1))

    def update(self, operands: GemmOperands, output: Tensor) -> None:
        """Count the operands of one forward pass.

        Args:
            operands: The operands' codes.
            output: The layer's output before the bias, floating point, any shape.

        Raises:
            ValueError: The layer's size or the operands' signedness changed since the last pass.
        """
        w_codes = operands.w_codes.cpu().numpy()
        if self.fan_in == 0:
            self._start(operands, w_codes)
        elif (w_codes.shape, operands.x_signed, operands.w_signed) != (
            self.w_codes.shape,
            self.x_signed,
            self.w_signed,
        ):
            raise ValueError(
                f"layer {self.name!r} must keep its size and its ports while it is traced"
            )
        if not np.array_equal(w_codes, self.w_codes):
            self._joint_counts += self._joint_with_weights()
            self._x_counts += self._recent_counts
            self._recent_counts[:] = 0
            self.w_codes = w_codes.copy()
        self.scale = operands.scale.reshape(-1).cpu().double().numpy()
        codes = operands.x_codes.mT.reshape(self.groups * self.fan_in, -1).contiguous().cpu()
        self.rows += codes.shape[1]
        histogram_cpu(codes.numpy(), self._recent_counts, threads=torch.get_num_threads())
        self._add_output(output)

    def _start(self, operands: GemmOperands, w_codes: npt.NDArray[np.uint8]) -> None:
        self.groups, _, self.fan_in = w_codes.shape
        self.out_channels = self.groups * w_codes.shape[1]
        self.x_signed, self.w_signed = operands.x_signed, operands.w_signed
        self.w_codes = w_codes.copy()
        self._x_counts = np.zeros((self.groups * self.fan_in, 256), np.int64)
        self._recent_counts = np.zeros_like(self._x_counts)

    def _joint_with_weights(self) -> npt.NDArray[np.int64]:
        """Return recent activation counts times weight counts, summed over input positions."""
        if self.fan_in == 0:
            return np.zeros((256, 256), np.int64)
        codes = torch.from_numpy(self.w_codes).mT.reshape(self.groups * self.fan_in, -1)
        counts = np.zeros_like(self._recent_counts)
        histogram_cpu(codes.contiguous().numpy(), counts, threads=1)
        # float64 products and sums are exact below 2^53 multiplications.
        joint = self._recent_counts.T.astype(np.float64) @ counts.astype(np.float64)
        return joint.astype(np.int64)

    def _add_output(self, output: Tensor) -> None:
        """Merge the moments of a batch (Chan, Golub and LeVeque 1979, equations 2.1)."""
        count = output.numel()
        if count == 0:
            return
        variance, mean = torch.var_mean(output.double(), correction=0)
        total = self._outputs + count
        shift = float(mean) - self._output_mean
        self._output_m2 += float(variance) * count + shift**2 * self._outputs * count / total
        self._output_mean += shift * count / total
        self._outputs = total


class Trace(Mapping[str, LayerTrace]):
    """The traces of a model's approximate layers by name, for layers that ran."""

    def __init__(self, layers: Mapping[str, LayerTrace]) -> None:
        self._layers = layers

    def __getitem__(self, name: str) -> LayerTrace:
        return self._layers[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, layer in self._layers.items() if layer.fan_in)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@contextmanager
def observe_operands(
    model: nn.Module, callback: Callable[[str, GemmOperands, Tensor], None]
) -> Iterator[None]:
    """Have a callback see the operands of every approximate layer while the context is open.

    Args:
        model: A converted model.
        callback: Called as ``callback(name, operands, output)`` in every forward pass of a layer,
            in any mode; the output is before the bias, without gradient.

    Raises:
        ValueError: The model has no approximate layer.
    """
    layers = get_approx_modules(model)
    if not layers:
        raise ValueError("'model' must have approximate layers; convert it with approximate(model)")

    def observer_of(name: str) -> Callable[[GemmOperands, Tensor], None]:
        return lambda operands, output: callback(name, operands, output)

    removers = [layer.add_operand_observer(observer_of(name)) for name, layer in layers]
    try:
        yield
    finally:
        for remove in removers:
            remove()


@contextmanager
def trace(model: nn.Module) -> Iterator[Trace]:
    """Count the operands of every approximate layer while the context is open.

    In QUANTIZED mode these are the operands of the exact network, in APPROXIMATE mode those that
    the approximate network really sees.

    Args:
        model: A converted model.

    Raises:
        ValueError: The model has no approximate layer.

    Examples:
        >>> from torchapprox import approximate
        >>> model = nn.Sequential(nn.Linear(4, 3))
        >>> _ = approximate(model, calibration=[torch.randn(64, 4)])
        >>> with trace(model) as traced:
        ...     _ = model(torch.randn(10, 4))
        >>> layer = traced["0.wrapped"]
        >>> layer.rows, int(layer.joint_counts.sum())
        (10, 120)
    """
    layers = {name: LayerTrace(name) for name, _ in get_approx_modules(model)}
    with observe_operands(model, lambda name, *what: layers[name].update(*what)):
        yield Trace(layers)
