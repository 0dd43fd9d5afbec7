import torch

from analysis.workloads.augment import mirrored_and_shifted


def shifted_by_hand(image, down, right, mirror):
    """Shift a two-dimensional image by plain indexing."""
    height, width = image.shape
    out = torch.full_like(image, -1.0)
    for row in range(height):
        for column in range(width):
            source = row + down, (width - 1 - column if mirror else column) + right
            if 0 <= source[0] < height and 0 <= source[1] < width:
                out[row, column] = image[source]
    return out


def test_every_result_is_a_shift_of_its_image_perhaps_mirrored():
    images = torch.rand(24, 2, 8, 8)
    changed = mirrored_and_shifted(images, torch.Generator().manual_seed(1))
    kinds = set()
    for image, result in zip(images, changed, strict=True):
        found = [
            (down, right, mirror)
            for down in range(-1, 2)
            for right in range(-1, 2)
            for mirror in (False, True)
            if torch.equal(shifted_by_hand(image[0], down, right, mirror), result[0])
        ]
        assert len(found) == 1
        assert torch.equal(shifted_by_hand(image[1], *found[0]), result[1])
        kinds.add(found[0])
    assert len({mirror for _, _, mirror in kinds}) == 2
    assert len({down for down, _, _ in kinds}) == len({right for _, right, _ in kinds}) == 3
