"""One time step of the recurrent layers, from the products on: the gates, which are exact.

Each function takes the pre-activations that come from the input and from the hidden state, biases
included, and the state, and returns the new state, of which the hidden state h is the first part.
"""

from collections.abc import Callable

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Step = Callable[[Tensor, Tensor, State], State]


def lstm_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    """Return h and c of a long short-term memory.

        i, f, o = sigmoid,  g = tanh,  c' = f * c + i * g,  h' = o * tanh(c')

    Args:
        from_input: Pre-activations `(B, 4 * H)` in the order i, f, g, o.
        from_hidden: Likewise.
        state: h and c, `(B, H)`.

    References:
        `torch.nn.LSTM`, documentation.

    Examples:
        >>> h, c = lstm_step(torch.zeros(1, 4), torch.zeros(1, 4), (torch.zeros(1, 1),) * 2)
        >>> h.item(), c.item()
        (0.0, 0.0)
    """
    i, f, g, o = (from_input + from_hidden).chunk(4, dim=-1)
    c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:
    """Return h of a gated recurrent unit.

        r, z = sigmoid,  n = tanh(n_input + r * n_hidden),  h' = (1 - z) * n + z * h

    Args:
        from_input: Pre-activations `(B, 3 * H)` in the order r, z, n.
        from_hidden: Likewise.
        state: h, `(B, H)`.

    References:
        `torch.nn.GRU`, documentation.

    Examples:
        >>> gru_step(torch.zeros(1, 3), torch.zeros(1, 3), (torch.ones(1, 1),))
        (tensor([[0.5000]]),)
    """
    r_input, z_input, n_input = from_input.chunk(3, dim=-1)
    r_hidden, z_hidden, n_hidden = from_hidden.chunk(3, dim=-1)
    r, z = (r_input + r_hidden).sigmoid(), (z_input + z_hidden).sigmoid()
    n = (n_input + r * n_hidden).tanh()
    return (n + z * (state[0] - n),)


def tanh_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:  # noqa: ARG001
    """Return ``tanh(from_input + from_hidden)``, the Elman layer's h.

    Examples:
        >>> tanh_step(torch.zeros(1, 1), torch.zeros(1, 1), ())
        (tensor([[0.]]),)
    """
    return ((from_input + from_hidden).tanh(),)


def relu_step(from_input: Tensor, from_hidden: Tensor, state: State) -> State:  # noqa: ARG001
    """Return ``relu(from_input + from_hidden)``, the Elman layer's h.

    Examples:
        >>> relu_step(-torch.ones(1, 1), torch.zeros(1, 1), ())
        (tensor([[0.]]),)
    """
    return ((from_input + from_hidden).relu(),)


def run_steps(
    step: Step,
    from_input: Tensor,
    batch_sizes: list[int],
    state: State,
    *,
    hidden_product: Callable[[Tensor], Tensor],
    projection: Callable[[Tensor], Tensor] | None = None,
    reverse: bool = False,
) -> tuple[Tensor, State]:
    """Run one direction of one recurrent layer over packed sequences.

    Args:
        step: The gates.
        from_input: Pre-activations of all time steps, one after the other, `(sum(batch_sizes), F)`.
        batch_sizes: How many sequences reach each time step, not increasing.
        state: The state of every sequence before its first step, `(B, ...)` each.
        hidden_product: From h to its pre-activations.
        projection: From the gates' h to the h that goes on, or None.
        reverse: Whether to run from the last time step of every sequence to the first.

    Returns:
        h at all time steps, packed as the input, and the state of every sequence after its last
        step.

    Examples:
        >>> ones, zeros = torch.ones(3, 1), (torch.zeros(2, 1),)
        >>> h, last = run_steps(relu_step, ones, [2, 1], zeros, hidden_product=lambda h: h)
        >>> h.flatten().tolist(), last[0].flatten().tolist()
        ([1.0, 1.0, 2.0], [2.0, 1.0])
    """
    parts = torch.split(from_input, batch_sizes)
    outputs: list[Tensor] = [from_input] * len(parts)
    ended: list[State] = []
    current = tuple(part[: batch_sizes[-1]] for part in state) if reverse else state
    for time in reversed(range(len(parts))) if reverse else range(len(parts)):
        size, rows = batch_sizes[time], len(current[0])
        if size > rows:  # in reverse, sequences join at their last step
            current = tuple(
                torch.cat([part, first[rows:size]])
                for part, first in zip(current, state, strict=True)
            )
        elif size < rows:  # forwards, the shortest sequences have ended
            ended.append(tuple(part[size:] for part in current))
            current = tuple(part[:size] for part in current)
        current = step(parts[time], hidden_product(current[0]), current)
        if projection is not None:
            current = (projection(current[0]), *current[1:])
        outputs[time] = current[0]
    last = tuple(torch.cat(parts) for parts in zip(current, *reversed(ended), strict=True))
    return torch.cat(outputs), last
