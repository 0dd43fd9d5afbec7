"""Training loops as people write them: AMP, compiled operators, processes, checkpointing."""

import copy
import io
import os

import numpy as np
import pytest
import torch
from torch import multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import Accumulator, InferenceMode, calibrate, get_approx_modules
from torchapprox.gradients import (
    ApproximateBackward,
    GradientTables,
    Regression,
    StraightThrough,
    WindowDifference,
)
from torchapprox.operators import (
    ApproxConvOp,
    ApproxGeMM,
    QuantizationParameters,
    approx_matmul,
)
from torchapprox.operators.convolution.conv_args import Conv2dArgs
from torchapprox.operators.gradients import ApproximateProductGradient, TableGradient
from torchapprox.quantisation.torch_ao import (
    FakeQuantize,
    disable_fake_quant,
    disable_observer,
    enable_fake_quant,
    enable_observer,
)

MULTIPLIER = random_multiplier(2, limit=2**9)
ESTIMATORS = (StraightThrough(), Regression(), WindowDifference(4), ApproximateBackward())


def gradients(model, x):
    model.zero_grad()
    y = model(x)
    y.float().square().mean().backward()
    return [y.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


# -- AMP ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_autocast_changes_neither_integers_nor_gradients(estimator):
    """The layers run in float32 under autocast: bfloat16 cannot hold 256 codes."""
    model = converted_cnn(MULTIPLIER, gradient=estimator)
    plain = gradients(model, images())
    with torch.autocast("cpu", torch.bfloat16):
        mixed = gradients(model, images())
    for got, wanted in zip(mixed, plain, strict=True):
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, wanted)


def test_a_step_with_a_gradient_scaler():
    model = converted_cnn(MULTIPLIER)
    optimiser, scaler = torch.optim.SGD(model.parameters(), 1e-6), torch.amp.GradScaler("cpu")
    before = copy.deepcopy(model.state_dict())
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(images()).square().mean()
    scaler.scale(loss).backward()
    scaler.step(optimiser)
    scaler.update()
    assert not torch.equal(model[0].wrapped.weight, before["0.wrapped.weight"])
    assert bool(torch.isfinite(model[0].wrapped.weight).all())


# -- compiled operators ---------------------------------------------------------------------------


def parameters(w_zero_point=3):
    return QuantizationParameters(
        torch.tensor([0.05]), torch.tensor([4]), torch.tensor([0.03]), torch.tensor([w_zero_point]),
        (-128, 127), (-128, 127), (-128, 127), (-128, 127),
    )  # fmt: skip


PRODUCTS = {
    "linear": ((6, 5), (4, 5)),
    "convolution": ((2, 3, 6, 5), (4, 3, 2, 3)),
    "matmul": ((2, 4, 5), (2, 5, 3)),
}
GRADIENTS = {
    "straight-through": lambda: None,
    "tables": lambda: TableGradient.of(
        WindowDifference(4).tables(random_multiplier(2, limit=2**9)), torch.device("cpu")
    ),
    "low rank": lambda: TableGradient.of(Regression().tables(MULTIPLIER), torch.device("cpu")),
    "on the multiplier": lambda: ApproximateProductGradient(
        torch.tensor(MULTIPLIER.lut), (int(MULTIPLIER.lut.min()), int(MULTIPLIER.lut.max()))
    ),
}

# On every commit each product and each gradient; all pairs are many seconds of compiling.
COMPILED = [
    pytest.param(
        product,
        gradient,
        marks=() if gradient == "tables" or product == "linear" else pytest.mark.nightly,
    )
    for product in PRODUCTS
    for gradient in GRADIENTS
]


@pytest.mark.filterwarnings("ignore:<class 'torch.autograd.function.Function'> should not be")
@pytest.mark.parametrize(("product", "gradient"), COMPILED)
def test_operators_compile_without_a_graph_break(product, gradient):
    torch._dynamo.reset()
    lut, how = torch.tensor(MULTIPLIER.lut), GRADIENTS[gradient]()
    bounds, params = (int(lut.min()), int(lut.max())), parameters()

    def loss(x, w):
        if product == "linear":
            y = ApproxGeMM.apply(x, w, lut, params, None, None, bounds, None, "lookup", how)
        elif product == "convolution":
            args = Conv2dArgs(3, 4, (2, 3), (2, 1), 1, 1, 1)
            y = ApproxConvOp.apply(x, w, params, args, None, lut, None, bounds, None, "lookup", how)
        else:
            y = approx_matmul(
                x, w, params, lut=lut, lut_range=bounds, engine="lookup", gradient=how
            )
        return y.square().mean()

    x_shape, w_shape = PRODUCTS[product]
    generator = torch.Generator().manual_seed(1)
    results = []
    for function in (loss, torch.compile(loss, backend="aot_eager", fullgraph=True)):
        generator.manual_seed(1)
        x = torch.randn(x_shape, generator=generator).requires_grad_()
        w = torch.randn(w_shape, generator=generator).requires_grad_()
        value = function(x, w)
        value.backward()
        results.append((value.detach(), x.grad, w.grad))
    for got, wanted in zip(*results, strict=True):
        torch.testing.assert_close(got, wanted)


