"""The histogram observer has the counts, the ranges and the state of torch.ao's, bit by bit."""

import copy
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torchapprox.quantisation import torch_ao
from torchapprox.quantisation.histogram_observer import _FEW, HistogramObserver

MANY = 3 * _FEW
SEEN = torch.linspace(-3, 1, MANY)


def values_of(kind, generator, size):
    normal = torch.randn(size, generator=generator)
    ones = (normal > 0.3).float()
    return {
        "normal": normal + 0.2,
        "after ReLU": normal.relu(),
        "heavy tails": normal / torch.rand(size, generator=generator).clamp(min=1e-3),
        "uniform": torch.rand(size, generator=generator) - 0.3,
        "two values": ones,
        "integers": (3 * normal).round(),
        "a far one": torch.cat([normal, torch.tensor([1e4])]),
        "tiny": normal * 1e-9,
        "huge": normal * 1e9,
        "mostly zeros": torch.where(normal.abs() > 3, normal, torch.tensor(0.0)),
        "negative": -normal.abs() - 1,
    }[kind]


KINDS = (
    "normal", "after ReLU", "heavy tails", "uniform", "two values", "integers", "a far one",
    "tiny", "huge", "mostly zeros", "negative",
)  # fmt: skip


def assert_same(batches, **options):
    """Show both observers the batches, and compare all that they say after each."""
    options = {"quant_min": 0, "quant_max": 127, **options}
    ours, theirs = HistogramObserver(**options), torch_ao.HistogramObserver(**options)
    for batch in batches:
        assert ours(batch) is batch
        theirs(batch)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        for name, wanted in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], wanted), name
            assert ours.state_dict()[name].dtype == wanted.dtype
        for found, wanted in zip(ours.calculate_qparams(), theirs.calculate_qparams(), strict=True):
            assert torch.equal(found, wanted)


@pytest.mark.parametrize("size", [40, MANY])
@pytest.mark.parametrize("kind", KINDS)
def test_batch_after_batch(kind, size):
    generator = torch.Generator().manual_seed(size)
    batches = [values_of(kind, generator, size) * factor for factor in (1, 1.7)]
    assert_same([*batches, batches[0]])


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
    size=st.integers(_FEW - 10, MANY),
    symmetric=st.booleans(),
    bins=st.sampled_from([2, 64, 2048]),
)
def test_any_batches(seed, kinds, size, symmetric, bins):
    generator = torch.Generator().manual_seed(seed)
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    assert_same(
        [values_of(kind, generator, size) for kind in kinds],
        bins=bins, qscheme=scheme, dtype=torch.qint8, quant_min=-128, quant_max=127,
    )  # fmt: skip


def with_one(odd):
    values = torch.linspace(-1, 2, MANY)
    values[5] = odd
    return values


ODD = {
    "constant": torch.full((MANY,), -2.5),
    "empty": torch.zeros(0, 3),
    "infinite": with_one(torch.inf),
    "not a number": with_one(torch.nan),
    "too wide": torch.linspace(-3e38, 3e38, MANY)[1:],
    "doubles": torch.linspace(-1, 2, MANY, dtype=torch.float64),
    "halves": torch.linspace(-1, 2, MANY).bfloat16(),
    "transposed": torch.linspace(-1, 2, MANY).reshape(3, -1).T,
    "expanded": torch.linspace(-1, 2, 7).expand(MANY, 7),
    "learned": torch.linspace(-1, 2, MANY).requires_grad_(),
}


def outcome(observer, batches):
    """Return as text what an observer warns of and says after each batch, up to an error."""
    said = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            for x in batches:
                observer(x)
                said.append((observer.calculate_qparams(), str(observer.state_dict())))
        except RuntimeError as error:
            said.append(str(error))
    return str([said, [str(warning.message) for warning in warned]])


@pytest.mark.parametrize("kind", ODD)
def test_odd_values_are_treated_alike(kind):
    for batches in ([ODD[kind], SEEN], [SEEN, ODD[kind]]):
        wanted = outcome(torch_ao.HistogramObserver(), batches)
        assert outcome(HistogramObserver(), batches) == wanted


def test_a_bin_counts_further_than_24_bits():
    zeros = torch.zeros(2**24 + 2**10)
    zeros[:2] = torch.tensor([-1.0, 1.0])
    observer = HistogramObserver()
    observer(zeros)
    assert observer.histogram.max().item() == len(zeros) - 2 + (len(zeros) % 2)


def test_copies_go_on_by_themselves():
    observer = HistogramObserver()
    observer(torch.linspace(-1, 2, MANY))
    before = observer.histogram.clone()
    twin = copy.deepcopy(observer)
    twin(torch.linspace(-4, 9, MANY))
    assert torch.equal(observer.histogram, before)
    assert not torch.equal(twin.histogram, before)
    assert (observer.max_val.item(), twin.max_val.item()) == (2, 9)


def test_observing_is_compiled_with_the_network():
    torch._dynamo.reset()
    fake_quantize = torch_ao.FakeQuantize(observer=HistogramObserver, quant_min=0, quant_max=127)
    plain, values = copy.deepcopy(fake_quantize), torch.linspace(-1, 2, MANY)
    compiled = torch.compile(fake_quantize, backend="eager")
    for factor in (1, 2):
        assert torch.equal(compiled(factor * values), plain(factor * values))
    assert torch.equal(fake_quantize.activation_post_process.histogram,
                       plain.activation_post_process.histogram)  # fmt: skip
