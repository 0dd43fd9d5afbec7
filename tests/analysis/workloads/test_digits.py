import torch

from analysis import digits_network, load_digits


def test_the_split_is_stratified_disjoint_and_depends_on_the_seed():
    digits = load_digits(3)
    both = torch.cat([digits.train.images, digits.test.images]).flatten(1)
    assert both.shape == (1797, 64)
    assert (float(both.min()), float(both.max())) == (-1, 1)
    shares = [part.labels.bincount() / len(part) for part in (digits.train, digits.test)]
    torch.testing.assert_close(shares[0], shares[1], atol=3e-3, rtol=0)
    assert torch.equal(load_digits(3).test.images, digits.test.images)
    assert not torch.equal(load_digits(4).test.images, digits.test.images)


def test_the_network_has_every_kind_of_layer_and_follows_its_seed():
    state = torch.random.get_rng_state()
    first, second, other = digits_network(1), digits_network(1), digits_network(2)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first.linear.weight, second.linear.weight)
    assert not torch.equal(first.linear.weight, other.linear.weight)
    assert first.strided.stride == (2, 2)
    assert first.depthwise.groups == first.depthwise.in_channels
