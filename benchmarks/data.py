"""``data``: the training pipelines of data sets against MMSegmentation's transforms."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import DATASETS

from mmseg_deeplab.config.shipped import configs_folder
from mmseg_deeplab.datasets.export_streets import Request, export_streets

from .case import Case, Errors, Study, require
from .report import RATIO, errors_text, rate_of


class DrawnDataSet(NamedTuple):
    """SyntheticStreets in the layout of a data set: its name, size and images."""

    name: str
    size: tuple[int, int]
    images: int

    def write(self, folder: str | Path, split: str) -> Path:
        """Draw the images of a split, one of the other, and return the root."""
        other = dict(train='val', val='train')[split]
        counts = {f'num_{split}': self.images, f'num_{other}': 1}
        request = Request(self.name, size=self.size, **counts)
        return export_streets(Path(folder) / self.name, request)


# PNG files as small and as large as in training.
DATA_SETS = {
    'camvid': DrawnDataSet('camvid', (360, 480), 48),
    'cityscapes': DrawnDataSet('cityscapes', (1024, 2048), 8),
}
# MMSegmentation's counterparts of our transforms.
STOCK = {
    'LoadCheckedImage': 'LoadImageFromFile',
    'LoadCheckedAnnotations': 'LoadAnnotations',
    'LeanRandomCrop': 'RandomCrop',
    'LeanPhotoMetricDistortion': 'PhotoMetricDistortion',
    'LeanPackSegInputs': 'PackSegInputs',
}
OUR_ARGUMENTS = ('num_classes', 'cache_dir')  # the counterparts lack them


def data_cases(
    drawn: DrawnDataSet, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant: ``configured``, and ``cached`` with ``cache_dir``."""
    with TemporaryDirectory(prefix='benchmark_') as folder:
        root = drawn.write(folder, 'train')
        for variant in variants:
            yield data_case(drawn, root, cache=variant == 'cached')


def data_case(drawn: DrawnDataSet, root: Path, *, cache: bool) -> Case:
    """Return one case; with ``cache``, ours keeps decoded files."""
    path = configs_folder() / '_base_' / 'datasets' / f'{drawn.name}.py'
    cfg = Config.fromfile(path).train_dataloader.dataset
    cfg.data_root = str(root)
    stock, ours = ConfigDict(cfg), ConfigDict(cfg)
    stock.pipeline = [stock_step(step) for step in cfg.pipeline]
    if cache:
        loaders = [dict(s, cache_dir=f'{root}_decoded') for s in cfg.pipeline[:2]]
        ours.pipeline = [*loaders, *cfg.pipeline[2:]]
    height, width = drawn.size
    return Case(
        group=f'`{drawn.name}`',
        name=f'{height} x {width}' + (', decoded files kept' if cache else ''),
        stock=_loader(stock),
        ours=_loader(ours),
        compare=_compare,
        facts=dict(images=drawn.images),
    )


def stock_step(step: dict) -> dict:
    """Return the stock counterpart of one of our transforms, others unchanged."""
    if step['type'] not in STOCK:
        return step
    kept = {key: value for key, value in step.items() if key not in OUR_ARGUMENTS}
    return kept | dict(type=STOCK[step['type']])


def _loader(cfg: ConfigDict) -> Callable[[], list[dict]]:
    """Return a function that loads all samples, with random numbers of their own."""
    dataset = DATASETS.build(cfg)

    def run() -> list[dict]:
        cv2.setNumThreads(0)  # as in the workers of a data loader
        samples = []
        for index in range(len(dataset)):
            np.random.seed(index)
            samples.append(dataset[index])
        return samples

    return run


def _compare(stock: list[dict], ours: list[dict]) -> Errors:
    different = 0
    for expected, found in zip(stock, ours, strict=True):
        samples = (one['data_samples'].to('cpu') for one in (expected, found))
        labels = (sample.gt_sem_seg.data for sample in samples)
        same = torch.equal(expected['inputs'], found['inputs'])
        different += not (same and torch.equal(*labels))
    errors = dict(samples=different)
    require(not different, 'training samples', errors)
    return errors


STUDY = Study(
    help="training pipelines against MMSegmentation's transforms",
    columns={
        'data set': lambda row: row['group'],
        'case': lambda row: row['name'],
        'stock, images/s per core': rate_of('stock'),
        'ours, images/s per core': rate_of('ours'),
        **RATIO,
        'different samples': errors_text,
    },
    subjects=DATA_SETS,
    quick={'camvid': DATA_SETS['camvid']},
    cases=data_cases,
    variants=('configured', 'cached'),
)
