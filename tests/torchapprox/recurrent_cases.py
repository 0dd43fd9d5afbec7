"""Random recurrent layers, checked product by product and gate by gate."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from multipliers import Multiplier, exact_products
from tests.torchapprox import product_oracle as oracle
from tests.torchapprox.attention_cases import assert_close
from tests.torchapprox.configurations import Configuration
from tests.torchapprox.product_cases import Products
from torchapprox.layers import (
    ApproxGRU,
    ApproxGRUCell,
    ApproxLSTM,
    ApproxLSTMCell,
    ApproxRNN,
    ApproxRNNCell,
)

KINDS = {
    "LSTM": (nn.LSTM, ApproxLSTM, {}, 4, oracle.lstm_gates),
    "LSTM with projection": (nn.LSTM, ApproxLSTM, {"proj_size": 1}, 4, oracle.lstm_gates),
    "GRU": (nn.GRU, ApproxGRU, {}, 3, oracle.gru_gates),
    "RNN": (nn.RNN, ApproxRNN, {}, 1, oracle.tanh_gate),
    "RNN, relu": (nn.RNN, ApproxRNN, {"nonlinearity": "relu"}, 1, oracle.relu_gate),
}
CELLS = {
    "LSTMCell": (nn.LSTMCell, ApproxLSTMCell, {}, 4, oracle.lstm_gates),
    "GRUCell": (nn.GRUCell, ApproxGRUCell, {}, 3, oracle.gru_gates),
    "RNNCell": (nn.RNNCell, ApproxRNNCell, {}, 1, oracle.tanh_gate),
    "RNNCell, relu": (nn.RNNCell, ApproxRNNCell, {"nonlinearity": "relu"}, 1, oracle.relu_gate),
}


def configured(seed, any_scale):
    """Products whose sums keep most gates between their ends."""
    configuration = Configuration(seed)
    ports = configuration.multiplier.x_port.signed, configuration.multiplier.w_port.signed
    noise = torch.randint(-300, 200, (256, 256), generator=torch.Generator().manual_seed(seed))
    configuration.multiplier = Multiplier.from_lut(
        (exact_products(*ports) // 16 + noise.numpy()).astype("int32"),
        x_signed=ports[0], w_signed=ports[1],
    )  # fmt: skip
    products = Products(configuration, any_scale=any_scale)
    products.accumulator = None if configuration.source.random() < 0.7 else products.accumulator
    return configuration, products


def step(gates, count, from_input, from_hidden, state):
    """The new state of one sequence; ``state`` holds one list of neurons for h, and for c.

    A projected h has fewer neurons than gates, which then do not read it.
    """
    size = len(from_input) // count
    neurons = [
        gates(
            from_input[j::size], from_hidden[j::size], *(dict(enumerate(p)).get(j) for p in state)
        )
        for j in range(size)
    ]
    return [list(part) for part in zip(*neurons, strict=True)]


def layer(kind, seed):
    float_type, approx_type, options, count, gates = KINDS[kind]
    # Both directions read the same numbers, so that only one may have a scale at which float
    # division blurs where a tie is.
    configuration, products = configured(seed, ("ih_l0",))
    source = configuration.source
    features, size = source.randint(1, 4), source.randint(2, 4)
    options = options | {
        "num_layers": source.choice([1, 1, 2]), "bidirectional": source.choice([False, True]),
        "bias": source.choice([False, True]), "batch_first": source.choice([False, True]),
    }  # fmt: skip
    float_layer = float_type(features, size, **options, dtype=torch.float64)
    module = products.install(approx_type.from_float(float_layer, products.qconfig))
    form = source.choice(["batch", "one", "packed"])
    lengths = [source.randint(1, 4) for _ in range(1 if form == "one" else source.randint(1, 3))]
    lengths = lengths if form == "packed" else [lengths[0]] * len(lengths)
    xs = [configuration.reals(products["ih_l0"].x, (n, features)).double() for n in lengths]
    initial = random_state(source, float_layer, len(lengths))
    given = None
    if source.random() < 0.5:
        given = tuple(part[:, 0] if form == "one" else part for part in initial)
        given = given if len(given) == 2 else given[0]
    else:
        initial = tuple(torch.zeros_like(part) for part in initial)

    outputs, last = run(module, form, xs, given)

    inputs = [x.tolist() for x in xs]
    ends, both = [], []
    for number in range(len(initial[0])):
        direction = number % 2 if options["bidirectional"] else 0
        suffix = f"_l{number // 2 if options['bidirectional'] else number}"
        suffix += "_reverse" if direction else ""
        start = [[part[number, b].tolist() for part in initial] for b in range(len(xs))]
        hidden, end = check_direction(products, suffix, inputs, start, direction == 1, count, gates)
        ends.append(end)
        both = hidden if direction == 0 else [
            [a + b for a, b in zip(*steps, strict=True)]
            for steps in zip(both, hidden, strict=True)
        ]  # fmt: skip
        if direction == options["bidirectional"]:
            inputs = both
    for output, wanted in zip(outputs, inputs, strict=True):
        assert_close(output, wanted, 1e-6)
    for part, values in enumerate(last):
        wanted = [[end[b][part] for b in range(len(xs))] for end in ends]
        assert_close(values, wanted, 1e-6)


def random_state(source, float_layer, batch):
    number = float_layer.num_layers * (2 if float_layer.bidirectional else 1)
    sizes = [float_layer.proj_size or float_layer.hidden_size]
    sizes += [float_layer.hidden_size] if isinstance(float_layer, nn.LSTM) else []
    return tuple(
        torch.tensor(
            [source.uniform(-1, 1) for _ in range(number * batch * size)], dtype=torch.float64
        ).view(number, batch, size)
        for size in sizes
    )


def run(module, form, xs, state):
    """Return each sequence's outputs, and the last state as `(number, B, size)` tensors."""
    if form == "packed":
        output, last = module(pack_sequence(xs, enforce_sorted=False), state)
        outputs = unpack_sequence(output)
    elif form == "one":
        output, last = module(xs[0], state)
        outputs = [output]
    else:
        axis = 0 if module.batch_first else 1
        output, last = module(torch.stack(xs, axis), state)
        outputs = output.unbind(axis)
    last = last if isinstance(last, tuple) else (last,)
    return outputs, [part[:, None] if form == "one" else part for part in last]


