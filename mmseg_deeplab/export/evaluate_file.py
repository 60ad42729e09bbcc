"""mIoU of a predictor."""

from collections.abc import Callable

import torch

from mmseg_deeplab.config.labelled_images import LabelledImages
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.inference import Predictor


def evaluate(
    predictor: Predictor,
    dataset: LabelledImages,
    *,
    num_images: int | None = None,
    after_each: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Return the figures of ``SegmentationMetric``, in percent.

    Args:
        predictor: What is judged.
        dataset: With labels.
        num_images: The first so many; all by default.
        after_each: Called after each image.

    Raises:
        ValueError: If an image has no label, or ``num_images`` is below 1.
    """
    if num_images is not None and num_images < 1:
        raise ValueError(f'num_images must be 1 or more, received {num_images}')
    count = min(len(dataset), num_images or len(dataset))
    metric = SegmentationMetric(prefix='')
    metric.dataset_meta = dataset.metainfo
    for index in range(count):
        image, label, path = dataset[index]
        labels = predictor.predict([image])[0].labels
        sample = dict(
            img_path=path,
            pred_sem_seg=dict(data=torch.from_numpy(labels.astype('int64'))),
        )
        if label is not None:
            sample['gt_sem_seg'] = dict(data=label)
        metric.process({}, [sample])
        after_each()
    return metric.evaluate(count)
