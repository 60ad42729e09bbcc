"""Which images tune the CRF, and which others judge it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset, ConcatDataset
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

DEFAULT_NUM_IMAGES = 100  # DeepLab v1, section 4.2; v2, section 4.1


@dataclass(frozen=True)
class ImageSet:
    """Some images of one split.

    Args:
        split: ``'val'`` or ``'test'``.
        dataset: Its data set, with the pipeline of the evaluation.
        settings: The data set's config.
        files: Image and label file of each image of the data set; a synthetic data
            set names virtual images and no labels.
        indices: The chosen images' places in it, ascending.
    """

    split: str
    dataset: BaseDataset | ConcatDataset
    settings: dict[str, Any]
    files: tuple[tuple[str, str | None], ...]
    indices: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def paths(self) -> list[str]:
        """Return the image files of the chosen images."""
        return [self.files[index][0] for index in self.indices]


def build_split(cfg: Config, split: str, *, tta: bool = False) -> ImageSet:
    """Build the data set of a split as the evaluation reads it; all its images.

    Args:
        cfg: The whole config.
        split: ``'val'`` or ``'test'``.
        tta: Take ``cfg.tta_pipeline``.

    Raises:
        ValueError: If the config has no such split, or no ``tta_pipeline``.
    """
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise ValueError(
            f'the config has no {split}_dataloader; the CRF is tuned on labelled '
            'validation images: name them there'
        )
    settings: dict[str, Any] = loader['dataset'].to_dict()
    if tta:
        if 'tta_pipeline' not in cfg:
            raise ValueError('--tta needs tta_pipeline in the config, which has none')
        settings['pipeline'] = cfg.tta_pipeline
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    dataset = DATASETS.build(settings)
    dataset.full_init()
    infos = _listed(dataset)
    return ImageSet(
        split=split,
        dataset=dataset,
        settings=settings,
        files=tuple((info['img_path'], info.get('seg_map_path')) for info in infos),
        indices=tuple(range(len(dataset))),
    )


def _listed(dataset: BaseDataset | ConcatDataset) -> list[dict[str, Any]]:
    """Return what a data set lists, without drawing the scenes of a synthetic one."""
    if isinstance(dataset, ConcatDataset):
        return [info for part in dataset.datasets for info in _listed(part)]
    return [BaseDataset.get_data_info(dataset, i) for i in range(len(dataset))]


def spread(count: int, total: int, *, seed: int) -> tuple[int, ...]:
    """Choose ``count`` of ``total`` places: one at random in each of as many runs.

    Neighbours in a list are often alike (frames of one drive): equal runs spread the
    choice over the whole list.

    Args:
        count: How many, 1..total.
        total: Length of the list.
        seed: The same seed gives the same choice.

    Returns:
        Ascending, without repetition.
    """
    edges = np.linspace(0, total, count + 1).round().astype(int)
    generator = np.random.default_rng(seed)
    return tuple(int(generator.integers(low, high)) for low, high in pairwise(edges))


def choose_images(
    cfg: Config,
    *,
    num_images: int | None = None,
    holdout_split: str = 'val',
    num_holdout: int | None = None,
    seed: int = 0,
    tta: bool = False,
) -> tuple[ImageSet, ImageSet]:
    """Choose the images to tune on, and others that judge the result.

    Args:
        cfg: The whole config.
        num_images: Images of the validation split to tune on. By default 100, or half
            of the split where both sets come from a split of less than 200.
        holdout_split: ``'val'`` (the rest of it) or ``'test'``; where both splits list
            the same files, the images for tuning are left out.
        num_holdout: How many of them; all by default.
        seed: Of the choice.
        tta: The data sets get ``cfg.tta_pipeline``.

    Returns:
        The images for tuning, and the held-out ones; they share no file.

    Raises:
        ValueError: If there are too few images.
    """
    val = build_split(cfg, 'val', tta=tta)
    total = len(val)
    most = total - 1 if holdout_split == 'val' else total
    if num_images is None:
        most_by_default = total // 2 if holdout_split == 'val' else total
        num_images = min(DEFAULT_NUM_IMAGES, max(1, most_by_default))
    if not 1 <= num_images <= most:
        raise ValueError(
            f'num_images={num_images}: the validation split has {total} images, of '
            f'which at most {most} can tune the CRF when the {holdout_split} split '
            'judges it. Take fewer (--num-images), or --holdout-split test'
        )
    tuning = replace(val, indices=spread(num_images, total, seed=seed))
    other = val if holdout_split == 'val' else build_split(cfg, 'test', tta=tta)
    taken = set(tuning.paths())
    rest = [place for place in other.indices if other.files[place][0] not in taken]
    indices = _some(rest, num_holdout, split=holdout_split, seed=seed)
    return tuning, replace(other, indices=indices)


def _some(
    places: Sequence[int], count: int | None, *, split: str, seed: int
) -> tuple[int, ...]:
    wanted = len(places) if count is None else count
    if not 1 <= wanted <= len(places):
        raise ValueError(
            f'num_holdout={count}: the {split} split has {len(places)} images that '
            'are not used for tuning, and at least one must judge the result. Take '
            'fewer for tuning (--num-images), or another --holdout-split'
        )
    return tuple(places[i] for i in spread(wanted, len(places), seed=seed))
