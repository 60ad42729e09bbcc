"""What the fixture `device` does, on a device that every machine has."""

import torch
from on_device import OnDevice


def test_what_is_made_lies_on_the_device_and_comes_from_the_same_generator():
    generator = torch.Generator().manual_seed(0)
    with OnDevice(torch.device('meta')):
        made = [torch.zeros(2), torch.randn(2, generator=generator), torch.tensor(1.0)]
        layer = torch.nn.Conv2d(1, 1, 1)
        leaf = torch.ones(2, requires_grad=True)
        named = torch.zeros(2, device='cpu')
    assert {t.device.type for t in [*made, layer.weight, leaf]} == {'meta'}
    assert leaf.is_leaf and leaf.requires_grad
    assert named.device.type == 'cpu'
