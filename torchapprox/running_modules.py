"""Which modules are running while a model runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)


class RunningModules:
    """The modules whose forward passes are running, and all that have run.

    Attributes:
        stack: Those that are running, the innermost last.
        ran: Those that have run, or are running.

    Examples:
        >>> import torch
        >>> running, model = RunningModules(), nn.Sequential(nn.Identity())
        >>> with running.followed():
        ...     _ = model(torch.zeros(1))
        >>> running.stack, model[0] in running.ran
        ([], True)
    """

    def __init__(self) -> None:
        self.stack: list[nn.Module] = []
        self.ran: set[nn.Module] = set()

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Know of every module that runs meanwhile, of whatever model."""

        def enter(module: nn.Module, _args: Any) -> None:
            self.stack.append(module)
            self.ran.add(module)

        def leave(_module: nn.Module, _args: Any, _output: Any) -> None:
            self.stack.pop()

        # Global hooks: those of a module would keep PyTorch's encoder layers from their fast path.
        hooks = (
            register_module_forward_pre_hook(enter),
            register_module_forward_hook(leave, always_call=True),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
