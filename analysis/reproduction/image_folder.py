"""A folder of images in folders that are named after their classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

from analysis.progress import hidden
from analysis.workloads.labelled import Labelled

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".pgm", ".tif", ".tiff"})

Pair = tuple[Path, int]


class FolderImages(NamedTuple):
    """The images of one folder, not read yet.

    Attributes:
        files: Files with the numbers of their classes.
        classes: Names of the classes, which are those of the folders, in order.
    """

    files: list[Pair]
    classes: tuple[str, ...]


def list_images(folder: Path) -> FolderImages:
    """Return the images of ``folder/CLASS/.../FILE``.

    Raises:
        ValueError: If there are less than two classes, or a class has no image.
    """
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    if len(classes) < 2:
        raise ValueError(
            f"{folder}: must have a folder for each class with its images, two classes at least, "
            f"got {len(classes)}"
        )
    files: list[Pair] = []
    for number, each in enumerate(classes):
        own = [
            (file, number) for file in sorted(each.rglob("*")) if file.suffix.lower() in SUFFIXES
        ]
        if not own:
            raise ValueError(f"{each}: there is no image of this class, such as a .png file")
        files += own
    return FolderImages(files, tuple(each.name for each in classes))


def read_images(
    files: Sequence[Pair], *, size: int | None = None, grey: bool = False, quiet: bool = True
) -> Labelled:
    """Read images that are squares, or make them so.

    Args:
        files: Files with the numbers of their classes.
        size: Height and width to which images are scaled, their longer side cropped; if None, all
            must be squares of one size.
        grey: Whether to have one channel, in shades of grey, instead of three.
        quiet: Show no progress bar.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a file is no image or of another size.
    """
    pixels: npt.NDArray[np.uint8] = np.empty((0, 0, 0, 0), np.uint8)
    bar = tqdm(files, desc="reading images", unit="image", disable=hidden(quiet))
    for number, (path, _) in enumerate(bar):
        image = _read(path, size, grey=grey)
        if number == 0:
            pixels = np.empty((len(files), *image.shape), np.uint8)
        if image.shape != pixels.shape[1:] or image.shape[0] != image.shape[1]:
            height, width = image.shape[:2]
            raise ValueError(
                f"{path}: images must be squares of one size, got {width} x {height} pixels after "
                f"{pixels.shape[2]} x {pixels.shape[1]}; state the size to which all are scaled "
                "(--size on the command line)"
            )
        pixels[number] = image
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    return Labelled(images.contiguous(), torch.tensor([label for _, label in files]))


def _read(path: Path, size: int | None, *, grey: bool) -> npt.NDArray[np.uint8]:
    """Return one image, uint8 `(H, W, C)`."""
    try:
        with Image.open(path) as file:
            image: Image.Image = file.convert("L" if grey else "RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError(f"{path}: this is no image that can be read: {error}") from None
    if size is not None and image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(image.size[1], image.size[0], -1)
