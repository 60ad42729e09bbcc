"""One labelled image with what the network says about it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sample:
    """An image at its original size.

    Args:
        image: ``(1, 3, H, W)`` uint8 RGB.
        label: ``(H, W)`` class ids, 255 where not labelled.
        probabilities: ``(1, K, H, W)`` float32, without a CRF.
    """

    image: Tensor
    label: Tensor
    probabilities: Tensor

    def to(self, device: str | torch.device) -> 'Sample':
        """Return it on a device."""
        return Sample(
            self.image.to(device), self.label.to(device), self.probabilities.to(device)
        )


def read_label(sample: dict[str, Any], path: str) -> Tensor:
    """Return the label of a sample of the data set; of augmentations, the first.

    Args:
        sample: What the evaluation pipeline gives.
        path: Its image file, for messages.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: If there is no label, or it is not of the image's size.
    """
    views = sample['data_samples']
    view = views[0] if isinstance(views, list) else views
    if 'gt_sem_seg' not in view:
        raise ValueError(
            f'{path}: no label was loaded; the CRF is tuned on labelled images. Put '
            "dict(type='LoadCheckedAnnotations') into the pipeline, or take a "
            '--holdout-split with labels'
        )
    label = view.gt_sem_seg.data.squeeze(0)
    if tuple(label.shape) != tuple(view.ori_shape[:2]):
        raise ValueError(
            f'{path}: the label is {tuple(label.shape)}, the image '
            f'{tuple(view.ori_shape[:2])}; load labels after all transforms that '
            'change the size'
        )
    return label.to(torch.uint8)
