"""Time to calibrate whole networks with a batch, relative to the float model's forward pass.

``python -m benchmarks.calibration``

By the histogram observers of torch.ao, and by those that replace them, which find the same ranges.
"""

import copy
from functools import partial

import torch
from torch import Tensor, nn

import torchapprox
from benchmarks.network_models import NETWORKS
from benchmarks.networks import forward
from benchmarks.page import row_line
from benchmarks.record import recorded
from benchmarks.table import median_seconds
from torchapprox.quantisation import torch_ao
from torchapprox.quantisation.default_qconfig import default_qconfig
from torchapprox.quantisation.histogram_observer import HistogramObserver

OBSERVERS = {"torch.ao": torch_ao.HistogramObserver, "torchapprox": HistogramObserver}


def observed(model: nn.Module, x: Tensor, observer: type[nn.Module]) -> nn.Module:
    """Return a converted copy of a model whose default quantisers have seen a batch."""
    model, default = copy.deepcopy(model), default_qconfig()
    config = torch_ao.QConfig(
        *(quantiser.with_args(observer=observer) for quantiser in default._asdict().values())
    )
    torchapprox.approximate(model, calibration=[x], qconfig=config)
    return model


def main() -> None:
    """Print the ratios of every network."""
    print(row_line(["network", "float forward, ms", *(f"{name} / float" for name in OBSERVERS)]))
    print("|---" * (2 + len(OBSERVERS)) + "|")
    for name, build in NETWORKS.items():
        torch.manual_seed(0)
        model, x = build()
        models = {name: observed(model, x, observer) for name, observer in OBSERVERS.items()}
        times = median_seconds(
            {"float": partial(forward, model.eval(), x)}
            | {
                name: partial(torchapprox.calibrate, converted, [x])
                for name, converted in models.items()
            }
        )
        ratios = (f"{times[name] / times['float']:.1f}" for name in OBSERVERS)
        print(row_line([name, f"{1e3 * times['float']:.1f}", *ratios]), flush=True)


if __name__ == "__main__":
    recorded(main)
