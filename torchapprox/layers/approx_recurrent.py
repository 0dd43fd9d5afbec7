"""Recurrent layers on approximate multipliers."""

from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from torchapprox.layers.composite import QConfigRule
from torchapprox.layers.wrapped_linear import linear_parameters, wrapped_linear
from torchapprox.operators.recurrent_step import (
    State,
    Step,
    gru_step,
    lstm_step,
    relu_step,
    run_steps,
    tanh_step,
)
from torchapprox.running_layer import in_layer


class ApproxRecurrent(nn.Module):
    """A recurrent layer whose input and recurrent products run on approximate multipliers.

    Every product is an `ApproxLinear` with quantisers of its own, in the order of the layers and
    with the suffixes of PyTorch's parameters: ``ih_l0`` multiplies the input, ``hh_l0`` the hidden
    state, step by step, ``hr_l0`` projects it, ``ih_l0_reverse`` belongs to the other direction.
    The gates are exact. The ``opcount`` of a product counts all steps of the longest sequence.

    Takes the arguments of the float layer's constructor, and:

    Args:
        qconfig: Quantiser configuration of every product; `default_qconfig` if None.
    """

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int
    _FLOAT: ClassVar[type[nn.RNNBase]]
    _STEPS: ClassVar[dict[str, Step]] = {
        "LSTM": lstm_step,
        "GRU": gru_step,
        "RNN_TANH": tanh_step,
        "RNN_RELU": relu_step,
    }

    def __init__(self, *args: Any, qconfig: QConfigRule = None, **kwargs: Any) -> None:
        super().__init__()
        self._take(self._FLOAT(*args, **kwargs), qconfig)

    @classmethod
    def from_float(cls, mod: nn.RNNBase, qconfig: QConfigRule = None) -> Self:
        """Make an approximate layer that shares a float layer's parameters; see `Composite`."""
        layer = cls.__new__(cls)
        nn.Module.__init__(layer)
        layer._take(mod, qconfig or getattr(mod, "qconfig", None))  # noqa: SLF001  of this class
        return layer

    def _take(self, rnn: nn.RNNBase, qconfig: QConfigRule) -> None:
        self.mode, self.input_size, self.hidden_size = rnn.mode, rnn.input_size, rnn.hidden_size
        self.num_layers, self.bias, self.batch_first = rnn.num_layers, rnn.bias, rnn.batch_first
        self.dropout, self.bidirectional = rnn.dropout, rnn.bidirectional
        self.proj_size = rnn.proj_size
        for suffix in self._suffixes():
            for kind in self._kinds():
                name = f"{kind}{suffix}"
                weight = cast("Tensor", getattr(rnn, f"weight_{name}"))
                bias = cast("Tensor | None", getattr(rnn, f"bias_{name}", None))
                wrapper = wrapped_linear(name, weight, bias, qconfig=qconfig, training=rnn.training)
                self.add_module(name, wrapper)
        self.train(rnn.training)

    def to_float(self) -> nn.RNNBase:
        """Return the float layer with the same parameters, shared."""
        options: dict[str, Any] = {
            "num_layers": self.num_layers,
            "bias": self.bias,
            "batch_first": self.batch_first,
            "bidirectional": self.bidirectional,
            # Given to the constructor, PyTorch would warn of it in a single layer once more.
            "dropout": self.dropout if self.num_layers > 1 else 0.0,
        }
        if self.proj_size:
            options["proj_size"] = self.proj_size
        if self._FLOAT is nn.RNN:
            options["nonlinearity"] = self.mode.removeprefix("RNN_").lower()
        make: Any = self._FLOAT
        rnn: nn.RNNBase = make(self.input_size, self.hidden_size, device="meta", **options)
        rnn.dropout = self.dropout
        for suffix in self._suffixes():
            for kind in self._kinds():
                weight, bias = linear_parameters(self._product(kind, suffix))
                setattr(rnn, f"weight_{kind}{suffix}", weight)
                if bias is not None:
                    setattr(rnn, f"bias_{kind}{suffix}", bias)
        rnn.flatten_parameters()
        return rnn.train(self.training)

    def forward(
        self,
        input: Tensor | PackedSequence,  # noqa: A002  as PyTorch
        hx: Tensor | State | None = None,
    ) -> tuple[Tensor | PackedSequence, Tensor | State]:
        """Run over sequences, as the float layer does.

        Args:
            input: `(T, B, F)`, `(B, T, F)` if ``batch_first``, `(T, F)` for one sequence, or packed
                sequences, whose padding is not multiplied.
            hx: The state before the first step: h, or h and c of an LSTM,
                `(layers * directions, B, ...)`; zeros if None.

        Returns:
            h of the last layer at all time steps, in the form of the input, and the state after the
            last step, in the form of ``hx``.

        Raises:
            ValueError: Shapes do not match, or the sequences are empty.
        """
        packed = input if isinstance(input, PackedSequence) else None
        if isinstance(input, PackedSequence):
            data, sizes = input.data, input.batch_sizes.tolist()
            batch, batched = sizes[0], True
        else:
            batched = input.dim() == 3
            if input.dim() not in (2, 3) or input.shape[-1] != self.input_size:
                raise ValueError(
                    f"'input' must be (T, B, {self.input_size}), with 'batch_first' "
                    f"(B, T, {self.input_size}), or (T, {self.input_size}), "
                    f"got {tuple(input.shape)}{in_layer()}"
                )
            steps = input if batched else input[:, None]
            steps = steps.transpose(0, 1) if batched and self.batch_first else steps
            length, batch = steps.shape[:2]
            if length == 0:
                raise ValueError(
                    f"'input' must have at least one step, got {tuple(input.shape)}{in_layer()}"
                )
            data, sizes = steps.reshape(length * batch, self.input_size), [batch] * length
        state = self._initial_state(data, hx, batch, batched)
        if packed is not None and packed.sorted_indices is not None:
            state = tuple(part.index_select(1, packed.sorted_indices) for part in state)
        data, last = self._run(data, sizes, state)
        if packed is not None:
            if packed.unsorted_indices is not None:
                last = tuple(part.index_select(1, packed.unsorted_indices) for part in last)
            return packed._replace(data=data), self._public(last)
        output = data.view(len(sizes), batch, -1)
        if not batched:
            return output[:, 0], self._public(tuple(part[:, 0] for part in last))
        return output.transpose(0, 1) if self.batch_first else output, self._public(last)

    def _run(self, data: Tensor, sizes: list[int], state: State) -> tuple[Tensor, State]:
        """Run all layers and directions over packed sequences."""
        directions = 2 if self.bidirectional else 1
        last: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                number = layer * directions + direction
                suffix = self._suffixes()[number]
                output, after = run_steps(
                    self._STEPS[self.mode],
                    self._product("ih", suffix)(data),
                    sizes,
                    tuple(part[number] for part in state),
                    hidden_product=self._product("hh", suffix),
                    projection=self._product("hr", suffix) if self.proj_size else None,
                    reverse=direction == 1,
                )
                for kind in self._kinds():
                    self._product(kind, suffix).layer.vectors_per_sample = len(sizes)
                outputs.append(output)
                last.append(after)
            data = torch.cat(outputs, dim=-1)
            if layer + 1 < self.num_layers:
                data = F.dropout(data, self.dropout, self.training)
        return data, tuple(torch.stack(parts) for parts in zip(*last, strict=True))

    def _initial_state(
        self, data: Tensor, hx: Tensor | State | None, batch: int, batched: bool
    ) -> State:
        """Return the state as `(layers * directions, B, ...)` tensors, zeros if there is none."""
        number = len(self._suffixes())
        sizes = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            sizes.append(self.hidden_size)
        if hx is None:
            return tuple(data.new_zeros(number, batch, size) for size in sizes)
        state = (hx,) if isinstance(hx, Tensor) else tuple(hx)
        wanted = [(number, batch, size) if batched else (number, size) for size in sizes]
        if [tuple(part.shape) for part in state] != wanted:
            raise ValueError(
                f"'hx' must be of shape {' and '.join(map(str, wanted))}, "
                f"got {' and '.join(str(tuple(part.shape)) for part in state)}"
            )
        return state if batched else tuple(part[:, None] for part in state)

    def _public(self, state: State) -> Tensor | State:
        return state if self.mode == "LSTM" else state[0]

    def _suffixes(self) -> list[str]:
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return [f"_l{layer}{way}" for layer in range(self.num_layers) for way in directions]

    def _kinds(self) -> tuple[str, ...]:
        return ("ih", "hh", "hr") if self.proj_size else ("ih", "hh")

    def _product(self, kind: str, suffix: str) -> Any:
        return getattr(self, f"{kind}{suffix}")

    def extra_repr(self) -> str:
        """Return the layer's arguments."""
        return f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}"


class ApproxLSTM(ApproxRecurrent):
    """`torch.nn.LSTM` on approximate multipliers; see `ApproxRecurrent`.

    Examples:
        >>> layer = ApproxLSTM(3, 4, num_layers=2, bidirectional=True)
        >>> y, (h, c) = layer(torch.randn(5, 2, 3))
        >>> y.shape, h.shape
        (torch.Size([5, 2, 8]), torch.Size([4, 2, 4]))
    """

    _FLOAT = nn.LSTM


class ApproxGRU(ApproxRecurrent):
    """`torch.nn.GRU` on approximate multipliers; see `ApproxRecurrent`.

    Examples:
        >>> y, h = ApproxGRU(3, 4, batch_first=True)(torch.randn(2, 5, 3))
        >>> y.shape, h.shape
        (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    _FLOAT = nn.GRU


class ApproxRNN(ApproxRecurrent):
    """`torch.nn.RNN` on approximate multipliers; see `ApproxRecurrent`.

    Examples:
        >>> y, h = ApproxRNN(3, 4, nonlinearity="relu")(torch.randn(5, 3))
        >>> y.shape, h.shape
        (torch.Size([5, 4]), torch.Size([1, 4]))
    """

    _FLOAT = nn.RNN
