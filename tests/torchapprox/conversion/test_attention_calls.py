"""Attention that modules call as a function, on multipliers."""

import copy
import pickle
import threading

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from tests.torchapprox.builders import minmax_qconfig, random_multiplier
from torchapprox import approximate, coverage, get_approx_modules, revert, wrap_attention_calls
from torchapprox.export import plain_model
from torchapprox.layers import ScaledDotProductAttention

WIDTH, HEADS = 8, 2
TOKENS = torch.randn(3, 5, WIDTH, generator=torch.Generator().manual_seed(1))


class Attention(nn.Module):
    """Multi-head attention as model libraries write it."""

    def __init__(self, products=F.scaled_dot_product_attention):
        super().__init__()
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.products = products

    def forward(self, x, y=None):
        y = x if y is None else y
        q, k, v = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in (*self.qkv(x).chunk(3, -1)[:1], *self.qkv(y).chunk(3, -1)[1:])
        )
        return self.out(self.products(q, k, v, is_causal=True).transpose(1, 2).flatten(2))


class TwoCalls(nn.Module):
    """A module that calls the function itself, before and after one that does."""

    def __init__(self, *products):
        super().__init__()
        self.inner = Attention(products[1])
        self.first, self.last = products[0], products[2]
        self.again = False

    def forward(self, x):
        x = self.inner(self.first(x, x, x) + x)
        x = self.last(x, 2 * x, x, scale=0.5)
        return self.last(x, x, x) if self.again else x


def network(functions=True):
    def make():
        return F.scaled_dot_product_attention if functions else ScaledDotProductAttention()

    torch.manual_seed(0)
    encoder = nn.TransformerEncoderLayer(WIDTH, HEADS, 16, batch_first=True, dropout=0)
    return nn.Sequential(Attention(make()), TwoCalls(make(), make(), make()), encoder).eval()


def converted(multiplier=None, **options):
    model = network(**options)
    if options.get("functions", True):
        wrap_attention_calls(model, TOKENS)
    multiplier = multiplier or random_multiplier()
    approximate(model, multiplier, calibration=[TOKENS], qconfig=minmax_qconfig())
    return model.eval()


def test_every_call_belongs_to_the_module_that_makes_it():
    model = network()
    before = model(TOKENS)
    # The encoder's attention calls the function, too, and is converted as a whole.
    assert wrap_attention_calls(model, TOKENS) == ("0", "1", "1.inner")
    assert [len(model[1].attention_calls), len(model[1].inner.attention_calls)] == [2, 1]
    assert torch.equal(model(TOKENS), before)
    assert wrap_attention_calls(model, TOKENS) == ()
    assert torch.equal(model(TOKENS), before)


def test_the_products_are_those_of_attention_as_a_module():
    by_call, by_module = converted(), converted(functions=False)
    assert len(get_approx_modules(by_call)) == len(get_approx_modules(by_module))
    assert torch.equal(by_call(TOKENS), by_module(TOKENS))
    report = coverage(by_call, TOKENS)
    assert report.share == 1
    assert {"1.attention_calls.1.av", "1.inner.attention_calls.0.qk"} <= {
        row.name for row in report.rows
    }
    names = dict(get_approx_modules(by_call))
    with torch.no_grad():
        names["1.attention_calls.1.qk"].multiplier = None
    assert not torch.equal(by_call(TOKENS), by_module(TOKENS))


def test_gradients_are_those_of_attention_as_a_module():
    found = []
    for functions in (True, False):
        model, x = converted(functions=functions).train(), TOKENS.clone().requires_grad_()
        (checkpoint(model, x, use_reentrant=False) if functions else model(x)).sum().backward()
        found.append([x.grad, *(p.grad for p in model.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_the_way_back_computes_what_the_float_model_did():
    model, wanted = network(), network()(TOKENS)
    wrap_attention_calls(model, TOKENS)
    approximate(model, random_multiplier(), calibration=[TOKENS])
    revert(model)
    assert torch.equal(model(TOKENS), wanted)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_products_of_their_own(copied):
    model = converted()
    twin, wanted = copied(model), model(TOKENS)
    for _, layer in get_approx_modules(twin):
        layer.multiplier = random_multiplier(5)
    assert torch.equal(model(TOKENS), wanted)
    assert not torch.equal(twin(TOKENS), wanted)


def test_threads_do_not_take_each_others_calls():
    model = converted()
    inputs = [TOKENS * (1 + i) for i in range(8)]
    with torch.no_grad():
        wanted = [model(x) for x in inputs]
    found = [None] * len(inputs)

    def run(i):
        with torch.no_grad():
            found[i] = model(inputs[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("name", ["1.inner", pytest.param("1", marks=pytest.mark.nightly)])
def test_compiled(name):
    # Of the network what calls the function; modules of attention are compiled in their own tests.
    model = converted().get_submodule(name)
    with torch.no_grad():
        assert torch.equal(torch.compile(model, backend="eager")(TOKENS), model(TOKENS))


def test_exported():
    model = converted("mul8s_tm_k2")
    program = torch.export.export(plain_model(model), (TOKENS,), strict=False)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(TOKENS), model(TOKENS))


@pytest.mark.bad_input("attention-calls")
def test_more_calls_than_the_batch_had_are_refused_and_leave_nothing_behind():
    model = converted()
    wanted = model(TOKENS)
    model[1].again = True
    with pytest.raises(RuntimeError, match=r"more often than the 2 times of the batch"):
        model(TOKENS)
    q = torch.randn(3, 2, 5, 4)
    F.scaled_dot_product_attention(q, q, q)  # goes to no module
    model[1].again = False
    assert torch.equal(model(TOKENS), wanted)


@pytest.mark.bad_input("attention-calls")
def test_a_model_without_calls_is_refused():
    with pytest.raises(ValueError, match=r"'model' must call .* torchapprox\.coverage"):
        wrap_attention_calls(nn.Sequential(nn.Linear(WIDTH, 2)), TOKENS)
    with pytest.raises(TypeError, match="'model' must be"):
        wrap_attention_calls(None, TOKENS)
