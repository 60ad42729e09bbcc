"""The training pipelines of the data sets against MMSegmentation's own transforms."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.config.shipped import configs_folder
from mmseg_deeplab.datasets.export_streets import Request, export_streets

from .case import Case, Contender, Work, require
from .report import errors_text, ratio_text, seconds_text
from .timing import Stopwatch

# Layouts and sizes: PNG files as small and as large as training meets them.
DATA_SETS = {'camvid': (360, 480), 'cityscapes': (1024, 2048)}
NUM_IMAGES = {'camvid': 48, 'cityscapes': 8}
# What a pipeline of MMSegmentation has in the place of ours.
STOCK = {
    'LoadCheckedImage': 'LoadImageFromFile',
    'LoadCheckedAnnotations': 'LoadAnnotations',
    'LeanRandomCrop': 'RandomCrop',
    'LeanPhotoMetricDistortion': 'PhotoMetricDistortion',
}
OURS_ALONE = ('num_classes', 'cache_dir')  # arguments that the host's lack


def data_cases(
    folder: str | Path, *, names: Sequence[str] = tuple(DATA_SETS)
) -> Iterator[Case]:
    """Make two cases of each data set: as configured, and with ``cache_dir``.

    SyntheticStreets are written in its layout first; what is there already is used.

    Args:
        folder: For the images and the cache: 0.15 GB with both data sets.
        names: Keys of ``DATA_SETS``.

    Raises:
        ValueError: If a name is unknown.
    """
    unknown = [name for name in names if name not in DATA_SETS]
    if unknown:
        raise ValueError(f'no data set {unknown}: choose among {list(DATA_SETS)}')
    for name in names:
        count = NUM_IMAGES[name]
        request = Request(name, num_train=count, num_val=1, size=DATA_SETS[name])
        root = export_streets(Path(folder) / name, request)
        yield make_data_case(name, root, None)
        yield make_data_case(name, root, Path(folder) / f'{name}_decoded')


def make_data_case(name: str, root: Path, cache_dir: Path | None) -> Case:
    """Return the case of one data set.

    Args:
        name: Of the file in ``configs/_base_/datasets``.
        root: Of the data.
        cache_dir: Where ours keeps decoded files; None if it keeps none.
    """
    path = configs_folder() / '_base_' / 'datasets' / f'{name}.py'
    cfg = Config.fromfile(path).train_dataloader.dataset
    cfg.data_root = str(root)
    stock, ours = ConfigDict(cfg), ConfigDict(cfg)
    stock.pipeline = [stock_step(step) for step in cfg.pipeline]
    if cache_dir is not None:
        loaders = [dict(s, cache_dir=str(cache_dir)) for s in cfg.pipeline[:2]]
        ours.pipeline = [*loaders, *cfg.pipeline[2:]]
    height, width = DATA_SETS[name]
    count = NUM_IMAGES[name]
    return Case(
        group=name,
        name=f'{height} x {width}' + (', decoded files kept' if cache_dir else ''),
        stock=_contender('MMSegmentation', stock),
        ours=_contender('configured', ours),
        compare=_compare,
        work=Work(0, count * 4 * height * width),  # each image and label read once
        figures=dict(images=count),
    )


def stock_step(step: dict) -> dict:
    """Return the host's transform for one of ours; others as they are."""
    if step['type'] not in STOCK:
        return step
    kept = {key: value for key, value in step.items() if key not in OURS_ALONE}
    return kept | dict(type=STOCK[step['type']])


def _contender(name: str, cfg: ConfigDict) -> Contender:
    dataset = DATASETS.build(cfg)

    def run(_: Stopwatch) -> list[dict]:
        with _as_a_worker():
            return _load(dataset)

    return Contender(name, run)


def _load(dataset: BaseDataset) -> list[dict]:
    """Load all samples; each from its own random numbers, whatever was before."""
    samples = []
    for index in range(len(dataset)):
        np.random.seed(index)
        samples.append(dataset[index])
    return samples


@contextmanager
def _as_a_worker() -> Iterator[None]:
    """One thread, as in a worker of a data loader."""
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


def _compare(stock: list[dict], ours: list[dict]) -> dict[str, float]:
    different = 0
    for expected, found in zip(stock, ours, strict=True):
        labels = (one['data_samples'].gt_sem_seg.data for one in (expected, found))
        same = torch.equal(expected['inputs'], found['inputs'])
        different += not (same and torch.equal(*labels))
    errors = dict(samples=different)
    require(not different, 'training samples', errors)
    return errors


def _rate(row: dict, role: str) -> str:
    seconds = row[role]['seconds']['total']['median']
    return f'{row["figures"]["images"] / seconds:.1f}'


DATA_COLUMNS = {
    'data set': lambda row: f'`{row["group"]}`',
    'case': lambda row: row['name'],
    'stock, images/s per core': lambda row: _rate(row, 'stock'),
    'ours, images/s per core': lambda row: _rate(row, 'ours'),
    'times faster (range)': ratio_text,
    'stock, s': lambda row: seconds_text(row, 'stock'),
    'ours, s': lambda row: seconds_text(row, 'ours'),
    'different samples': errors_text,
}
