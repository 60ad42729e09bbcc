"""Samples of a data set as a training gets them: image, labels in colour, legend."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from mmseg.registry import DATASETS, TRANSFORMS

from mmseg_deeplab.config.config_file import named_dicts
from mmseg_deeplab.config.prepare import check_data
from mmseg_deeplab.inference.overlay import overlay

SPLITS, STAGES = ('train', 'val', 'test'), ('augmented', 'original')


@dataclass(frozen=True)
class Sample:
    """What a pipeline made of an image.

    Args:
        name: File name of the image, without suffix.
        image: RGB, ``(H, W, 3)`` uint8, before normalisation and padding.
        labels: ``(H, W)``, or None where the data set has none.
    """

    name: str
    image: np.ndarray
    labels: np.ndarray | None

    def painted(self, palette: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the image under the colours of its labels; ignored pixels are dark."""
        if self.labels is None:
            return self.image
        return overlay(self.image, self.labels, palette)


def build_dataset(cfg: Config, *, split: str, stage: str) -> BaseDataset:
    """Build a data set of a config, with its whole pipeline or only what loads.

    Args:
        cfg: A config.
        split: ``'train'``, ``'val'`` or ``'test'``.
        stage: ``'augmented'``: with the pipeline of the config; ``'original'``: only
            with the transforms in it that load image and labels.

    Raises:
        FileNotFoundError: If a folder of the data is missing.
        ValueError: If the config has no such data set, or the stage is unknown.
    """
    if stage not in STAGES:
        raise ValueError(f'stage must be one of {STAGES}, received {stage!r}')
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        found = [s for s in SPLITS if cfg.get(f'{s}_dataloader')]
        raise ValueError(
            f'{cfg.filename}: has no {split}_dataloader; splits there are: '
            f'{", ".join(found) or "none"}'
        )
    check_data(cfg, f'{split}_dataloader')
    dataset = ConfigDict(loader).dataset
    if stage == 'original':
        dataset = deepcopy(dataset)
        for _, node in named_dicts(dataset):
            if 'pipeline' in node:
                node['pipeline'] = _loading_only(node['pipeline'])
    return DATASETS.build(dataset)


def _loading_only(pipeline: Sequence[dict]) -> list[dict]:
    kinds = (LoadImageFromFile, LoadAnnotations)
    loading = [t for t in pipeline if issubclass(TRANSFORMS.get(t['type']), kinds)]
    return [*loading, dict(type='PackSegInputs')] if loading else []


def draw_sample(
    dataset: BaseDataset, index: int, *, is_rgb: bool, seed: int = 0, draw: int = 0
) -> Sample:
    """Run the pipeline once; seed, index and draw alone decide what is random in it.

    Args:
        dataset: Whose pipeline ends in ``PackSegInputs``.
        index: Of the image.
        is_rgb: Whether the pipeline's images are RGB; otherwise they are BGR.
        seed: Of the whole browsing.
        draw: Number of the draw.

    Raises:
        ValueError: If the pipeline ends in something else.
    """
    mixed = np.random.SeedSequence([seed, index, draw]).generate_state(1)[0]
    set_random_seed(int(mixed))
    packed = dataset[index]
    if not {'inputs', 'data_samples'} <= set(packed) or isinstance(
        packed['inputs'], list
    ):
        raise ValueError(
            'the pipeline must end in PackSegInputs and make one image of one; it '
            f'gives { {key: type(value).__name__ for key, value in packed.items()} }'
        )
    image = packed['inputs'].numpy().transpose(1, 2, 0).clip(0, 255).round()
    image = np.ascontiguousarray(image if is_rgb else image[..., ::-1], np.uint8)
    sample = packed['data_samples']
    name = Path(sample.metainfo.get('img_path') or f'image_{index}').stem
    if 'gt_sem_seg' not in sample:
        return Sample(name, image, None)
    labels = sample.gt_sem_seg.data.squeeze(0).numpy()
    if image.shape[:2] != labels.shape:  # tests resize the image alone
        image = cv2.resize(image, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    return Sample(name, image, labels)
