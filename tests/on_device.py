"""Tests on another device: what they make with PyTorch lies there."""

import torch
from torch.overrides import TorchFunctionMode

FACTORIES = {
    torch.arange, torch.as_tensor, torch.empty, torch.eye, torch.full, torch.linspace,
    torch.ones, torch.rand, torch.randint, torch.randn, torch.randperm, torch.tensor,
    torch.zeros,
}  # fmt: skip


class OnDevice(TorchFunctionMode):
    """Move new tensors to a device unless the call names one.

    Unlike ``torch.set_default_device``, random numbers still come from the generators
    of the CPU, so that each device computes with the same ones.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function not in FACTORIES or kwargs.get('device') is not None:
            return function(*args, **kwargs)
        needs_gradient = kwargs.pop('requires_grad', False)
        made = function(*args, **kwargs).to(self.device)
        return made.requires_grad_() if needs_gradient else made
