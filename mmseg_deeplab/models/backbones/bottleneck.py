"""Bottleneck whose activation checkpointing leaves the statistics alone."""

from mmseg.models.backbones.resnet import Bottleneck as HostBottleneck
from torch import Tensor

from .recompute import recompute


class Bottleneck(HostBottleneck):
    """MMSeg's bottleneck; with ``with_cp`` a step updates BatchNorm once, not twice.

    Args:
        with_cp: Recompute the block in the backward pass instead of storing it.
    """

    def __init__(self, *args, with_cp: bool = False, **kwargs) -> None:
        super().__init__(*args, with_cp=False, **kwargs)
        self.recompute = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Run the block."""
        return recompute(self, super().forward, x, when=self.recompute)
