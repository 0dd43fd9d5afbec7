"""Checks of single products inside larger modules, and their random set-up."""

from dataclasses import dataclass
from functools import cached_property

import torch
from hypothesis import event
from torch import Tensor

from tests.torchapprox import oracle, product_oracle
from tests.torchapprox.configurations import POWERS_OF_TWO, Configuration, Quantiser, qconfig_of
from tests.torchapprox.oracle_cases import codes, zero_points
from torchapprox import Accumulator, InferenceMode, get_approx_modules


@dataclass
class Product:
    """The quantisers of one product and all that it did: inputs and outputs, call by call."""

    x: Quantiser
    w: Quantiser
    calls: list[tuple[tuple[Tensor, ...], Tensor]]
    layer: torch.nn.Module | None = None

    @cached_property
    def w_codes(self):
        """The weights' codes, which all calls share."""
        return codes(self.w, self.layer.weight.tolist())


class Products:
    """The products of one module by name, drawn from a configuration as the module asks for them.

    Everything runs in float64, in which the integers can be told from an output; the scales are
    float32, as quantisers hold them.
    """

    def __init__(self, configuration: Configuration, *, any_scale: tuple[str, ...] = ()):
        self.configuration = configuration
        self.lut = configuration.multiplier.lut.tolist()
        self.accumulator: Accumulator | None = configuration.accumulator()
        event("ports", payload=configuration.ports)
        self.any_scale = any_scale
        self.by_name: dict[str, Product] = {}

    def __getitem__(self, name):
        return self.by_name[name]

    def qconfig(self, name, layer):
        """The rule that a composite module gets."""
        configuration, ports = self.configuration, self.configuration.multiplier
        # What the module computes is no multiple of a scale: only powers of two divide it exactly.
        scales = {} if name in self.any_scale else {"scales": POWERS_OF_TWO}
        x = configuration.operand(ports.x_port.signed, **scales)
        if hasattr(layer, "weight"):
            w = configuration.weights(layer.out_features)
        else:
            scales = {} if f"{name} w" in self.any_scale else {"scales": POWERS_OF_TWO}
            w = configuration.operand(ports.w_port.signed, **scales)
        self.by_name[name] = Product(x, w, [])
        return qconfig_of(x, w)

    def install(self, module):
        """Give a module's products their quantisers, weights, multiplier; watch what they do."""
        modules = dict(module.named_modules())
        for name, layer in get_approx_modules(module):
            outer = modules[name.removesuffix(".wrapped")]
            product = self.by_name[name.removesuffix(".wrapped")]
            product.layer = layer
            layer.multiplier = self.configuration.multiplier
            layer.inference_mode = InferenceMode.APPROXIMATE
            layer.accumulator = self.accumulator
            quantisers = dict(layer.operand_quantisers)
            quantisers.setdefault("activation", getattr(outer, "activation_quantiser", None))
            product.x.install(quantisers["activation"])
            product.w.install(quantisers["weight"])
            if hasattr(layer, "weight"):
                shape = tuple(layer.weight.shape)
                layer.weight.data = self.configuration.reals(product.w, shape).double()
                if layer.bias is not None:
                    layer.bias.data.uniform_(-1, 1)
            outer.register_forward_hook(
                lambda _, x, y, calls=product.calls: calls.append((x, y.detach()))
            )
        return module

    def check_linear(self, name, call):
        """Compare one call of a linear layer with the oracle; return its input and output."""
        product = self.by_name[name]
        (x,), y = product.calls[call]
        weight = product.layer.weight
        expected = oracle.linear(
            self.lut,
            product_oracle.quantised(product.x, x.tolist()),
            product.w_codes,
            product.x.zero_points[0],
            zero_points(product.w, len(weight)),
            self.accumulator,
        )
        w_scales = torch.tensor([product.w.channel(n)[0] for n in range(len(weight))])
        bias = 0 if product.layer.bias is None else product.layer.bias.detach()
        self._assert_integers(product, y - bias, w_scales, expected)
        return x, y

    def check_matmul(self, name, call, x, w):
        """Compare one call of a matrix product, given its operands as matrices; return it."""
        product = self.by_name[name]
        y = product.calls[call][1]
        batch = torch.broadcast_shapes(x.shape[:-2], w.shape[:-2])
        expected = product_oracle.matmul(
            self.lut,
            product_oracle.quantised(product.x, x.tolist()),
            product_oracle.quantised(product.w, w.tolist()),
            batch,
            product.x.zero_points[0],
            product.w.zero_points[0],
            self.accumulator,
        )
        self._assert_integers(
            product, y, torch.tensor(product.w.scales[0]), list(expected.values())
        )
        return y

    def _assert_integers(self, product, y, w_scales, expected):
        scales = (torch.tensor(product.x.scales[0]) * w_scales).double()
        integers = (y / scales).round().to(torch.int64)
        assert torch.equal(integers.flatten(), torch.tensor(expected, dtype=torch.int64).flatten())
