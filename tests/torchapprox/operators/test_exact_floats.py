import pytest
import torch

from torchapprox.operators.exact_floats import exact_floats

CUDA = torch.device("cuda")


def rounds_to_tensorfloat():
    matmul = torch.backends.cuda.matmul
    if hasattr(matmul, "fp32_precision"):  # older versions of PyTorch have the other alone
        return matmul.fp32_precision != "ieee"
    return matmul.allow_tf32


def settings():
    cudnn = torch.backends.cudnn
    return rounds_to_tensorfloat(), cudnn.enabled, torch.get_float32_matmul_precision()


@pytest.fixture(params=["highest", "high"])
def precision(request):
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(request.param)
    yield request.param
    torch.set_float32_matmul_precision(before)


@pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda':UserWarning")
def test_a_device_neither_rounds_to_tensorfloat_nor_transforms(precision):
    before = settings()
    with exact_floats(CUDA):
        assert not rounds_to_tensorfloat()
        assert not torch.backends.cudnn.enabled
    assert settings() == before
    assert before[2] == precision


@pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda':UserWarning")
def test_settings_come_back_after_an_error():
    before = settings()
    with pytest.raises(ZeroDivisionError), exact_floats(CUDA):
        _ = 1 / 0
    assert settings() == before


def test_autocast_is_off():
    with torch.autocast("cpu"), exact_floats(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
