"""A config's test pipeline for images without ground truth."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmcv.transforms import Resize
from mmengine.config import Config
from mmseg.structures import SegDataSample

from mmseg_deeplab.config.image_channels import LOADERS

# For configs that hold a model alone, as mmseg-deeplab convert writes them.
DEFAULT_PIPELINE = (dict(type='LoadCheckedImage'), dict(type='PackSegInputs'))
GROUND_TRUTH_LOADERS = (
    'LoadAnnotations',
    'LoadCheckedAnnotations',
    'LoadPanopticAnnotations',
)
# All the same without ground truth.
PACKERS = ('PackSegInputs', 'LeanPackSegInputs', 'PackPanopticInputs')
# What `PackSegInputs` copies by default and results of this pipeline can have.
META_KEYS = ('ori_shape', 'img_shape', 'scale_factor')


class PlainPipeline:
    """The pipeline of nearly all configs: load, perhaps resize, pack.

    It does what these transforms of mmcv and MMSegmentation do with an array, without
    the import of ``mmseg.datasets``, which takes a third of a short prediction.
    """

    def __init__(self, resize: dict[str, Any] | None) -> None:
        self._resize = None if resize is None else Resize(**resize)

    def __call__(self, image: np.ndarray) -> dict[str, Any]:
        """Return ``inputs`` ``(C, h, w)`` and ``data_samples`` of an image."""
        size = image.shape[:2]
        results = dict(img=image, img_shape=size, ori_shape=size)
        if self._resize is not None:
            results = self._resize(results)
        sample = SegDataSample(
            metainfo={key: results[key] for key in META_KEYS if key in results}
        )
        image = results['img']
        image = image[..., None] if image.ndim == 2 else image  # one channel, resized
        inputs = np.ascontiguousarray(image.transpose(2, 0, 1))
        return dict(inputs=torch.from_numpy(inputs), data_samples=sample)


def build_array_pipeline(cfg: Config) -> Callable[[np.ndarray], dict[str, Any]]:
    """Build the config's test pipeline, by default one at full size, for arrays.

    They are BGR, or as ``LoadBands`` reads them.
    """
    steps = test_pipeline(cfg)
    kept = [step for step in steps if step['type'] not in GROUND_TRUTH_LOADERS]
    resize = kept.pop(1) if len(kept) == 3 and kept[1]['type'] == 'Resize' else None
    if (
        len(kept) == 2
        and (kept[0]['type'] == 'LoadBands' or set(kept[0]) == {'type'})
        and set(kept[1]) == {'type'}
        and kept[0]['type'] in LOADERS
        and kept[1]['type'] in PACKERS
    ):
        return PlainPipeline(resize and {k: resize[k] for k in resize if k != 'type'})
    from .full_pipeline import build_full_pipeline

    return build_full_pipeline(steps)


def test_pipeline(cfg: Config) -> Sequence[dict[str, Any]]:
    """Return the steps of the pipeline of a config's test set."""
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in dataset and ('dataset' in dataset or 'datasets' in dataset):
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    return list(dataset.get('pipeline') or DEFAULT_PIPELINE)
