"""One cell of the table: a network, retrained by a method and evaluated on a multiplier."""

from __future__ import annotations

import copy
import io
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import torchapprox
from analysis.reproduction.image_data import DataSource, ImageData
from analysis.reproduction.methods import METHODS, UNTRAINED, Retraining
from analysis.reproduction.networks import build_network
from analysis.sweeps import content_key
from analysis.workloads.augment import mirrored_and_shifted
from analysis.workloads.labelled import Labelled
from analysis.workloads.training import accuracy, train
from multipliers import Multiplier, exact_products
from multipliers.parameters import check_flag, check_number, check_parameter
from multipliers.whole_file import write_whole

CALIBRATION_BATCHES = 8
BATCH = 256


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trials of a table have in common.

    Attributes:
        source: Where the images come from.
        network: One of `analysis.reproduction.NETWORKS`.
        float_epochs: Of training in floating point.
        epochs: Of retraining.
        float_learning_rate: At the start of training in floating point.
        learning_rate: At the start of retraining.
        batch_size: Images per step of both.
        augment: Whether images are mirrored and shifted at random while training.
        device: Where PyTorch computes, such as ``cpu`` or ``cuda``.
    """

    source: DataSource
    network: str = "resnet8"
    float_epochs: int = 30
    epochs: int = 2
    float_learning_rate: float = 3e-3
    learning_rate: float = 1e-3
    batch_size: int = 64
    augment: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        least = {"float_epochs": 0, "epochs": 0, "batch_size": 1}
        for name, bound in least.items():
            object.__setattr__(self, name, check_parameter(name, getattr(self, name), bound))
        for name in ("float_learning_rate", "learning_rate"):
            object.__setattr__(self, name, check_number(name, getattr(self, name), above=0))
        check_flag("augment", self.augment)

    @property
    def in_floating_point(self) -> dict[str, Any]:
        """What the network before its conversion depends on, besides data and seed."""
        return {
            "network": self.network, "float_epochs": self.float_epochs,
            "float_learning_rate": self.float_learning_rate, "batch_size": self.batch_size,
            "augment": self.augment,
        }  # fmt: skip

    def inputs(self, trial: Trial) -> dict[str, Any]:
        """Return what a trial's result depends on, as `analysis.ResultsStore` takes it."""
        retraining = {"epochs": self.epochs, "learning_rate": self.learning_rate}
        return {
            "multiplier": trial.multiplier.name,
            "method": trial.method,
            "seed": trial.seed,
            "table_sha256": trial.multiplier.digest,
            "data": trial.data,
            **self.in_floating_point,
            **({} if trial.method in UNTRAINED else retraining),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A multiplier, a method and a seed.

    Attributes:
        multiplier: For all layers.
        method: One of `analysis.reproduction.METHODS`.
        seed: Chooses the split, the initial weights and the order of the images.
        data: SHA-256 of the images of this seed.
    """

    multiplier: Multiplier
    method: str
    seed: int
    data: str


@dataclass(frozen=True, slots=True)
class FloatTrainer:
    """Trains the network of a seed in floating point and keeps its weights in a file.

    Attributes:
        setting: What is trained, and how.
        folder: Where the files are.
    """

    setting: Setting
    folder: str

    def path(self, seed: int, data: str) -> Path:
        """File of a seed's weights, which `torch.load` reads with ``weights_only``.

        Args:
            seed: The seed.
            data: SHA-256 of its images.
        """
        key = content_key({"seed": seed, "data": data, **self.setting.in_floating_point})
        return Path(self.folder, f"float-{seed}-{key[:12]}.pt")

    def __call__(self, job: tuple[int, str]) -> dict[str, float]:
        """Train, keep the weights and return the `accuracy` on the test images, and the `seconds`.

        Args:
            job: A seed and the SHA-256 of its images.
        """
        seed, _ = job
        setting = self.setting
        data = _data(setting.source, seed, setting.device)
        model = _build(setting, data, seed)
        start = time.perf_counter()
        train(
            model, data.train, epochs=setting.float_epochs,
            learning_rate=setting.float_learning_rate, batch_size=setting.batch_size, seed=seed,
            augment=mirrored_and_shifted if setting.augment else None,
        )  # fmt: skip
        seconds = time.perf_counter() - start
        buffer = io.BytesIO()
        torch.save({name: value.cpu() for name, value in model.state_dict().items()}, buffer)
        write_whole(self.path(*job), buffer.getvalue())
        return {"accuracy": accuracy(model, data.test), "seconds": round(seconds, 2)}


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Does a trial: converts the seed's network, retrains it and counts its right answers.

    Attributes:
        trainer: Whose files have the networks in floating point.
    """

    trainer: FloatTrainer

    def __call__(self, trial: Trial) -> dict[str, float]:
        """Return `accuracy`, 0..1, and `seconds` of training."""
        setting = self.trainer.setting
        data = _data(setting.source, trial.seed, setting.device)
        ports = trial.multiplier.x_port.signed, trial.multiplier.w_port.signed
        model = copy.deepcopy(_quantised(self.trainer, trial.seed, trial.data, ports))
        torchapprox.approximate(model, trial.multiplier)
        model.to(setting.device)
        retraining = Retraining(
            data.train, epochs=setting.epochs, learning_rate=setting.learning_rate,
            batch_size=setting.batch_size, seed=trial.seed,
            augment=mirrored_and_shifted if setting.augment else None,
        )  # fmt: skip
        start = time.perf_counter()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(trial.seed)
            METHODS[trial.method](model, trial.multiplier, retraining)
        seconds = time.perf_counter() - start
        return {"accuracy": accuracy(model, data.test), "seconds": round(seconds, 2)}


def _build(setting: Setting, data: ImageData, seed: int) -> nn.Module:
    return build_network(
        setting.network, channels=data.channels, size=data.size, classes=data.classes, seed=seed
    ).to(setting.device)


@lru_cache(maxsize=1)
def _data(source: DataSource, seed: int, device: str) -> ImageData:
    data = source.load(seed)
    train_part, test = (
        Labelled(part.images.to(device), part.labels.to(device)) for part in (data.train, data.test)
    )
    return ImageData(train_part, test, data.classes)


@lru_cache(maxsize=2)
def _quantised(
    trainer: FloatTrainer, seed: int, digest: str, ports: tuple[bool, bool]
) -> nn.Module:
    """Return a seed's network on exact products, quantisers calibrated and frozen."""
    setting = trainer.setting
    data = _data(setting.source, seed, setting.device)
    model = _build(setting, data, seed)
    model.load_state_dict(torch.load(trainer.path(seed, digest), weights_only=True))
    exact = exact_multiplier(ports)
    torchapprox.approximate(
        model.eval(),
        exact,
        qconfig=torchapprox.qconfig(exact, per_channel=True),
        calibration=list(_calibration(data.train)),
        fold_batchnorm=_has_batchnorm(model),
    )
    return model


def exact_multiplier(ports: tuple[bool, bool]) -> Multiplier:
    """Return the accurate multiplier of 8-bit operands.

    Args:
        ports: Whether the activation's and the weight's port is signed.

    Examples:
        >>> exact_multiplier((False, False)).name
        'exact_unsigned'
    """
    x_signed, w_signed = ports
    signs = {(True, True): "signed", (False, False): "unsigned"}.get(ports, "mixed")
    return Multiplier.from_lut(
        exact_products(x_signed, w_signed), name=f"exact_{signs}", x_signed=x_signed,
        w_signed=w_signed,
    )  # fmt: skip


def _calibration(data: Labelled) -> Iterator[Tensor]:
    for number, batch in enumerate(data.batches(BATCH)):
        if number == CALIBRATION_BATCHES:
            return
        yield batch.images


def _has_batchnorm(model: nn.Module) -> bool:
    return any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
