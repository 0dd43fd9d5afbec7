"""Images to train and to test on, as the command line names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from analysis.reproduction.cifar10 import cifar10_folder, read_cifar10
from analysis.reproduction.image_folder import Pair, list_images, read_images
from analysis.workloads import digits
from analysis.workloads.labelled import Labelled

DIGITS = "digits"
TEST_SHARE = 0.25

_TRAIN = "train"
_TEST = ("test", "val", "validation")


@dataclass(frozen=True, slots=True)
class ImageData:
    """Images to train on and others to test on, squares of one size.

    Attributes:
        train: To train on and to calibrate quantisers with.
        test: To count accuracies on.
        classes: Number of classes.
    """

    train: Labelled
    test: Labelled
    classes: int

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return self.train.images.shape[1]

    @property
    def size(self) -> int:
        """Height and width of an image."""
        return self.train.images.shape[-1]


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where images come from.

    Attributes:
        place: ``digits`` for scikit-learn's handwritten digits; else a folder: CIFAR-10's binary
            version, or ``train/CLASS/FILE`` beside ``test`` or ``val``, or ``CLASS/FILE``, of which
            a quarter is set apart to test on, by the seed.
        size: Height and width to which images in folders are scaled; None if all are squares of one
            size.
        grey: Whether images in folders are read in shades of grey.
        most: Most images to train on, chosen by the seed, for trials; None for all.
    """

    place: str = DIGITS
    size: int | None = None
    grey: bool = False
    most: int | None = None

    def load(self, seed: int = 0, *, quiet: bool = True) -> ImageData:
        """Read the images.

        Args:
            seed: Chooses the split, where there is none yet.
            quiet: Show no progress bar.

        Raises:
            NotADirectoryError: If there is no such folder.
            OSError: If a file cannot be read.
            ValueError: If the folder or a file in it is something else.

        Examples:
            >>> data = DataSource("digits", most=100).load()
            >>> len(data.train), len(data.test), data.channels, data.size, data.classes
            (100, 450, 1, 8, 10)
        """
        found = self._load(seed, quiet=quiet)
        if self.most is None or self.most >= len(found.train):
            return found
        order = np.random.default_rng(seed).permutation(len(found.train))[: self.most]
        chosen = torch.from_numpy(order)
        train = Labelled(found.train.images[chosen], found.train.labels[chosen])
        return ImageData(train, found.test, found.classes)

    def _load(self, seed: int, *, quiet: bool) -> ImageData:
        if self.place == DIGITS:
            self._refuse_scaling("the digits")
            parts = digits.load_digits(seed)
            return ImageData(parts.train, parts.test, digits.CLASSES)
        root = Path(self.place)
        if not root.is_dir():
            raise NotADirectoryError(f"there is no folder {root}; 'digits' needs none")
        cifar10 = cifar10_folder(root)
        if cifar10 is not None:
            self._refuse_scaling("CIFAR-10")
            return ImageData(*read_cifar10(cifar10), classes=10)
        return self._folders(root, seed, quiet=quiet)

    def _refuse_scaling(self, name: str) -> None:
        if self.size is not None or self.grey:
            raise ValueError(f"'size' and 'grey' are for folders of images, not for {name}")

    def _folders(self, root: Path, seed: int, *, quiet: bool) -> ImageData:
        if (root / _TRAIN).is_dir():
            held_out = next((root / name for name in _TEST if (root / name).is_dir()), None)
            if held_out is None:
                raise ValueError(f"{root}: beside {_TRAIN} there must be one of {', '.join(_TEST)}")
            train, test = list_images(root / _TRAIN), list_images(held_out)
            if train.classes != test.classes:
                differing = sorted(set(train.classes) ^ set(test.classes))
                raise ValueError(f"{root}: these classes are in one part only: {differing}")
            parts, classes = (train.files, test.files), train.classes
        else:
            files, classes = list_images(root)
            parts = _split(files, seed)
        train_images, test_images = (
            read_images(part, size=self.size, grey=self.grey, quiet=quiet) for part in parts
        )
        if train_images.images.shape[1:] != test_images.images.shape[1:]:
            raise ValueError(
                f"{root}: images to train and to test on must have one size, got "
                f"{train_images.images.shape[-1]} and {test_images.images.shape[-1]}; state a size "
                "(--size on the command line)"
            )
        return ImageData(train_images, test_images, len(classes))


def _split(files: list[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """Set a share of each class apart."""
    generator = np.random.default_rng(seed)
    train: list[Pair] = []
    test: list[Pair] = []
    for label in sorted({label for _, label in files}):
        own = [pair for pair in files if pair[1] == label]
        count = round(TEST_SHARE * len(own))
        if not 0 < count < len(own):
            raise ValueError(
                f"{own[0][0].parent}: a class needs at least 3 images, of which a part is set "
                f"apart, got {len(own)}"
            )
        order = generator.permutation(len(own)).tolist()
        test += [own[number] for number in order[:count]]
        train += [own[number] for number in order[count:]]
    return train, test
