"""Images from folders: both layouts, CIFAR-10's binary version, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.reproduction import DataSource

COLOURS = {"blue": (0, 0, 255), "red": (255, 0, 0)}


def write_images(folder, count, *, size=(12, 12), classes=COLOURS):
    for name, colour in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.full((size[1], size[0], 3), colour, np.uint8)
            pixels[0, 0] = number
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def write_cifar10(folder, *, label=3):
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
        records = generator.integers(0, 256, (4, 3073), dtype=np.uint8)
        records[:, 0] = label
        records.tofile(folder / name)


def test_a_folder_of_classes_is_split_by_the_seed_with_equal_shares(tmp_path):
    write_images(tmp_path, 8)
    source = DataSource(str(tmp_path))
    data = source.load(0)
    assert (data.channels, data.size, data.classes) == (3, 12, 2)
    assert data.train.labels.bincount().tolist() == [6, 6]
    assert data.test.labels.bincount().tolist() == [2, 2]
    marks = torch.cat([data.train.images, data.test.images])[:, 0, 0, 0]
    assert sorted(((marks + 1) * 127.5).round().int().tolist()) == sorted([*range(8)] * 2)
    red = data.test.images[data.test.labels == 1, :, 5, 5]
    assert torch.equal(red, torch.tensor([[1.0, -1.0, -1.0]] * 2))
    assert torch.equal(source.load(0).test.images, data.test.images)
    assert not torch.equal(source.load(1).test.images, data.test.images)


def test_folders_that_are_split_already_are_taken_so_scaled_and_grey(tmp_path):
    write_images(tmp_path / "train", 3, size=(20, 12))
    write_images(tmp_path / "val", 2)
    data = DataSource(str(tmp_path), size=8, grey=True).load()
    assert data.train.images.shape == (6, 1, 8, 8)
    assert data.test.images.shape == (4, 1, 8, 8)
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_images_to_train_on_can_be_few(tmp_path):
    write_images(tmp_path, 8)
    data = DataSource(str(tmp_path), most=5).load()
    assert (len(data.train), len(data.test)) == (5, 4)


@pytest.mark.parametrize("below", ["", "cifar-10-batches-bin"])
def test_the_binary_version_of_cifar10_is_read_plane_by_plane(tmp_path, below):
    write_cifar10(tmp_path / below if below else tmp_path / "own")
    data = DataSource(str(tmp_path if below else tmp_path / "own")).load()
    assert (len(data.train), len(data.test)) == (20, 4)
    assert data.train.labels.tolist() == [3] * 20
    file = (tmp_path / (below or "own") / "data_batch_2.bin").read_bytes()
    green = file[1 + 1024 + 32 * 2 + 7]
    assert float(data.train.images[4, 1, 2, 7]) == pytest.approx(green / 127.5 - 1)


def test_pickles_are_refused_unread(tmp_path):
    (tmp_path / "cifar-10-batches-py").mkdir()
    (tmp_path / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ValueError, match=r"pickles.*binary version"):
        DataSource(str(tmp_path)).load()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "data_batch_3.bin").write_bytes(b"short"), "records of 3073"),
        (lambda folder: (folder / "data_batch_3.bin").write_bytes(b""), "got 0 bytes"),
        (lambda folder: (folder / "data_batch_3.bin").write_bytes(bytes([10] * 3073)), r"0\.\.9"),
    ],
)
def test_a_damaged_file_of_cifar10_is_named(tmp_path, damage, message):
    write_cifar10(tmp_path / "own")
    damage(tmp_path / "own")
    with pytest.raises(ValueError, match=message) as caught:
        DataSource(str(tmp_path / "own")).load()
    assert "data_batch_3.bin" in str(caught.value)


def test_a_missing_file_of_cifar10_is_named(tmp_path):
    write_cifar10(tmp_path / "own")
    (tmp_path / "own" / "test_batch.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"test_batch\.bin"):
        DataSource(str(tmp_path / "own")).load()


def test_folders_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(NotADirectoryError, match="there is no folder"):
        DataSource(str(tmp_path / "absent")).load()
    with pytest.raises(ValueError, match="two classes at least, got 0"):
        DataSource(str(tmp_path)).load()
    write_images(tmp_path / "few", 2)
    with pytest.raises(ValueError, match="at least 3 images"):
        DataSource(str(tmp_path / "few")).load()
    write_images(tmp_path / "odd", 4, size=(9, 12))
    with pytest.raises(ValueError, match=r"squares of one size, got 9 x 12 .*--size"):
        DataSource(str(tmp_path / "odd")).load()
    write_images(tmp_path / "lone" / "train", 4)
    with pytest.raises(ValueError, match="one of test, val, validation"):
        DataSource(str(tmp_path / "lone")).load()
    write_images(tmp_path / "lone" / "test", 4, classes={"blue": (0, 0, 255), "green": (0, 9, 0)})
    with pytest.raises(ValueError, match=r"one part only: \['green', 'red'\]"):
        DataSource(str(tmp_path / "lone")).load()
    with pytest.raises(ValueError, match="not for the digits"):
        DataSource(size=4).load()


def test_a_file_that_is_no_image_is_named(tmp_path):
    write_images(tmp_path, 4)
    (tmp_path / "red" / "1.png").write_text("no image")
    with pytest.raises(ValueError, match=r"1\.png: this is no image"):
        DataSource(str(tmp_path)).load()