# -- activation checkpointing and processes -------------------------------------------------------


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_activation_checkpointing_changes_nothing(estimator):
    model = converted_cnn(MULTIPLIER, gradient=estimator)

    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return model[3:](checkpoint(model[:3], x, use_reentrant=False))

    expected = gradients(model, images())
    for got, wanted in zip(gradients(Checkpointed(), images()), expected, strict=True):
        torch.testing.assert_close(got, wanted)


def one_process(rank, port, queue):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    model = converted_cnn(MULTIPLIER, gradient=Regression())
    parallel = DistributedDataParallel(model)
    optimiser = torch.optim.SGD(parallel.parameters(), 1e-6)
    for _ in range(2):
        optimiser.zero_grad()
        parallel(images(4)[2 * rank : 2 * rank + 2]).square().mean().backward()
        optimiser.step()
    queue.put((rank, [parameter.detach().numpy() for parameter in model.parameters()]))
    torch.distributed.destroy_process_group()


def test_two_processes_train_as_one(unused_port):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [
        # None of them outlives a test that fails.
        context.Process(target=one_process, args=(rank, unused_port, queue), daemon=True)
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    found = dict(queue.get(timeout=240) for _ in processes)
    for process in processes:
        process.join(60)
    model = converted_cnn(MULTIPLIER, gradient=Regression())
    optimiser = torch.optim.SGD(model.parameters(), 1e-6)
    for _ in range(2):
        optimiser.zero_grad()
        model(images(4)).square().mean().backward()
        optimiser.step()
    for one, other, alone in zip(found[0], found[1], model.parameters(), strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, alone.detach().numpy(), rtol=1e-5, atol=1e-7)


# -- quantisers and checkpoints -------------------------------------------------------------------


def quantisers(model):
    return [module for module in model.modules() if isinstance(module, FakeQuantize)]


def scales(model):
    return [quantiser.scale.clone() for quantiser in quantisers(model)]


@pytest.mark.parametrize("mode", list(InferenceMode))
def test_quantisers_freeze_learn_and_calibrate_again(mode):
    model = converted_cnn(MULTIPLIER, mode=mode)
    frozen = scales(model)
    model(10 * images())
    assert all(map(torch.equal, scales(model), frozen))
    model.apply(enable_observer)
    model(10 * images())
    learned = scales(model)
    assert float(learned[0]) > 2 * float(frozen[0])
    model.apply(disable_observer)
    model(100 * images())
    assert all(map(torch.equal, scales(model), learned))
    calibrate(model, [100 * images()])
    assert float(scales(model)[0]) > 2 * float(learned[0])
    assert all(int(quantiser.observer_enabled) == 0 for quantiser in quantisers(model))


def test_quantisers_switched_off_leave_the_float_layer_in_quantised_mode():
    model = converted_cnn(MULTIPLIER, mode=InferenceMode.QUANTIZED)
    quantised = model(images())
    model.apply(disable_fake_quant)
    from tests.torchapprox.builders import small_cnn

    torch.testing.assert_close(model(images()), small_cnn()(images()))
    model.apply(enable_fake_quant)
    assert torch.equal(model(images()), quantised)


STATES = {
    "quantised": {"mode": InferenceMode.QUANTIZED},
    "approximate": {"mode": InferenceMode.APPROXIMATE},
    "noise": {"mode": InferenceMode.NOISE},
    "accumulator": {"accumulator": Accumulator(20, "saturate")},
    "tables": {"gradient": GradientTables(by_x=np.eye(256), by_w=np.ones((256, 256)))},
    "difference": {"gradient": WindowDifference(3)},
    "backward": {"gradient": ApproximateBackward()},
}


# Every kind is written, and read into another one.
PAIRS = list(zip(STATES, [*list(STATES)[1:], *list(STATES)[:1]], strict=True))
PAIRS += [(after, before) for before, after in PAIRS]


@pytest.mark.parametrize(("before", "after"), PAIRS)
@pytest.mark.bad_input("other-state")
def test_a_checkpoint_of_one_mode_loads_in_another(before, after):
    source = converted_cnn(MULTIPLIER if before != "quantised" else None, **STATES[before])
    file = io.BytesIO()
    torch.save(source.state_dict(), file)
    file.seek(0)
    target = converted_cnn(random_multiplier(6), **STATES[after])
    target.load_state_dict(torch.load(file, weights_only=True))
    for (_, old), (_, new) in zip(
        get_approx_modules(source), get_approx_modules(target), strict=True
    ):
        assert new.inference_mode is old.inference_mode
        assert new.gradient == old.gradient
        assert new.accumulator == old.accumulator
    for got, wanted in zip(
        gradients(target.eval(), images()), gradients(source.eval(), images()), strict=True
    ):
        torch.testing.assert_close(got, wanted)
