"""Single steps of recurrent layers on approximate multipliers."""

from typing import Any, ClassVar, Self, cast

from torch import Tensor, nn

from torchapprox.layers.approx_wrapper import ApproxWrapper
from torchapprox.layers.composite import QConfigRule
from torchapprox.layers.wrapped_linear import linear_parameters, wrapped_linear
from torchapprox.operators.recurrent_step import (
    State,
    Step,
    gru_step,
    lstm_step,
    relu_step,
    tanh_step,
)
from torchapprox.running_layer import in_layer


class ApproxRecurrentCell(nn.Module):
    """A recurrent cell whose input and recurrent product run on approximate multipliers.

    Takes the arguments of the float cell's constructor, and:

    Args:
        qconfig: Quantiser configuration of both products; `default_qconfig` if None.

    Attributes:
        ih: The product of the input, an `ApproxLinear` with quantisers of its own.
        hh: The product of the hidden state, likewise.
    """

    ih: ApproxWrapper
    hh: ApproxWrapper
    input_size: int
    hidden_size: int
    bias: bool
    nonlinearity: str | None
    _FLOAT: ClassVar[type[nn.RNNCellBase]]

    def __init__(self, *args: Any, qconfig: QConfigRule = None, **kwargs: Any) -> None:
        super().__init__()
        self._take(self._FLOAT(*args, **kwargs), qconfig)

    @classmethod
    def from_float(cls, mod: nn.RNNCellBase, qconfig: QConfigRule = None) -> Self:
        """Make an approximate cell that shares a float cell's parameters; see `Composite`."""
        cell = cls.__new__(cls)
        nn.Module.__init__(cell)
        cell._take(mod, qconfig or getattr(mod, "qconfig", None))  # noqa: SLF001  of this class
        return cell

    def _take(self, cell: nn.RNNCellBase, qconfig: QConfigRule) -> None:
        self.input_size, self.hidden_size, self.bias = cell.input_size, cell.hidden_size, cell.bias
        self.nonlinearity = getattr(cell, "nonlinearity", None)
        self.ih, self.hh = (
            wrapped_linear(
                kind,
                cast("Tensor", getattr(cell, f"weight_{kind}")),
                cast("Tensor | None", getattr(cell, f"bias_{kind}")),
                qconfig=qconfig,
                training=cell.training,
            )
            for kind in ("ih", "hh")
        )
        self.train(cell.training)

    def to_float(self) -> nn.RNNCellBase:
        """Return the float cell with the same parameters, shared."""
        options: dict[str, Any] = {}
        if self.nonlinearity is not None:
            options["nonlinearity"] = self.nonlinearity
        cell = self._FLOAT(
            self.input_size, self.hidden_size, bias=self.bias, device="meta", **options
        )
        cell.weight_ih, cell.bias_ih = linear_parameters(self.ih)  # type: ignore[assignment]
        cell.weight_hh, cell.bias_hh = linear_parameters(self.hh)  # type: ignore[assignment]
        return cell.train(self.training)

    def forward(
        self,
        input: Tensor,  # noqa: A002  as PyTorch
        hx: Tensor | State | None = None,
    ) -> Tensor | State:
        """Run one step, as the float cell does.

        Args:
            input: `(B, F)` or `(F,)`.
            hx: The state: h, or h and c of an LSTM, `(B, H)` or `(H,)`; zeros if None.

        Returns:
            The new state, in the form of ``hx``.

        Raises:
            ValueError: Shapes do not match.
        """
        if input.dim() not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"'input' must be (B, {self.input_size}) or ({self.input_size},), "
                f"got {tuple(input.shape)}{in_layer()}"
            )
        parts = 2 if self._FLOAT is nn.LSTMCell else 1
        wanted = (*input.shape[:-1], self.hidden_size)
        state: State
        if hx is None:
            state = (input.new_zeros(wanted),) * parts
        else:
            state = (hx,) if isinstance(hx, Tensor) else tuple(hx)
            if [tuple(part.shape) for part in state] != [wanted] * parts:
                raise ValueError(
                    f"'hx' must be {parts} of shape {wanted}, "
                    f"got {[tuple(part.shape) for part in state]}"
                )
        new = self._step(self.ih(input), self.hh(state[0]), state)
        return new if parts == 2 else new[0]

    @property
    def _step(self) -> Step:
        if self._FLOAT is nn.RNNCell:
            return tanh_step if self.nonlinearity == "tanh" else relu_step
        return lstm_step if self._FLOAT is nn.LSTMCell else gru_step

    def extra_repr(self) -> str:
        """Return the cell's arguments."""
        return f"{self.input_size}, {self.hidden_size}"


class ApproxLSTMCell(ApproxRecurrentCell):
    """`torch.nn.LSTMCell` on approximate multipliers; see `ApproxRecurrentCell`.

    Examples:
        >>> import torch
        >>> h, c = ApproxLSTMCell(3, 4)(torch.randn(2, 3))
        >>> h.shape
        torch.Size([2, 4])
    """

    _FLOAT = nn.LSTMCell


class ApproxGRUCell(ApproxRecurrentCell):
    """`torch.nn.GRUCell` on approximate multipliers; see `ApproxRecurrentCell`.

    Examples:
        >>> import torch
        >>> ApproxGRUCell(3, 4)(torch.randn(3)).shape
        torch.Size([4])
    """

    _FLOAT = nn.GRUCell


class ApproxRNNCell(ApproxRecurrentCell):
    """`torch.nn.RNNCell` on approximate multipliers; see `ApproxRecurrentCell`.

    Examples:
        >>> import torch
        >>> ApproxRNNCell(3, 4, nonlinearity="relu")(torch.randn(2, 3)).shape
        torch.Size([2, 4])
    """

    _FLOAT = nn.RNNCell
