"""`ApproxGeMM` as existing users call it."""

import pytest
import torch

from tests.torchapprox.builders import random_table
from torchapprox.layers.approx_layer import QuantizationParameters as LayerParameters
from torchapprox.layers.approx_layer import TracedGeMMInputs
from torchapprox.operators import QuantizationParameters
from torchapprox.operators.approxgemm import ApproxGeMM

X_SCALE, W_SCALE = torch.tensor([0.5]), torch.tensor([0.25])
Q_X = torch.tensor([[1, 127, 7], [0, 64, 3]])
Q_W = torch.tensor([[-1, 5, -128], [100, -7, 2], [3, 4, 5], [-9, 8, 7]])
X, W = X_SCALE * (Q_X - 7), W_SCALE * (Q_W + 3)
LUT = torch.from_numpy(random_table(2))


def parameters(**changes):
    fields = {
        "x_scale": X_SCALE,
        "x_zero_point": torch.tensor([7]),
        "w_scale": W_SCALE,
        "w_zero_point": torch.tensor([-3]),
        **changes,
    }
    return QuantizationParameters(**fields)


def corrected(sums, w_zero_point=-3):
    w_zero_point = torch.as_tensor(w_zero_point).view(1, -1)
    x_sums, w_sums = Q_X.sum(1, keepdim=True), Q_W.sum(1)
    return sums - w_zero_point * x_sums - 7 * w_sums + 3 * 7 * w_zero_point


def test_parameters_have_one_name_under_both_paths():
    assert LayerParameters is QuantizationParameters


def test_table():
    y = ApproxGeMM.apply(X, W, LUT, parameters(), None, None)
    sums = LUT.long()[Q_X[:, None] % 256, Q_W[None] % 256].sum(2)
    assert torch.allclose(y, X_SCALE * W_SCALE * corrected(sums), rtol=1e-6)


def test_no_table_is_the_exact_product():
    assert torch.allclose(ApproxGeMM.apply(X, W, None, parameters(), None, None), X @ W.T)


def test_htp_model_goes_before_the_table():
    def twice(base_func, x_q, w_q, kwargs):
        assert base_func is torch.nn.functional.linear
        assert kwargs == {}
        assert torch.equal(x_q.long(), Q_X)
        assert torch.equal(w_q.long(), Q_W)
        return 2 * base_func(x_q, w_q)

    y = ApproxGeMM.apply(X, W, LUT, parameters(), twice, None)
    assert torch.allclose(y, X_SCALE * W_SCALE * corrected(2 * Q_X @ Q_W.T))


def test_weights_per_channel():
    zero_points = torch.tensor([-3, 0, 5, 100])
    scales = torch.tensor([1.0, 0.5, 2.0, 0.1])
    w = scales[:, None] * (Q_W - zero_points[:, None])
    params = parameters(w_scale=scales, w_zero_point=zero_points)
    y = ApproxGeMM.apply(X, w, LUT, params, None, None)
    sums = LUT.long()[Q_X[:, None] % 256, Q_W[None] % 256].sum(2)
    assert torch.allclose(y, X_SCALE * scales * corrected(sums, zero_points), rtol=1e-6)


def test_traced_inputs_receive_the_integers():
    traced = TracedGeMMInputs(None, None)
    ApproxGeMM.apply(X, W, LUT, parameters(), None, traced)
    assert torch.equal(traced.features.long(), Q_X)
    assert torch.equal(traced.weights.long(), Q_W)


@pytest.mark.parametrize("scale_shape", [(), (1,), (1, 1)])
def test_parameters_of_any_shape_with_one_element(scale_shape):
    params = parameters(
        x_scale=X_SCALE.view(scale_shape),
        x_zero_point=torch.tensor(7).view(scale_shape),
        w_scale=W_SCALE.view(scale_shape),
        w_zero_point=torch.tensor(-3).view(scale_shape),
    )
    y = ApproxGeMM.apply(X, W, LUT, params, None, None)
    assert torch.equal(y, ApproxGeMM.apply(X, W, LUT, parameters(), None, None))


@pytest.mark.parametrize("lut", [LUT, None])
def test_gradients_are_those_of_the_exact_product(lut):
    x, w = X.clone().requires_grad_(), W.clone().requires_grad_()
    grad = torch.randn(2, 4)
    ApproxGeMM.apply(x, w, lut, parameters(), None, None).backward(grad)
    assert torch.allclose(x.grad, grad @ W)
    assert torch.allclose(w.grad, grad.T @ X)


@pytest.mark.parametrize("wanted", ["x", "w"])
def test_gradient_of_one_operand_only(wanted):
    x, w = X.clone(), W.clone()
    {"x": x, "w": w}[wanted].requires_grad_()
    ApproxGeMM.apply(x, w, LUT, parameters(), None, None).sum().backward()
    assert (x.grad is None) == (wanted == "w")
    assert (w.grad is None) == (wanted == "x")


@pytest.mark.parametrize(
    ("x", "w", "match"),
    [
        (X[0], W, r"'x' and 'w' must be \(M, K\) and \(N, K\), got \(3,\) and \(4, 3\)"),
        (X, W[:, :2], r"got \(2, 3\) and \(4, 2\)"),
        (X[None], W, r"got \(1, 2, 3\) and \(4, 3\)"),
    ],
)
def test_shapes(x, w, match):
    with pytest.raises(ValueError, match=match):
        ApproxGeMM.apply(x, w, LUT, parameters(), None, None)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"x_scale": 0.5}, TypeError, "'x_scale' must be a tensor, got float"),
        ({"w_zero_point": 3}, TypeError, "'w_zero_point' must be a tensor, got int"),
        ({"x_scale": torch.ones(3)}, ValueError, r"'x_scale' must have one element.*\(3,\)"),
        ({"x_zero_point": torch.zeros(3)}, ValueError, r"'x_zero_point' must have one element"),
        ({"w_scale": torch.ones(4)}, ValueError, r"equally many elements, got 4 and 1"),
    ],
)
def test_bad_parameters(changes, error, match):
    with pytest.raises(error, match=match):
        parameters(**changes)


def test_channels_of_the_weights():
    params = parameters(w_scale=torch.ones(3), w_zero_point=torch.zeros(3))
    with pytest.raises(ValueError, match=r"'w_scale' must have 1 or 4 elements .* got 3"):
        ApproxGeMM.apply(X, W, LUT, params, None, None)


@pytest.mark.parametrize(
    ("lut", "error", "match"),
    [
        (LUT.long(), TypeError, r"'lut' must be int32 \(256, 256\), got torch\.int64"),
        (LUT[:5], ValueError, r"'lut' must be int32 \(256, 256\), got torch\.int32 \(5, 256\)"),
    ],
)
def test_bad_table(lut, error, match):
    with pytest.raises(error, match=match):
        ApproxGeMM.apply(X, W, lut, parameters(), None, None)


def test_codes_that_do_not_fit_the_port():
    params = parameters(x_range=(-128, 127), w_range=(0, 255))
    with pytest.raises(
        ValueError, match=r"must lie in 0\.\.255, the range of the multiplier's port"
    ):
        ApproxGeMM.apply(X, W, LUT, params, None, None)
