"""How good a model is on labelled batches: the loss that it was trained with, and its accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from analysis.modes import evaluating
from multipliers.parameters import check_kind
from torchapprox import InferenceMode, get_approx_modules
from torchapprox.batches import run_batch, several

Loss = Callable[[Any, Any], Tensor]
"""Mean loss of a batch, one element, of the model's output and the batch's target."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Loss and accuracy of a model.

    Attributes:
        loss: Mean loss of a sample.
        accuracy: Share of the samples whose most likely class is their label, or the most likely
            class of their target's probabilities, 0..1; NaN where targets are neither.
        certainty: Mean probability that the model gives the right class, 0..1; NaN likewise. It
            falls before samples are misclassified, and scatters less than the accuracy does.
        samples: Number of samples.
    """

    loss: float
    accuracy: float
    certainty: float
    samples: int


@torch.no_grad()
def measure_quality(
    model: nn.Module, batches: Iterable[Any], *, loss: Loss = F.cross_entropy
) -> Quality:
    """Run a model on labelled batches in evaluation mode.

    Args:
        model: The model, in whichever modes its layers are.
        batches: Pairs of input and target, each as `torchapprox.approximate` takes its batches.
        loss: Mean loss of a batch, of output and target.

    Returns:
        Means over all samples, the first axis of the targets.

    Raises:
        TypeError: If a batch is no pair with a tensor as target.
        ValueError: If there is no sample.

    Examples:
        >>> zeros = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> _ = nn.init.zeros_(zeros[0].weight)
        >>> measure_quality(zeros, [(torch.ones(4, 2), torch.tensor([0, 0, 0, 1]))])
        Quality(loss=0.693147..., accuracy=0.75, certainty=0.5, samples=4)
    """
    check_kind("loss", loss, Callable)
    total, correct, certain, samples = 0.0, 0.0, 0.0, 0
    with evaluating(model):
        for batch in several(batches):
            target = _target(batch)
            output = run_batch(model, batch)
            target = target.to(output.device) if isinstance(output, Tensor) else target
            total += float(loss(output, target)) * len(target)
            samples += len(target)
            classes = _classes(output, target)
            if classes is None:
                correct = certain = float("nan")
            else:
                correct += int((output.argmax(dim=1) == classes).sum())
                certain += float(output.softmax(dim=1).gather(1, classes[:, None]).sum())
    if not samples:
        raise ValueError("'batches' must hold at least one sample, got none")
    return Quality(total / samples, correct / samples, certain / samples, samples)


@torch.no_grad()
def own_predictions(model: nn.Module, batches: Iterable[Any]) -> list[tuple[Any, Tensor]]:
    """Return batches with the class probabilities of the model itself as targets.

    With them a rise of the cross-entropy is the divergence from the model as it is: never negative
    and 0 at no error, unlike the loss on labels, which a little noise may lower. No labels are
    needed.

    Args:
        model: A classifier; converted, its layers run in QUANTIZED mode.
        batches: Inputs, or pairs of input and label, which is not used.

    Returns:
        Pairs of input and probabilities `(B, classes)`.

    Raises:
        TypeError: If the model does not return scores `(B, classes)`.

    Examples:
        >>> zeros = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> _ = nn.init.zeros_(zeros[0].weight)
        >>> own_predictions(zeros, [torch.ones(1, 2)])[0][1]
        tensor([[0.5000, 0.5000]])
    """
    check_kind("model", model, nn.Module)
    mode = InferenceMode.QUANTIZED if get_approx_modules(model) else None
    pairs = []
    with evaluating(model, mode):
        for batch in several(batches):
            output = run_batch(model, batch)
            if not isinstance(output, Tensor) or output.dim() != 2:
                raise TypeError(
                    "'model' must return scores (B, classes), got "
                    + (str(tuple(output.shape)) if isinstance(output, Tensor)
                       else type(output).__name__)
                )  # fmt: skip
            inputs = batch[0] if isinstance(batch, (list, tuple)) else batch
            pairs.append((inputs, output.softmax(dim=1)))
    return pairs


def _target(batch: Any) -> Tensor:
    if isinstance(batch, (tuple, list)) and len(batch) == 2 and isinstance(batch[1], Tensor):
        return batch[1]
    raise TypeError(
        "a labelled batch must be a pair of an input and a tensor of targets, got "
        + (f"a {type(batch).__name__} of {len(batch)}" if isinstance(batch, (tuple, list))
           else type(batch).__name__)
    )  # fmt: skip


def _classes(output: Any, target: Tensor) -> Tensor | None:
    """Return the right class of each sample; None where targets are no classes."""
    if not isinstance(output, Tensor) or output.dim() != 2:
        return None
    if target.is_floating_point():
        if target.shape != output.shape:
            return None
        target = target.argmax(dim=1)
    return target if target.dim() == 1 else None
