"""Exported networks compute what the approximate ones do, in PyTorch and in ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.torch_version import TorchVersion

from analysis.workloads.digits_models import digits_transformer
from htp import RankError
from multipliers import get
from tests.torchapprox.builders import (
    converted_cnn,
    images,
    minmax_qconfig,
    random_multiplier,
    small_cnn,
)
from torchapprox import (
    Accumulator,
    InferenceMode,
    approximate,
    fold_mean_error,
    get_approx_modules,
)
from torchapprox.export import export_onnx, plain_model
from torchapprox.export.onnx import OLDEST_DYNAMO
from torchapprox.layers import Matmul
from torchapprox.quantisation.torch_ao import enable_observer

# The tracing exporter says of itself that another one follows, and of values that it makes them
# constants, which they are meant to be.
pytestmark = [
    pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Constant folding"),
    # What the newer exporter calls of PyTorch's own.
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec:FutureWarning"),
]
QCONFIGS = {
    "per tensor": minmax_qconfig(),
    "per channel, affine": minmax_qconfig(per_channel=True, w_affine=True),
    "signed activations": minmax_qconfig((-128, 127)),
}
SIGNED = get("mul8s_bam_h0_v8")


def run_in_onnx(model, example, path, *, dynamo=False, **inputs):
    """Export with a batch of any size; return the file's graph and outputs for inputs."""
    sizes = (
        {"dynamo": True, "verbose": False, "dynamic_shapes": ({0: torch.export.Dim("B")},)}
        if dynamo
        else {"dynamic_axes": {"x": {0: "B"}, "y": {0: "B"}}}
    )
    export_onnx(model, example, path, input_names=["x"], output_names=["y"], **sizes)
    options = onnxruntime.SessionOptions()
    # Without it, sums saturate at 16 bits on CPUs without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    arrays = {name: value.numpy() for name, value in inputs.items()}
    return onnx.load(path).graph, session.run(["y"], arrays)[0]


def operators(graph):
    return {node.op_type for node in graph.node}


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
def test_approximate_networks_give_the_same_in_onnx_runtime(qconfig, tmp_path):
    model = converted_cnn(SIGNED, qconfig=qconfig).eval()
    assert torch.equal(plain_model(model)(images(5)), model(images(5)))
    fold_mean_error(model, [images(8)])
    graph, y = run_in_onnx(model, images(2), tmp_path / "model.onnx", x=images(5))
    assert {"Gather", "MatMul", "Conv"} <= operators(graph)
    assert "QuantizeLinear" not in operators(graph)
    np.testing.assert_allclose(y, model(images(5)).detach(), rtol=1e-6, atol=1e-6)


newer_exporter = pytest.mark.skipif(
    torch.__version__ < OLDEST_DYNAMO, reason=f"needs PyTorch {OLDEST_DYNAMO}"
)


@newer_exporter
def test_the_newer_exporter_gives_the_same_for_batches_of_any_size(tmp_path):
    model = converted_cnn(SIGNED, qconfig=QCONFIGS["per channel, affine"]).eval()
    graph, y = run_in_onnx(model, images(2), tmp_path / "model.onnx", dynamo=True, x=images(5))
    assert {"Gather", "MatMul", "Conv"} <= operators(graph)
    np.testing.assert_allclose(y, model(images(5)).detach(), rtol=1e-6, atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]


