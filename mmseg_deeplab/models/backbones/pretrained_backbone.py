"""The common part of the backbones: pre-trained weights of any known family."""

from collections.abc import Sequence
from typing import Self

from mmseg_deeplab.checkpoints.pretrained import load_pretrained, split_pretrained
from mmseg_deeplab.utils.errors import InputError


class PretrainedBackbone:
    """Mixin in front of a backbone's base class.

    With ``init_cfg=dict(type='Pretrained', checkpoint=...)`` the file may come from
    any code base that :mod:`mmseg_deeplab.checkpoints` knows.
    """

    def init_weights(self) -> None:
        """Initialise the weights, then load the pre-trained file if there is one."""
        self.init_cfg, pretrained = split_pretrained(self.init_cfg)
        super().init_weights()
        if pretrained is not None:
            load_pretrained(self, **pretrained)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode and return the module, unlike the base class."""
        super().train(mode)
        return self


def check_out_indices(out_indices: Sequence[int], count: int) -> tuple[int, ...]:
    """Return the indices of ``count`` feature maps if all of them exist."""
    if not out_indices or not set(out_indices) <= set(range(count)):
        raise InputError(
            f'out_indices must name maps 0 to {count - 1}, received '
            f'{tuple(out_indices)}'
        )
    return tuple(out_indices)
