"""One network, trained and traced, with what choosing its multipliers takes; kept in a file."""

import copy
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

import torchapprox
from analysis import (
    Assignment,
    ChoiceTable,
    Digits,
    ErrorVariances,
    Evaluation,
    Evaluator,
    Labelled,
    Sensitivity,
    accuracy,
    choice_table,
    learn_tolerances,
    load_digits,
    measure_choices,
    measure_sensitivities,
    own_predictions,
    relative_energies,
    relative_error_variances,
    trace_batches,
    train,
)
from analysis.workloads.digits_models import DIGITS_MODELS
from multipliers import (
    Multiplier,
    Netlist,
    broken_array_multiplier,
    get_netlist,
    info,
    names,
    perforated_multiplier,
    truncated_multiplier,
)
from torchapprox import InferenceMode, qconfig

VALIDATION = 0.25
LEARNING_RATE = 1e-3
NOISE_WEIGHT = 0.1
MEASURED_WITHIN = 2.0
"""Rise of the loss beyond which a choice is out of the question without a measurement."""


class Remembering:
    """Evaluates each assignment once, and knows how long that took.

    Attributes:
        exact: Evaluation with exact multiplications.
        layers: Names of the layers.
        evaluations: Number of different assignments since `restart`.
        saved_seconds: Time that those of them took which had been evaluated before.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._known: dict[str, tuple[Evaluation, float]] = {}
        self.exact, self.layers, self.macs = evaluator.exact, evaluator.layers, evaluator.macs
        self.restart()

    def restart(self) -> None:
        self._seen: set[str] = set()
        self.saved_seconds = 0.0

    @property
    def evaluations(self) -> int:
        return len(self._seen)

    def __call__(self, assignment: Mapping[str, str | Multiplier]) -> Evaluation:
        assigned = self._evaluator.assignment(assignment)
        key = assigned.digest
        if key not in self._known:
            start = time.process_time()
            found = self._evaluator(assigned)
            self._known[key] = found, time.process_time() - start
        elif key not in self._seen:
            self.saved_seconds += self._known[key][1]
        self._seen.add(key)
        return self._known[key][0]


@dataclass(eq=False)
class SelectionCase:
    """A network with its data, the multipliers, and all tables."""

    network: str
    seed: int
    digits: Digits
    model: nn.Module
    images: list[torch.Tensor]
    multipliers: list[Multiplier]
    energies: dict[str, float]
    variances: ErrorVariances
    sensitivities: dict[str, Sensitivity]
    tolerances: dict[str, float]
    _evaluators: dict[tuple[bool, str], Remembering] = field(default_factory=dict)
    _retrained: dict[tuple[str, bool, int], float] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """What took time to find out: tensors, numbers and names, for a file without code."""
        return {
            "tables_sha256": {each.name: each.digest for each in self.multipliers},
            "model": self.model.state_dict(),
            "layers": list(self.variances.layers),
            "errors": {
                name: torch.from_numpy(getattr(self.variances, name))
                for name in ("macs", "plain", "folded")
            },
            "sensitivities": {layer: asdict(fit) for layer, fit in self.sensitivities.items()},
            "tolerances": self.tolerances,
        }

    def table(self, folded: bool) -> ChoiceTable:
        """Return the choices with their predicted losses."""
        return choice_table(
            self.variances, self.sensitivities, energies=self.energies, folded=folded
        )

    def measured_table(self, folded: bool) -> ChoiceTable:
        """Return the choices with their losses measured."""
        return measure_choices(
            self.table(folded), self.evaluator(folded, "divergence"), within=MEASURED_WITHIN
        )

    def evaluator(self, folded: bool, part: str) -> Remembering:
        """Return what evaluates on "validation" or "test", or the "divergence" on the former."""
        if (folded, part) not in self._evaluators:
            data = self.digits.test if part == "test" else self.digits.validation
            given = batches(data)
            if part == "divergence":
                given = own_predictions(self.model, given)
            self._evaluators[folded, part] = Remembering(
                Evaluator(
                    self.model, given, multipliers=self.multipliers, energies=self.energies,
                    fold=[self.images[0]] if folded else None,
                )
            )  # fmt: skip
        return self._evaluators[folded, part]

    def retrained_accuracy(self, chosen: Assignment, *, folded: bool, epochs: int) -> float:
        """Return the accuracy on the test split after retraining; NaN for no epoch."""
        if not epochs:
            return float("nan")
        key = chosen.digest, folded, epochs
        if key not in self._retrained:
            own = copy.deepcopy(self.model)
            torchapprox.approximate(own, chosen)
            if folded:
                torchapprox.fold_mean_error(own, self.images[:1])
            train(
                own, self.digits.train, epochs=epochs, learning_rate=LEARNING_RATE, seed=self.seed
            )
            self._retrained[key] = accuracy(own, self.digits.test)
        return self._retrained[key]


def batches(data: Labelled) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch.images, batch.labels) for batch in data.batches(512)]


def circuits() -> dict[str, Netlist]:
    """Return all signed circuits of the catalogue, and coarser ones of the same families."""
    found = [get_netlist(name) for name in names() if name.startswith("mul8s")
             and info(name).has_netlist]  # fmt: skip
    found += [perforated_multiplier(0, k, signed=True) for k in (5, 6)]
    found += [truncated_multiplier(5, signed=True)]
    found += [
        broken_array_multiplier(h, v, signed=True)
        for h, v in ((0, 9), (0, 10), (2, 8), (3, 6), (5, 7), (5, 9))
    ]
    return {netlist.name: netlist for netlist in found}


def open_case(folder: Path, network: str, seed: int) -> SelectionCase:
    """Take a case up from its file, or make it."""
    path = folder / f"{network}{seed}.pt"
    if path.exists():
        return restored(torch.load(path, weights_only=True), network, seed)
    case = new_case(network, seed)
    torch.save(case.content, path)
    return case


def restored(content: Mapping[str, Any], network: str, seed: int) -> SelectionCase:
    """Make a case again of what is not for a file, and of what its file holds.

    Raises:
        ValueError: If a multiplier is another one than when the file was written.
    """
    multipliers, energies = candidates()
    digests = {multiplier.name: multiplier.digest for multiplier in multipliers}
    if digests != content["tables_sha256"]:
        raise ValueError(f"the file of {network} {seed} is of other multipliers; remove it")
    digits = load_digits(seed, validation=VALIDATION)
    model = DIGITS_MODELS[network].build(seed)
    torchapprox.approximate(model, mode=InferenceMode.QUANTIZED, qconfig=qconfig(x_bits=8))
    model.load_state_dict(content["model"])
    errors, fits = content["errors"], content["sensitivities"]
    return SelectionCase(
        network=network,
        seed=seed,
        digits=digits,
        model=model.eval(),
        images=calibration(digits),
        multipliers=multipliers,
        energies=energies,
        variances=ErrorVariances(
            tuple(content["layers"]), tuple(multipliers),
            *(errors[name].numpy() for name in ("macs", "plain", "folded")),
        ),
        sensitivities={layer: Sensitivity(**fit) for layer, fit in fits.items()},
        tolerances=content["tolerances"],
    )  # fmt: skip


def calibration(digits: Digits) -> list[torch.Tensor]:
    return [batch.images for batch in digits.train.batches(256)]


def candidates() -> tuple[list[Multiplier], dict[str, float]]:
    """Return the multipliers that save energy, and what a multiplication costs on each circuit."""
    netlists = circuits()
    energies = relative_energies(netlists, exact=netlists["mul8s_array"])
    multipliers = [
        Multiplier.from_netlist(netlist, signed=True)
        for name, netlist in netlists.items()
        if energies[name] <= 1
    ]
    return multipliers, energies


def new_case(network: str, seed: int) -> SelectionCase:
    """Train, convert and trace a network, and find out what its layers tolerate."""
    digits = load_digits(seed, validation=VALIDATION)
    model = DIGITS_MODELS[network].trained(digits, seed=seed)
    images = calibration(digits)
    torchapprox.approximate(
        model, calibration=images, mode=InferenceMode.QUANTIZED, qconfig=qconfig(x_bits=8)
    )
    multipliers, energies = candidates()

    def timed(what: str, step: Callable[[], object]) -> object:
        start = time.process_time()
        found = step()
        print(f"{network} {seed}: {what} {time.process_time() - start:.1f} s", flush=True)
        return found

    variances = timed(
        "trace and errors",
        lambda: relative_error_variances(trace_batches(model, images, rows=64), multipliers),
    )
    sensitivities = timed(
        "sensitivities",
        lambda: measure_sensitivities(model, own_predictions(model, batches(digits.validation))),
    )
    training = [(batch.images, batch.labels) for batch in digits.train.batches(128)]
    tolerances = timed("tolerances", lambda: learn_tolerances(model, training, weight=NOISE_WEIGHT))
    return SelectionCase(
        network, seed, digits, model, images, multipliers, energies, variances, sensitivities,
        tolerances,
    )  # fmt: skip
