"""Attention that modules compute by a function, made a module that a conversion replaces.

Most networks of model libraries call `torch.nn.functional.scaled_dot_product_attention`, which no
conversion can take the place of. While a module that calls it runs, the call goes to a module of
the same name that belongs to it.
"""

import threading
from typing import Any

from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from multipliers.parameters import check_kind
from torchapprox.batches import probing, run_batch
from torchapprox.layers import ScaledDotProductAttention, convertible_types
from torchapprox.running_modules import RunningModules

_ATTRIBUTE = "attention_calls"


def wrap_attention_calls(model: nn.Module, batch: Any) -> tuple[str, ...]:
    """Make the attention that a float model computes by a function convertible, in place.

    Every module that calls `torch.nn.functional.scaled_dot_product_attention` itself gets
    ``attention_calls``, a `torch.nn.ModuleList` of one `ScaledDotProductAttention` for each call in
    its forward pass, through which these calls go. What the model computes stays the same until
    `torchapprox.approximate` converts these modules like any other. Products that a module writes
    as ``q @ k.mT`` are not wrapped; `torchapprox.coverage` names them.

    Args:
        model: The model, before it is converted. Modules that are converted as a whole, such as
            `torch.nn.MultiheadAttention`, stay as they are, and so do calls that are wrapped.
        batch: What shows who calls it: a tensor, a sequence whose first element is the model's
            input, or a mapping of keyword arguments.

    Returns:
        The names of the modules that got ``attention_calls``, in the order in which they call.

    Raises:
        TypeError: ``model`` is no module, or ``batch`` none that a model takes.
        ValueError: Nothing in the model calls the function.

    Examples:
        >>> import torch, torchapprox
        >>> class OneHead(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.qkv = nn.Linear(8, 24)
        ...
        ...     def forward(self, x):
        ...         return F.scaled_dot_product_attention(*self.qkv(x).chunk(3, dim=-1))
        >>> model, x = nn.Sequential(OneHead()), torch.randn(4, 6, 8)
        >>> wrap_attention_calls(model, x)
        ('0',)
        >>> summary = torchapprox.approximate(model, "mul8s_bam_h0_v8", calibration=[x])
        >>> [row.name for row in summary.layers]
        ['0.qkv.wrapped', '0.attention_calls.0.qk', '0.attention_calls.0.av']
    """
    check_kind("model", model, nn.Module)
    names = {module: name for name, module in model.named_modules()}
    running = RunningModules()
    with probing(model), running.followed(), _Recorder(running) as recorder:
        run_batch(model, batch)
    if not recorder.calls:
        raise ValueError(
            "'model' must call torch.nn.functional.scaled_dot_product_attention on 'batch', but no "
            "module does; torchapprox.coverage(model, batch) names what it calls instead"
        )
    whole = convertible_types()
    callers = {
        module: count
        for module, count in recorder.calls.items()
        if type(module) not in whole and not hasattr(module, _ATTRIBUTE)
    }
    for module, count in callers.items():
        calls = nn.ModuleList(ScaledDotProductAttention() for _ in range(count))
        module.add_module(_ATTRIBUTE, calls.train(module.training))
        module.register_forward_pre_hook(_enter)
        module.register_forward_hook(_leave, always_call=True)
    return tuple(names[module] for module in callers)


class _Recorder(TorchFunctionMode):
    """Counts the calls of a forward pass, by the module that makes them."""

    def __init__(self, running: RunningModules) -> None:
        super().__init__()
        self._running = running
        self.calls: dict[nn.Module, int] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            caller = self._running.stack[-1]
            self.calls[caller] = self.calls.get(caller, 0) + 1
        return func(*args, **(kwargs or {}))


class _Routed(TorchFunctionMode):
    """Sends a module's calls to its own modules, in their order."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._calls: Any = getattr(module, _ATTRIBUTE)
        self._count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # A module around another one sees the calls of that one's attention, too.
        if func is not F.scaled_dot_product_attention or _active.modes[-1] is not self:
            return func(*args, **(kwargs or {}))
        if self._count == len(self._calls):
            raise RuntimeError(
                f"a module calls scaled_dot_product_attention more often than the {self._count} "
                "times of the batch that wrap_attention_calls saw; wrap the calls of the float "
                "model with a batch that has all of them"
            )
        attention = self._calls[self._count]
        self._count += 1
        return attention(*args, **(kwargs or {}))


class _Active(threading.local):
    """The modes of a thread's modules that are running."""

    def __init__(self) -> None:
        self.modes: list[_Routed] = []


_active = _Active()


def _enter(module: nn.Module, _args: Any) -> None:
    mode = _Routed(module)
    mode.__enter__()  # type: ignore[no-untyped-call]
    _active.modes.append(mode)


def _leave(_module: nn.Module, _args: Any, _output: Any) -> None:
    _active.modes.pop().__exit__(None, None, None)  # type: ignore[no-untyped-call]
