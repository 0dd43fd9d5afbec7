"""Random layers: everything that the oracle and the code under test need to know of one."""

import random
from dataclasses import dataclass, field

import numpy as np
import torch

from multipliers import Multiplier, exact_products
from tests.torchapprox.builders import quantiser
from torchapprox import Accumulator
from torchapprox.quantisation.torch_ao import QConfig, set_parameters

X_RANGES = {True: [(-128, 127), (-128, 127), (0, 127), (-60, 100), (-8, 7)],
            False: [(0, 255), (0, 255), (0, 127), (0, 31)]}  # fmt: skip
W_RANGES = {True: [(-128, 127), (-128, 127), (-127, 127), (-8, 7), (0, 90)],
            False: [(0, 255), (0, 255), (0, 15)]}  # fmt: skip
POWERS_OF_TWO = [0.25, 0.0078125]
SCALES = [*POWERS_OF_TWO, 0.1, 0.037, 3.3]


@dataclass
class Quantiser:
    """An affine quantiser with one scale, or one for each output channel."""

    low: int
    high: int
    scales: list[float]
    zero_points: list[int]
    affine: bool
    per_channel: bool

    def channel(self, number):
        number = number if self.per_channel else 0
        return self.scales[number], self.zero_points[number], self.low, self.high

    @property
    def constructor(self):
        return quantiser((self.low, self.high), affine=self.affine, per_channel=self.per_channel)

    def install(self, fake_quantize):
        set_parameters(fake_quantize, self.scales, self.zero_points)


@dataclass
class Configuration:
    """One random layer: its multiplier, quantisers and the random source for its operands."""

    seed: int
    source: random.Random = field(init=False)
    multiplier: Multiplier = field(init=False)
    x: Quantiser = field(init=False)

    def __post_init__(self):
        self.source = random.Random(self.seed)
        x_signed, w_signed = self.source.choice([(True, True), (False, False)] * 2
                                                + [(True, False), (False, True)])  # fmt: skip
        self.multiplier = Multiplier.from_lut(
            self._table(x_signed, w_signed), x_signed=x_signed, w_signed=w_signed
        )
        self.x = self.operand(x_signed)

    @property
    def ports(self):
        """Signedness of the ports as text: activations x weights."""
        ports = (self.multiplier.x_port, self.multiplier.w_port)
        return " x ".join("s8" if port.signed else "u8" for port in ports)

    def weights(self, channels):
        """Draw a weight quantiser of any of the four schemes."""
        low, high = self.source.choice(W_RANGES[self.multiplier.w_port.signed])
        affine, per_channel = self.source.choice([False, True]), self.source.choice([False, True])
        count = channels if per_channel else 1
        middle = 0 if low < 0 else (low + high + 1) // 2
        zero_points = [
            self.source.randint(low, high) if affine else middle for _ in range(count)
        ]  # fmt: skip
        return Quantiser(
            low, high, [self._scale() for _ in range(count)], zero_points, affine, per_channel
        )

    def operand(self, signed, *, scales=SCALES):
        """Draw a quantiser per tensor for an operand of a product of activations."""
        low, high = self.source.choice(X_RANGES[signed])
        zero_point = self.source.choice([low, high, *self.source.sample(range(low, high + 1), 4)])
        return Quantiser(low, high, [self._scale(scales)], [zero_point], True, False)

    def accumulator(self):
        """Draw an accumulator of any form, exact ones most often."""
        if self.source.choice([True, True, False]):
            return None
        height = self.source.choice([None, 1, 2, 3, 5, 8])
        return Accumulator(
            bits=self.source.randint(6, 40),
            overflow=self.source.choice(["wrap", "saturate"]),
            when=self.source.choice(["step", "end"]),
            height=height,
            partial_bits=None if height is None else self.source.randint(6, 36),
        )

    def reals(self, quantiser, shape):
        """Draw real numbers, float32: most within the quantiser's range, some ties, some beyond."""
        values = []
        for index in np.ndindex(*shape):
            scale, zero_point, low, high = quantiser.channel(index[0])
            q = self.source.randint(low - 3, high + 3) - zero_point
            # Elsewhere than at a power of two, float32 division blurs where a tie is.
            ties = [0.5, -0.5] if scale in POWERS_OF_TWO else []
            values.append(scale * (q + self.source.choice([0, 0.3, -0.4, *ties])))
        return torch.tensor(values, dtype=torch.float32).reshape(shape)

    def _scale(self, scales=SCALES):
        # The oracle gets the very number that a float32 quantiser holds.
        return float(np.float32(self.source.choice(scales)))

    def _table(self, x_signed, w_signed):
        exact = exact_products(x_signed, w_signed).astype(np.int64)
        noise = np.random.default_rng(self.seed)
        kind = self.source.choice(["random", "random", "huge", "noisy", "exact"])
        if kind == "huge":
            return noise.integers(-(2**31), 2**31, (256, 256))
        if kind == "random":
            return noise.integers(-(2**15), 2**16, (256, 256))
        return exact + (noise.integers(-500, 300, (256, 256)) if kind == "noisy" else 0)


def qconfig_of(x, w):
    return QConfig(activation=x.constructor, weight=w.constructor)
