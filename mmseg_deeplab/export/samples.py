"""Images to calibrate with, and labelled ones to judge by."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS
from torch import Tensor

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.config_file import named_dicts
from mmseg_deeplab.inference.images import read_image

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp')


class LabelledImage(NamedTuple):
    """One image of a data set."""

    image: np.ndarray  # (H, W, 3), RGB
    label: Tensor  # (1, H, W)
    path: str | None


class LabelledImages:
    """The images of a data set as they are on disk, with their labels.

    Args:
        cfg: The whole config.
        split: ``'train'``, ``'val'`` or ``'test'``.

    Attributes:
        metainfo: Of the data set.

    Raises:
        FileNotFoundError: If a folder of the data is missing.
        ValueError: If the config has no such split.
    """

    def __init__(self, cfg: Config, split: str) -> None:
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            raise ValueError(
                f'the config has no {split}_dataloader to take images from; name a '
                'folder, or another split'
            )
        launch.check_data(cfg, f'{split}_dataloader')
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        self._dataset: BaseDataset = DATASETS.build(_loading_only(loader['dataset']))
        self._dataset.full_init()
        self.metainfo: dict[str, Any] = self._dataset.metainfo

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> LabelledImage:
        sample = self._dataset[index]
        inputs, found = sample['inputs'], sample['data_samples']
        image = inputs.permute(1, 2, 0).numpy()[..., ::-1]
        label = found.gt_sem_seg.data if 'gt_sem_seg' in found else None
        return LabelledImage(
            np.ascontiguousarray(image), label, found.metainfo.get('img_path')
        )


def _loading_only(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return a data set's config whose pipelines load and do nothing else."""
    settings = Config(dict(dataset=dataset)).to_dict()['dataset']
    for _, node in named_dicts(settings):
        if 'pipeline' in node:
            steps = [step for step in node['pipeline'] if _loads(step)]
            node['pipeline'] = [*steps, dict(type='PackSegInputs')]
    return settings


def _loads(step: dict[str, Any]) -> bool:
    kind = step['type']
    kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(
        kind, LoadImageFromFile | LoadAnnotations
    )


class CalibrationImages:
    """Images of a folder, or of the config's training set, spread evenly.

    Args:
        cfg: The whole config.
        folder: With images in any depth; None takes the training set.
        count: At most so many.

    Raises:
        FileNotFoundError: If the folder, or one of the data, is missing.
        ValueError: If there are no images, or ``count`` is below 1.
    """

    def __init__(self, cfg: Config, folder: str | None, count: int) -> None:
        if count < 1:
            raise ValueError(f'calibration needs at least 1 image, received {count}')
        self._from: LabelledImages | list[Path]
        self._from = (
            LabelledImages(cfg, 'train') if folder is None else _files(Path(folder))
        )
        self._indices = _spread(len(self._from), count)

    def __len__(self) -> int:
        return len(self._indices)

    def __iter__(self) -> Iterator[np.ndarray]:
        for index in self._indices:
            found = self._from[index]
            yield read_image(found) if isinstance(found, Path) else found.image


def _spread(total: int, count: int) -> list[int]:
    count = min(total, count)
    return [index * total // count for index in range(count)]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(
            f'folder {str(folder)!r} for the calibration does not exist (current '
            f'folder {os.getcwd()})'
        )
    files = sorted(
        path for path in folder.rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not files:
        raise ValueError(
            f'{folder}: no images for the calibration ({", ".join(IMAGE_SUFFIXES)})'
        )
    return files
