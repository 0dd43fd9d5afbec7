"""How much noise each layer tolerates, learned by gradient descent.

Every layer runs in NOISE mode with a standard deviation of its own, relative to that of its exact
output (from which no gradient flows), and the optimiser minimises::

    task loss - weight * sum_l c_l stdev_l / sum_l c_l

with c the layers' multiplications, by which noise is worth more where it saves more energy. The
standard deviations are kept between 0 and a greatest value by projection after every step, not by
clamping in the loss: the gradient stays alive at the bounds, so that a layer can come back.

References:
    E. Trommer, B. Waschneck and A. Kumar (2022), "Combining Gradients and Probabilities for
    Heterogeneous Approximation of Neural Networks", ICCAD, arXiv 2208.07265.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.selection.quality import Loss
from multipliers.parameters import check_kind, check_number, check_parameter
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.batches import run_batch, several
from torchapprox.conversion.wrapping import converted_layers, float_name
from torchapprox.quantisation.torch_ao import FakeQuantize
from torchapprox.training import noise_loss


class ToleranceLearning:
    """The parts of learning tolerances that a training loop of one's own calls.

    Puts the model's layers into NOISE mode with standard deviations that are trained. Make the
    optimiser afterwards, of `parameters` and, if they are to adapt, the model's other parameters;
    add `loss_term` to the loss after the forward pass, and call `after_step` after each step.

    Args:
        model: A converted and calibrated model; changed in place, in training mode.
        weight: How much loss a relative standard deviation of 1 in all layers is worth.
        start: Standard deviation of all layers at the start.
        most: Greatest standard deviation.

    Raises:
        ValueError: If the model has no approximate layer, or a number is out of range.

    Examples:
        >>> import torchapprox
        >>> model, x = nn.Sequential(nn.Linear(4, 2)), torch.randn(16, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> learning = ToleranceLearning(model, weight=0.1, start=0.05)
        >>> optimiser = torch.optim.SGD(learning.parameters, lr=1.0)
        >>> torch.autograd.backward(0 * model(x).sum() + learning.loss_term())
        >>> optimiser.step()
        >>> learning.after_step()
        >>> round(learning.tolerances["0"], 3)
        0.15
    """

    def __init__(
        self, model: nn.Module, *, weight: float, start: float = 0.01, most: float = 1.0
    ) -> None:
        layers = converted_layers(model)
        weight = check_number("weight", weight, least=0)
        most = check_number("most", most, above=0)
        start = check_number("start", start, least=0, most=most)
        self._model, self._weight, self._most = model, weight, most
        self._layers = {float_name(name): layer for name, layer in layers}
        for layer in self._layers.values():
            layer.noise.make_learnable()
            layer.stdev, layer.mean = start, 0.0
            layer.noise.clear_profile()
            layer.inference_mode = InferenceMode.NOISE

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The standard deviations, for an optimiser."""
        return [
            layer.noise.stdev
            for layer in self._layers.values()
            if isinstance(layer.noise.stdev, nn.Parameter)
        ]

    def loss_term(self) -> Tensor:
        """Return what is added to the loss after a forward pass, one element, differentiable."""
        # Nothing is clamped here: `after_step` keeps the bounds, and the gradient does not vanish.
        return self._weight * noise_loss(self._model, most=math.inf)

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring the standard deviations back between 0 and ``most``."""
        for parameter in self.parameters:
            parameter.clamp_(0, self._most)

    @property
    def tolerances(self) -> dict[str, float]:
        """Relative standard deviation by the layer's name in the float model."""
        return {name: layer.stdev for name, layer in self._layers.items()}


def learn_tolerances(
    model: nn.Module,
    batches: Iterable[Any],
    *,
    weight: float,
    epochs: int = 5,
    learning_rate: float = 0.02,
    start: float = 0.1,
    most: float = 1.0,
    loss: Loss = F.cross_entropy,
    seed: int = 0,
) -> dict[str, float]:
    """Learn how much noise each layer tolerates, with the network's weights as they are.

    Trains the standard deviations alone, with Adam, on a copy of the model in evaluation mode but
    for the noise. To let the weights adapt, use `ToleranceLearning` in a training loop.

    Args:
        model: A converted and calibrated model; as before afterwards.
        batches: Pairs of input and target, which can be iterated over repeatedly.
        weight: How much loss a relative standard deviation of 1 in all layers is worth; the
            greater, the more noise.
        epochs: Passes over the batches.
        learning_rate: Of the standard deviations.
        start: Standard deviation of all layers at the start.
        most: Greatest standard deviation.
        loss: Mean loss of a batch, of output and target.
        seed: Chooses the noise; the global generator stays as it is.

    Returns:
        Relative standard deviation by the layer's name in the float model; what
        `analysis.select` takes for matching.

    Raises:
        TypeError: If the batches can be iterated over only once.
        ValueError: If there is no batch or approximate layer, or a number is out of range.

    Examples:
        >>> import torchapprox
        >>> _ = torch.manual_seed(0)
        >>> model, x = nn.Sequential(nn.Linear(4, 3)), torch.randn(64, 4)
        >>> _ = torchapprox.approximate(model, calibration=[x])
        >>> data = [(x, model(x).argmax(dim=1).detach())]
        >>> careful = learn_tolerances(model, data, weight=0.0)
        >>> careless = learn_tolerances(model, data, weight=10.0)
        >>> careful["0"] < careless["0"]
        True
    """
    check_kind("model", model, nn.Module)
    if iter(several(batches)) is batches:
        raise TypeError("'batches' must be repeatable, such as a list or a DataLoader")
    epochs = check_parameter("epochs", epochs, 1)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    check_kind("loss", loss, Callable)
    seed = check_parameter("seed", seed, 0)
    noisy = copy.deepcopy(model).eval().requires_grad_(False)
    for module in noisy.modules():
        if isinstance(module, FakeQuantize):
            module.disable_observer()
    learning = ToleranceLearning(noisy, weight=weight, start=start, most=most)
    device = learning.parameters[0].device
    generator = torch.Generator(device).manual_seed(seed)
    for _, layer in get_approx_modules(noisy):
        layer.noise_in_eval, layer.noise_generator = True, generator
        layer.noise.stdev.requires_grad_(True)
    optimiser = torch.optim.Adam(learning.parameters, lr=learning_rate)
    steps = 0
    for _ in range(epochs):
        for batch in batches:
            output = run_batch(noisy, batch)
            objective = loss(output, batch[1].to(output.device)) + learning.loss_term()
            optimiser.zero_grad()
            torch.autograd.backward(objective)
            optimiser.step()
            learning.after_step()
            steps += 1
    if not steps:
        raise ValueError("'batches' must hold at least one batch, got none")
    return learning.tolerances
