"""The binary version of CIFAR-10: records of one label and 3072 pixels, and nothing that executes.

A. Krizhevsky (2009), "Learning Multiple Layers of Features from Tiny Images". The version for
Python is pickled, and reading a pickle may run anything; it is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from analysis.workloads.labelled import Labelled

FOLDER = "cifar-10-batches-bin"
CLASSES = 10
SIZE = 32
TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)

_RECORD = 1 + 3 * SIZE * SIZE


def cifar10_folder(root: Path) -> Path | None:
    """Return the folder of the binary version, at or just below a folder; None if there is none.

    Raises:
        ValueError: If there is the version for Python instead.
    """
    for folder in (root, root / FOLDER):
        if (folder / TRAIN[0]).is_file():
            return folder
    for folder in (root, root / "cifar-10-batches-py"):
        if (folder / "data_batch_1").is_file():
            raise ValueError(
                f"{folder}: this is CIFAR-10 for Python, whose files are pickles, which may run "
                f"anything; take the binary version, a folder {FOLDER}"
            )
    return None


def read_cifar10(folder: Path) -> tuple[Labelled, Labelled]:
    """Return the training and the test images of the binary version.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no sequence of records, or a label is not 0..9.
    """
    train, test = ([_read(folder / name) for name in names] for names in (TRAIN, TEST))
    return _joined(train), _joined(test)


def _read(path: Path) -> npt.NDArray[np.uint8]:
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % _RECORD:
        raise ValueError(
            f"{path}: must be records of {_RECORD} bytes, a label and 3 x 32 x 32 pixels, got "
            f"{len(content)} bytes"
        )
    records = content.reshape(-1, _RECORD)
    greatest = int(records[:, 0].max())
    if greatest >= CLASSES:
        raise ValueError(f"{path}: labels must be 0..{CLASSES - 1}, got {greatest}")
    return records


def _joined(parts: list[npt.NDArray[np.uint8]]) -> Labelled:
    records = torch.from_numpy(np.concatenate(parts))
    images = records[:, 1:].reshape(-1, 3, SIZE, SIZE).float() / 127.5 - 1
    return Labelled(images, records[:, 0].long())
