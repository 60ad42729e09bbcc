"""The preprocessor for images of any number of channels."""

from collections.abc import Sequence
from typing import Any

import torch
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS

from mmseg_deeplab.utils.errors import InputError


@MODELS.register_module()
class BandPreprocessor(SegDataPreProcessor):
    """MMSegmentation's preprocessor for images of any number of channels.

    The base class takes a mean of one or three values. Here there is one for each
    channel, and none is exchanged: channels are in the order of the file's bands.

    Args:
        mean, std: Mean and standard deviation of each channel, whose values are 0 to
            255; None does not normalise.
        **kwargs: The other arguments of the base class, without ``bgr_to_rgb`` and
            ``rgb_to_bgr``.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (std is None) or (mean and len(mean) != len(std)):
            raise InputError(
                f'mean={mean}, std={std}: expected as many values of both, one for '
                'each channel'
            )
        if mean is not None:
            for name, values in dict(mean=mean, std=std).items():
                values = torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
                self.register_buffer(name, values, persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack a batch; see the base class."""
        if hasattr(self, 'mean'):
            inputs = self.cast_data(data['inputs'])
            inputs = [(one.float() - self.mean) / self.std for one in inputs]
            data = dict(data, inputs=inputs)
        return super().forward(data, training)
