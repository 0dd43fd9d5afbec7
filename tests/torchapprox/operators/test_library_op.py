"""Every operator of the library, as layers call it, against PyTorch's own checks."""

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import torchapprox
from multipliers import get
from tests.torchapprox.builders import minmax_qconfig
from torchapprox import Accumulator, InferenceMode, get_approx_modules
from torchapprox.gradients import WindowDifference
from torchapprox.layers import ApproxMatmul
from torchapprox.operators import lut_matmul, to_codes
from torchapprox.operators.library_op import OPERATORS
from torchapprox.operators.lookup.lut_conv import lut_conv


class _Recording(TorchDispatchMode):
    """Keeps the arguments of the first call of every operator of ours."""

    def __init__(self):
        super().__init__()
        self.calls = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.namespace == "torchapprox":
            copies = tuple(a.detach().clone() if isinstance(a, torch.Tensor) else a for a in args)
            self.calls.setdefault(func._schema.name, (func, copies))
        return func(*args, **(kwargs or {}))


def _run_networks():
    """Call what converted networks call on this machine."""
    images, rows = torch.randn(2, 2, 6, 6), torch.randn(4, 5)
    for multiplier, options in (
        ("mul8s_mitchell", {"engine": "lookup", "gradient": WindowDifference(2)}),
        ("mul8s_tm_k3", {"qconfig": torchapprox.qconfig(w_symmetric=False)}),
        ("mul8s_tm_k3", {"accumulator": Accumulator(14, overflow="saturate")}),
    ):
        for layer, x in (
            (nn.Conv2d(2, 4, 3, padding=1), images),
            (nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"), images),
            (nn.Linear(5, 3), rows),
        ):
            model = nn.Sequential(layer)
            torchapprox.approximate(model, get(multiplier), calibration=[x], **options)
            for mode in InferenceMode:
                for _, approximate in get_approx_modules(model):
                    approximate.inference_mode = mode
                model(x).square().sum().backward()
                with torchapprox.trace(model):
                    model(x)


def _run_product_of_activations():
    layer, x, w = ApproxMatmul(minmax_qconfig()), torch.randn(2, 3, 4), torch.randn(2, 4, 5)
    layer(x, w)
    layer.apply(lambda m: m.disable_observer() if hasattr(m, "disable_observer") else None)
    layer.inference_mode, layer.multiplier = InferenceMode.APPROXIMATE, get("mul8s_mitchell")
    layer(x, w)


def _run_others():
    """Call what layers call with other quantisers, or on other devices."""
    values, scale, zero_point = torch.rand(2, 3, 4, 5), torch.tensor([0.01]), torch.tensor([7])
    zero_point = zero_point.int()
    to_codes(values.round(), torch.ones(1), zero_point)
    codes, table = values.to(torch.uint8), torch.arange(2**16, dtype=torch.int32).view(256, 256)
    lut_matmul(codes[0], codes[0], table)
    lut_conv(codes, codes, table, stride=(1, 2), dilation=(1, 1))
    torch.ops.torchapprox.quantise_unchecked(values, scale, zero_point, 0, 127, [1, 0, 2, 1])


@pytest.fixture(scope="module")
def calls():
    torch.manual_seed(0)
    with _Recording() as recorded:
        _run_networks()
        _run_product_of_activations()
        _run_others()
    return recorded.calls


ON_CPU = [
    name for name, operator in OPERATORS.items() if {"cpu", "default"} & set(operator.kernels)
]


@pytest.mark.parametrize("name", ON_CPU)
def test_opcheck(name, calls):
    operator, arguments = calls[name]
    torch.library.opcheck(operator, arguments)
