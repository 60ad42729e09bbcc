"""The batch of MMSegmentation's preprocessor in fewer passes over its pixels."""

from typing import Any

import torch
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.utils import stack_batch


@MODELS.register_module()
class LeanPreprocessor(SegDataPreProcessor):
    """``SegDataPreProcessor``, which pads and stacks bytes before they become floats.

    The base class exchanges the channels of each image by itself, normalises it, pads
    it and copies it into the batch, mostly in float32. Here the batch is made of uint8
    and normalised in place; what was padded gets ``pad_val`` last. The values are the
    same to the bit. Everything but uint8 images in training with a mean takes the path
    of the base class. :class:`LeanEncoderDecoder` has it in the place of the base
    class.

    Args:
        bgr_to_rgb, rgb_to_bgr: Whether to exchange the channels.
        **kwargs: The other arguments of the base class.
    """

    def __init__(
        self, *, bgr_to_rgb: bool = False, rgb_to_bgr: bool = False, **kwargs
    ) -> None:
        super().__init__(bgr_to_rgb=bgr_to_rgb, rgb_to_bgr=rgb_to_bgr, **kwargs)
        self.exchanges = bgr_to_rgb or rgb_to_bgr

    def forward(self, data: dict, training: bool = False) -> dict[str, Any]:
        """Normalise, pad and stack a batch; see the base class."""
        images = data['inputs']
        plain = training and hasattr(self, 'mean') and self.batch_augments is None
        if not plain or any(image.dtype != torch.uint8 for image in images):
            return super().forward(data, training)
        data = self.cast_data(data)
        batch, samples = stack_batch(
            list(data['inputs']),
            data['data_samples'],
            size=self.size,
            size_divisor=self.size_divisor,
            pad_val=0,
            seg_pad_val=self.seg_pad_val,
        )
        if self.exchanges and batch.shape[1] == 3:
            batch = batch.flip(1)
        batch = batch.float().sub_(self.mean).div_(self.std)
        for image, padded in zip(images, batch, strict=True):
            padded[:, image.shape[1] :] = self.pad_val
            padded[:, :, image.shape[2] :] = self.pad_val
        return dict(inputs=batch, data_samples=samples)
