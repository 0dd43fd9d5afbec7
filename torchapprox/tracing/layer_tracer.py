"""Tracing one layer, batch after batch, in memory that does not grow."""

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from multipliers.parameters import check_parameter
from torchapprox.operators.approx_matmul import sample_shape
from torchapprox.operators.gemm_operands import GemmOperands
from torchapprox.tracing.layer_trace import LayerTrace
from torchapprox.tracing.operand_sample import default_rows
from torchapprox.tracing.output_moments import OutputMoments
from torchapprox.tracing.traced_operands import MatrixOperands, TracedOperands, WeightedOperands


class LayerTracer:
    """Makes a `LayerTrace` of the products that one layer computes.

    Args:
        name: Name of the layer in the model.
        rows: Rows that the sample keeps; as `default_rows` says if None.
        seed: Chooses them.

    Raises:
        ValueError: ``rows`` is less than 1.
    """

    def __init__(self, name: str, *, rows: int | None = None, seed: int = 0) -> None:
        if rows is not None:
            rows = check_parameter("rows", rows, 1)
        seed = check_parameter("seed", seed, 0)
        self.name = name
        self._wanted_rows, self._seed = rows, seed
        self._size: _Size | None = None
        self._layout: tuple[object, ...] = ()
        self._parameters = (torch.zeros(0),) * 3
        self._sample_shape: tuple[int, ...] | None = None
        self._outputs = OutputMoments()
        self._operands: TracedOperands
        self._result: LayerTrace | None = None

    @property
    def ran(self) -> bool:
        """Whether there was an update."""
        return self._size is not None

    def update(self, operands: GemmOperands, output: Tensor) -> None:
        """Count the operands of one forward pass, and draw rows of them.

        Args:
            operands: The operands' codes.
            output: The layer's output before the bias, floating point; of a product of two
                activations matrices `(..., M, N)`, else of any shape.

        Raises:
            ValueError: The layer's size or the operands' signedness changed since the last pass.
        """
        size = self._checked_size(operands)
        self._parameters = operands.x_zero_point, operands.w_zero_point, operands.scale
        shape = () if size.fixed_weights else sample_shape(output)
        self._operands.add(operands, shape)
        if self._sample_shape is None:
            self._sample_shape = shape
        elif shape != self._sample_shape:
            self._sample_shape = ()
        self._outputs.add(output)
        self._result = None

    @property
    def result(self) -> LayerTrace | None:
        """What was traced so far, the same value until the next update; None before the first."""
        if self._size is not None and self._result is None:
            self._operands.settle()
            x_zero_point, *by_channel = self._parameters
            w_zero_point, scale = (
                parameter.reshape(-1)[: self._size.channels].cpu().numpy()
                for parameter in by_channel
            )
            self._result = LayerTrace(
                name=self.name,
                fixed_weights=self._size.fixed_weights,
                groups=self._size.groups,
                fan_in=self._size.depth,
                out_channels=self._size.channels,
                rows=self._operands.rows,
                outputs=self._outputs.count,
                x_signed=self._size.x_signed,
                w_signed=self._size.w_signed,
                x_zero_point=int(x_zero_point),
                w_zero_point=w_zero_point.astype(np.int64),
                scale=scale.astype(np.float64),
                x_counts=self._operands.x_counts,
                joint_counts=self._operands.joint_counts,
                sample=self._operands.sample,
                sample_shape=self._sample_shape or (),
                output_mean=self._outputs.mean,
                output_std=self._outputs.std,
            )
        return self._result

    def _checked_size(self, operands: GemmOperands) -> "_Size":
        """Return the size that the layer must keep, found anew where something changed."""
        layout = (
            operands.w_codes.shape, operands.fixed_weights, operands.x_range, operands.w_range,
        )  # fmt: skip
        if self._size is not None and layout == self._layout:
            return self._size
        size = _Size.of(operands)
        if self._size is None:
            self._start(size)
        elif size != self._size:
            raise ValueError(
                f"layer {self.name!r} must keep its size and its ports while it is traced"
            )
        self._layout = layout
        return size

    def _start(self, size: "_Size") -> None:
        self._size = size
        draws = self._wanted_rows or default_rows(size.groups * size.depth), self._seed
        if size.fixed_weights:
            self._operands = WeightedOperands(size.groups, size.depth, *draws)
        else:
            self._operands = MatrixOperands(*draws)


class _Size(NamedTuple):
    """What a layer must keep while it is traced."""

    fixed_weights: bool
    groups: int
    depth: int
    channels: int
    x_signed: bool
    w_signed: bool

    @classmethod
    def of(cls, operands: GemmOperands) -> Self:
        matrices, columns, depth = operands.w_codes.shape
        fixed = operands.fixed_weights
        return cls(
            fixed_weights=fixed,
            groups=matrices if fixed else 1,
            depth=depth,
            channels=matrices * columns if fixed else 1,
            x_signed=operands.x_signed,
            w_signed=operands.w_signed,
        )