@newer_exporter
def test_the_newer_exporter_writes_weights_beside_the_file_if_asked(tmp_path):
    torch.manual_seed(0)
    model, x, path = (
        nn.Sequential(nn.Linear(64, 32)).eval(),
        torch.randn(3, 64),
        tmp_path / "model.onnx",
    )
    approximate(model, SIGNED, calibration=[x])
    export_onnx(model, x, path, dynamo=True, verbose=False, external_data=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    np.testing.assert_allclose(y, model(x).detach(), rtol=1e-6, atol=1e-6)


def test_older_pytorch_has_no_newer_exporter(tmp_path, monkeypatch):
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.6.0+cpu"))
    with pytest.raises(NotImplementedError, match=r"PyTorch 2\.9 or newer, got 2\.6\.0\+cpu"):
        export_onnx(converted_cnn(SIGNED), images(2), tmp_path / "model.onnx", dynamo=True)
    assert not list(tmp_path.iterdir())


@newer_exporter
def test_the_newer_exporter_refuses_quantised_layers(tmp_path):
    model = converted_cnn(mode=InferenceMode.QUANTIZED)
    with pytest.raises(NotImplementedError, match=r"layer '0' is in QUANTIZED mode.*dynamo=True"):
        export_onnx(model, images(2), tmp_path / "model.onnx", dynamo=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("qconfig", QCONFIGS.values(), ids=QCONFIGS)
def test_quantised_networks_become_qdq(qconfig, tmp_path):
    model = converted_cnn(mode=InferenceMode.QUANTIZED, qconfig=qconfig).eval()
    assert torch.equal(plain_model(model)(images(5)), model(images(5)))
    graph, y = run_in_onnx(model, images(2), tmp_path / "model.onnx", x=images(5))
    assert {"QuantizeLinear", "DequantizeLinear"} <= operators(graph)
    # Where a quotient is a tie but for float32, ONNX Runtime's division may round the other way.
    steps = [quantiser.scale.max() for quantiser in quantisers_of(model)]
    assert np.abs(y - model(images(5)).detach().numpy()).max() < float(max(steps))


def quantisers_of(model):
    return [module for module in model.modules() if hasattr(module, "activation_post_process")
            and hasattr(module, "scale")]  # fmt: skip


@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE])
def test_products_of_activations_and_other_layers(mode, tmp_path):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv1d(2, 4, 3, stride=2, padding=1, padding_mode="circular", groups=2)
            self.linear, self.product = nn.Linear(4, 4), Matmul()

        def forward(self, x):
            y = self.linear(self.conv(x).transpose(1, 2))
            return self.product(y, y.transpose(1, 2))

    torch.manual_seed(0)
    model, x = Network(), torch.randn(6, 2, 8)
    qconfig = minmax_qconfig((-128, 127))
    approximate(model.eval(), SIGNED, calibration=[x], qconfig=qconfig, mode=mode)
    assert torch.equal(plain_model(model)(x), model(x))
    _, y = run_in_onnx(model, x[:2], tmp_path / "model.onnx", x=x)
    # As above, ONNX Runtime's division may round a tie of QuantizeLinear the other way.
    off = 1e-6 if mode is InferenceMode.APPROXIMATE else 0.03
    np.testing.assert_allclose(y, model(x).detach(), rtol=1e-6, atol=off)


def test_a_vision_transformer(tmp_path):
    model, x = digits_transformer().eval(), torch.rand(4, 1, 8, 8)
    approximate(model, SIGNED, calibration=[x])
    assert torch.equal(plain_model(model)(x), model(x))
    graph, y = run_in_onnx(model, x, tmp_path / "model.onnx", x=x)
    assert {"Gather", "MatMul"} <= operators(graph)
    np.testing.assert_allclose(y, model(x).detach(), rtol=1e-3, atol=1e-3)


def test_sums_beyond_float32_are_exact():
    """Large entries leave few products to float32: channels are summed in parts."""
    source = np.random.default_rng(0)
    table = source.integers(-190, 190, (256, 2)) @ source.integers(-190, 190, (2, 256))
    model = nn.Sequential(nn.Conv2d(64, 3, 3), nn.Flatten(), nn.Linear(3 * 4, 2))
    x = torch.randn(2, 64, 4, 4)
    approximate(model.eval(), calibration=[x], qconfig=minmax_qconfig((-128, 127)))
    for _, layer in get_approx_modules(model):
        layer.lut = table.astype(np.int32)
    plain = plain_model(model)
    assert plain[0].channels_at_once < 64
    assert torch.equal(plain(x), model(x))


@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE])
def test_torch_export(mode):
    model = converted_cnn(SIGNED, mode=mode).eval()
    program = torch.export.export(plain_model(model), (images(4),))
    assert torch.equal(program.module()(images(4)), model(images(4)))


def test_the_model_stays_as_it_is():
    model = converted_cnn(SIGNED)
    before = model(images())
    plain = plain_model(model)
    plain[0].bias.fill_(5)
    assert torch.equal(model(images()), before)
    assert not get_approx_modules(plain)


def test_what_is_refused():
    with pytest.raises(RuntimeError, match=r"quantiser '0\.quant_stub.* must be frozen and on"):
        plain_model(converted_cnn(SIGNED).apply(enable_observer))
    with pytest.raises(NotImplementedError, match=r"layer '0\.wrapped' is in NOISE mode"):
        plain_model(converted_cnn(SIGNED, mode=InferenceMode.NOISE))
    with pytest.raises(NotImplementedError, match="has an accumulator or an HTP model"):
        plain_model(converted_cnn(SIGNED, accumulator=Accumulator(20)))
    with pytest.raises(RankError, match="must have a rank of at most 64"):
        plain_model(converted_cnn(random_multiplier()))
    transposed = nn.Sequential(nn.ConvTranspose1d(2, 2, 3))
    approximate(transposed, SIGNED, calibration=[torch.randn(2, 2, 5)])
    with pytest.raises(NotImplementedError, match=r"'0.wrapped' \(ApproxConvTranspose1d\) has no"):
        plain_model(transposed)


def test_float_networks_pass_unchanged():
    model = small_cnn().eval()
    assert torch.equal(plain_model(model)(images()), model(images()))