def check_direction(products, suffix, inputs, state, reverse, count, gates):
    """Check one direction of one layer; return h by sequence and step, and the last states."""
    order = sorted(range(len(inputs)), key=lambda b: -len(inputs[b]))  # stable, as packing is
    steps = len(inputs[order[0]])
    active = [[b for b in order if len(inputs[b]) > t] for t in range(steps)]
    x, from_input = products.check_linear(f"ih{suffix}", 0)
    assert_close(x, [inputs[b][t] for t in range(steps) for b in active[t]], 1e-6)
    rows = iter(from_input.tolist())
    pre = {(b, t): next(rows) for t in range(steps) for b in active[t]}
    state = list(state)
    hidden = [[None] * len(sequence) for sequence in inputs]
    for call, t in enumerate(reversed(range(steps)) if reverse else range(steps)):
        h, from_hidden = products.check_linear(f"hh{suffix}", call)
        assert_close(h, [state[b][0] for b in active[t]], 1e-6)
        for b, row in zip(active[t], from_hidden.tolist(), strict=True):
            state[b] = step(gates, count, pre[b, t], row, state[b])
        if f"hr{suffix}" in products.by_name:
            h, projected = products.check_linear(f"hr{suffix}", call)
            assert_close(h, [state[b][0] for b in active[t]], 1e-6)
            for b, row in zip(active[t], projected.tolist(), strict=True):
                state[b] = [row, *state[b][1:]]
        for b in active[t]:
            hidden[b][t] = state[b][0]
    return hidden, state


def cell(kind, seed):
    float_type, approx_type, options, count, gates = CELLS[kind]
    configuration, products = configured(seed, ("ih",))
    source = configuration.source
    features, size, batch = source.randint(1, 4), source.randint(2, 4), source.choice([(), (3,)])
    float_cell = float_type(
        features, size, source.choice([False, True]), **options, dtype=torch.float64
    )
    module = products.install(approx_type.from_float(float_cell, products.qconfig))
    x = configuration.reals(products["ih"].x, (*batch, features)).double()
    state = torch.tensor(
        [source.uniform(-1, 1) for _ in range(2 * (batch or (1,))[0] * size)], dtype=torch.float64
    ).view(2, *batch, size)
    state = tuple(state) if count == 4 else (state[0],)
    given = source.random() < 0.5
    state = state if given else tuple(torch.zeros_like(part) for part in state)

    new = module(x, (state if count == 4 else state[0]) if given else None)

    seen, from_input = products.check_linear("ih", 0)
    h, from_hidden = products.check_linear("hh", 0)
    assert torch.equal(seen, x)
    assert torch.equal(h, state[0])
    wanted = [
        step(gates, count, a, b, parts)
        for a, b, *parts in zip(
            from_input.view(-1, count * size).tolist(),
            from_hidden.view(-1, count * size).tolist(),
            *(part.view(-1, size).tolist() for part in state),
            strict=True,
        )
    ]
    for part, values in enumerate(new if isinstance(new, tuple) else (new,)):
        assert_close(values, [sequence[part] for sequence in wanted])
