"""A config's test pipeline for images without labels."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import Compose, LoadImageFromFile
from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations, LoadImageFromNDArray
from mmseg.registry import TRANSFORMS

# For configs that hold a model alone, as tools/convert_weights.py writes them.
PLAIN_PIPELINE = (dict(type='LoadCheckedImage'), dict(type='PackSegInputs'))


def build_pipeline(cfg: Config) -> Compose:
    """Build the pipeline of the config's test set, without what loads labels.

    Args:
        cfg: The whole config; left as it is. Without a test set images are evaluated
            at their own size.

    Raises:
        ValueError: If the pipeline does not begin with loading an image.
    """
    steps = _test_pipeline(cfg)
    steps = _without_labels(steps)
    if not steps or not _is_a(steps[0], LoadImageFromFile):
        raise ValueError(
            'test_dataloader.dataset.pipeline must begin with LoadCheckedImage, '
            f'LoadImageFromFile or a class derived from it, received {steps[:1]}'
        )
    return Compose([load_file_or_array(steps[0]), *steps[1:]])


def _test_pipeline(cfg: Config) -> list[dict[str, Any]]:
    loader = cfg.get('test_dataloader') or {}
    dataset = loader.get('dataset') or {}
    while 'pipeline' not in dataset and ('dataset' in dataset or 'datasets' in dataset):
        dataset = dataset.get('dataset') or dataset['datasets'][0]
    return list(dataset.get('pipeline') or PLAIN_PIPELINE)


def _without_labels(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what loads labels, inside of other transforms, too."""
    kept = []
    for step in steps:
        if _is_a(step, LoadAnnotations):
            continue
        if 'transforms' in step:
            step = dict(step, transforms=_branches_without_labels(step['transforms']))
        kept.append(dict(step))
    return kept


def _branches_without_labels(branches: Sequence) -> list:
    if not all(isinstance(branch, list | tuple) for branch in branches):
        return _without_labels(branches)
    # Of an empty branch TestTimeAug would make no view at all.
    return [kept for branch in branches if (kept := _without_labels(branch))]


def _is_a(step: dict[str, Any], kind: type) -> bool:
    found = step['type']
    found = TRANSFORMS.get(found) if isinstance(found, str) else found
    return isinstance(found, type) and issubclass(found, kind)


def load_file_or_array(
    step: dict[str, Any],
) -> Callable[[str | np.ndarray | dict[str, Any]], dict[str, Any]]:
    """Return a transform that takes a path, an array or a dict of results.

    The host's ``InferencerLoader`` with the loader of the config for files.

    Args:
        step: The config of that loader.
    """
    from_file = TRANSFORMS.build(step)
    from_array = LoadImageFromNDArray(to_float32=from_file.to_float32)

    def load(image: str | np.ndarray | dict[str, Any]) -> dict[str, Any]:
        if isinstance(image, str):
            return from_file(dict(img_path=image))
        if isinstance(image, np.ndarray):
            return from_array(dict(img=image))
        if isinstance(image, dict):
            return from_array(image) if 'img' in image else from_file(image)
        raise TypeError(
            'an input must be a path, a BGR array (H, W, 3) or a dict of img_path or '
            f'img, received {type(image).__name__}'
        )

    return load
