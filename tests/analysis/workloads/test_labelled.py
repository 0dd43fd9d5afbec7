import torch

from analysis import Labelled


def test_batches_hold_every_image_once():
    data = Labelled(torch.zeros(10, 1, 8, 8), torch.arange(10))
    generator = torch.Generator().manual_seed(0)
    labels = torch.cat([batch.labels for batch in data.batches(3, generator=generator)])
    assert labels.tolist() != list(range(10))
    assert sorted(labels.tolist()) == list(range(10))
