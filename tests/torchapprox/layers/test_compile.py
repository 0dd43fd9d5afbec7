"""torch.compile may break the graph, and changes neither results nor gradients."""

import pytest
import torch

from tests.torchapprox.builders import converted_cnn, images, random_multiplier
from torchapprox import InferenceMode


# Dynamo looks at the gradient of every tensor that it meets.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("mode", [InferenceMode.QUANTIZED, InferenceMode.APPROXIMATE])
def test_compiled_equals_eager(mode):
    model = converted_cnn(random_multiplier(limit=2**8), mode=mode)
    compiled = torch.compile(model, backend="aot_eager")
    for batch in (images(3), images(5, seed=9)):
        results = []
        for network in (model, compiled):
            model.zero_grad()
            y = network(batch)
            y.square().sum().backward()
            results.append([y.detach(), *(p.grad.clone() for p in model.parameters())])
        for got, wanted in zip(*results, strict=True):
            torch.testing.assert_close(got, wanted)
