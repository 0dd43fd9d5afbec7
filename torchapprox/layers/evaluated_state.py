# ruff: noqa: SLF001  what modules answer to questions takes longer than all the rest
"""What the product of an evaluated layer depends on, beside its operands."""

import os
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules import module as modules

from torchapprox.kernels.compiling.cpu_kernel import VARIABLE as KERNEL
from torchapprox.layers.approx_layer import ApproxLayer
from torchapprox.operators.engine.choice import VARIABLE as ENGINE
from torchapprox.quantisation.quantiser_state import is_hooked
from torchapprox.quantisation.torch_ao import FakeQuantize, quantiser_range

_ARGUMENTS = "stride", "padding", "dilation", "groups", "padding_mode"
_SWITCHES = "observer_enabled", "fake_quant_enabled"
# What a forward pass calls, and a user may replace in one object.
_FUNCTIONS = frozenset(("forward", "multiply", "approx_fwd", "quant_fwd", "deferred", "lower"))


def is_plain(layer: Any) -> bool:
    """Whether a layer is of a type that is evaluated, without hooks or a function of its own."""
    known = vars(layer)
    return (
        type(layer)._EVALUATED
        and not known["_forward_hooks"]
        and not known["_forward_pre_hooks"]
        and known.keys().isdisjoint(_FUNCTIONS)
        and layer._compiled_call_impl is None
    )


def is_output_free(layer: Any) -> bool:
    """Whether nobody but its caller holds what a layer returns, and nothing is differentiated."""
    return (
        isinstance(layer, ApproxLayer)
        and not torch.is_grad_enabled()
        and is_plain(layer)
        and not layer._operand_observers.keep
        and not modules._global_forward_hooks
    )


def quantises_only(quantiser: Any) -> bool:
    """Whether a fake-quantiser is PyTorch's own, and nobody hooked it."""
    return type(quantiser) is FakeQuantize and not is_hooked(quantiser)


def objects_of(layer: Any, quantiser: Any) -> tuple[Any, ...]:
    """Return what a product depends on that is compared by identity."""
    known, own = vars(layer), layer._modules
    table, w_quantiser = own["product_table"], own["weight_fake_quant"]
    x, w = quantiser._buffers, w_quantiser._buffers
    return (
        quantiser, w_quantiser, table._buffers["lut"], vars(table)["_labels"],
        known["_inference_mode"], known["_htp_model"], known["_accumulator"], known["_engine"],
        known["traced_inputs"],
        x["scale"], x["zero_point"], x["observer_enabled"], x["fake_quant_enabled"],
        w["scale"], w["zero_point"], w["observer_enabled"], w["fake_quant_enabled"],
    )  # fmt: skip


def values_of(layer: Any, quantiser: Any) -> tuple[Any, ...]:
    """Return what a product depends on that is compared by value."""
    known, own = vars(layer), layer._modules["weight_fake_quant"]
    return (
        quantiser_range(quantiser), quantiser_range(own), own.is_per_channel, own.ch_axis,
        known.get("_input_size"), known.get("vectors_per_sample"), known.get("_counts"),
        known["_input_range"],
        *map(known.get, _ARGUMENTS), os.environ.get(KERNEL), os.environ.get(ENGINE),
    )  # fmt: skip


def switches_of(*quantisers: Any) -> list[Tensor]:
    """Return the tensors that say whether quantisers observe and quantise."""
    return [each._buffers[name] for each in quantisers for name in _SWITCHES]
