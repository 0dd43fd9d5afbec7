"""What one layer multiplied: counts of its operands, and a sample of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torchapprox.tracing.operand_sample import OperandSample


@dataclass(frozen=True, slots=True, eq=False)
class LayerTrace:
    """What one layer multiplied: counts and a sample of the matrix product that it lowers to.

    Two kinds of layers differ in what their second operand is. The weights of a linear or
    convolutional layer are its own, so that every output channel has an error of its own. Those of
    a product of two activations differ in every matrix; its outputs form one channel, and a batch
    of matrices counts as rows of one group.

    Memory: 2 KB per input position, 0.5 MB, and the sample's 1 MB or 512 rows, whatever the number
    of batches; while tracing 1 KB more per input position, a quarter of the sample, and codes that
    wait, 1 MB or 0.5 KB per input position.

    Attributes:
        name: Name of the layer in the model.
        fixed_weights: Whether the second operand is the layer's weights, not an activation.
        groups: Number of groups of the product, G.
        fan_in: Products in one output, K.
        out_channels: Columns of all groups, C: output channels, of transposed convolutions each
            with each tap; 1 of a product of two activations.
        rows: Output positions of all samples, per group; of all matrices of a product of two
            activations.
        outputs: Number of outputs.
        x_signed: Whether activation codes are two's complement.
        w_signed: Whether weight codes are two's complement.
        x_zero_point: Zero point of the activations.
        w_zero_point: Zero point of each channel's weights, int64 `(C,)`.
        scale: Product of the operands' scales, float64 `(C,)`.
        x_counts: How often each activation code occurred at each input position, int64
            `(G * K, 256)`; `(K, 256)` of a product of two activations.
        joint_counts: How often each pair of codes was multiplied, int64 `(256, 256)`, row =
            activation. Every output counts.
        sample: Some of the operands as they were, with the last weights.
        sample_shape: Shape of one sample's matrices of the output of a product of two activations,
            `(..., M, N)`; empty where it changed while tracing, and of other layers.
        output_mean: Mean of the output before the bias, over all elements, in its units.
        output_std: Standard deviation of the same.
    """

    name: str
    fixed_weights: bool
    groups: int
    fan_in: int
    out_channels: int
    rows: int
    outputs: int
    x_signed: bool
    w_signed: bool
    x_zero_point: int
    w_zero_point: npt.NDArray[np.int64]
    scale: npt.NDArray[np.float64]
    x_counts: npt.NDArray[np.int64]
    joint_counts: npt.NDArray[np.int64]
    sample: OperandSample
    sample_shape: tuple[int, ...]
    output_mean: float
    output_std: float

    @property
    def products(self) -> int:
        """Number of multiplications traced."""
        return int(self.joint_counts.sum())

    @property
    def sums_per_output(self) -> float:
        """Sums of K products that are added into one output, on average.

        1 but for transposed convolutions, which add those of several taps; 0 before the first
        output.
        """
        sums = self.products // self.fan_in
        return sums / max(self.outputs, 1)

    @property
    def x_histogram(self) -> npt.NDArray[np.int64]:
        """Multiplications in which each activation code took part, int64 `(256,)`."""
        return np.asarray(self.joint_counts.sum(axis=1))

    @property
    def w_histogram(self) -> npt.NDArray[np.int64]:
        """Multiplications in which each weight code took part, int64 `(256,)`."""
        return np.asarray(self.joint_counts.sum(axis=0))

    @property
    def w_codes(self) -> npt.NDArray[np.uint8]:
        """The last weights, uint8 `(G, C / G, K)`; of two activations those of the sample."""
        return self.sample.w_codes
