import pytest
import torch

from analysis.reports.reproducible import single_threaded


def test_the_number_of_threads_comes_back():
    threads = torch.get_num_threads()

    def fail_inside():
        with single_threaded():
            assert torch.get_num_threads() == 1
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        fail_inside()
    assert torch.get_num_threads() == threads
