"""The images of a config's split as they are on disk, with their labels."""

from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, TRANSFORMS
from torch import Tensor

from mmseg_deeplab.datasets.listed_images import listed_images
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands

from .config_checks import check_data
from .config_errors import config_errors
from .image_channels import image_bands
from .option_check import is_derived, named_dicts


class LabelledImage(NamedTuple):
    """One image of a data set."""

    image: np.ndarray  # (H, W, 3), uint8, RGB
    label: Tensor | None  # (1, H, W), int64
    path: str | None


def bands_of(dataset: dict[str, Any]) -> ImageBands | None:
    """Return the bands that the pipeline of a data set's config reads."""
    found = (image_bands(node) for _, node in named_dicts(dataset))
    return next(filter(None, found), None)


def as_rgb(
    image: np.ndarray, *, is_rgb: bool = False, bands: ImageBands | None = None
) -> np.ndarray:
    """Turn an image ``(H, W, C)`` into RGB ``(H, W, 3)``.

    It is grey, BGR, RGB, or of the given bands, of which three are shown.
    """
    if bands is not None:
        return bands.rgb(image)
    if image.shape[2] not in (1, 3):
        raise InputError(
            f'an image has {image.shape[2]} channels, and those that are shown have 1 '
            'or 3. Remedy: channels=N at the top of the config'
        )
    if image.shape[2] == 1:
        return np.repeat(image, 3, axis=2)
    return image if is_rgb else image[..., ::-1]


class LabelledImages:
    """A split of a config whose pipeline loads images and labels and does no more."""

    def __init__(self, cfg: Config, split: str) -> None:
        loader = cfg.get(f'{split}_dataloader')
        if not loader:
            raise InputError(
                f'the config has no {split}_dataloader to take images from; add one, '
                'or choose another split'
            )
        check_data(cfg, f'{split}_dataloader')
        init_default_scope(cfg.get('default_scope', 'mmseg'))
        with config_errors(cfg):
            dataset = DATASETS.build(_loading_only(loader['dataset']))
            dataset.full_init()
        self._bands = bands_of(loader['dataset'])
        self._dataset: BaseDataset = dataset
        self.metainfo: dict[str, Any] = dataset.metainfo  # classes, palette

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> LabelledImage:
        sample = self._dataset[index]
        inputs, found = sample['inputs'], sample['data_samples']
        image = as_rgb(inputs.permute(1, 2, 0).numpy(), bands=self._bands)
        label = found.gt_sem_seg.data if 'gt_sem_seg' in found else None
        return LabelledImage(
            np.ascontiguousarray(image), label, found.metainfo.get('img_path')
        )

    def files(self) -> list[tuple[str, str | None]]:
        """Return the paths of image and label of each image, without reading them."""
        return [
            (info['img_path'], info.get('seg_map_path'))
            for info in listed_images(self._dataset)
        ]


def _loading_only(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return a data set's config with pipelines that load and do nothing else."""
    settings = Config(dict(dataset=dataset)).to_dict()['dataset']
    for _, node in named_dicts(settings):
        if 'pipeline' in node:
            steps = [step for step in node['pipeline'] if _loads(step)]
            node['pipeline'] = [*steps, dict(type='PackSegInputs')]
    return settings


def _loads(step: dict[str, Any]) -> bool:
    return is_derived(step['type'], LoadImageFromFile | LoadAnnotations, TRANSFORMS)
