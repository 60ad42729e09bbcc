"""What a planned config is chosen from: the data of a folder, read once."""

import shlex
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from mmseg_deeplab.datasets.class_list import read_class_list
from mmseg_deeplab.datasets.image_statistics import class_thickness, measure_sample
from mmseg_deeplab.datasets.scan import too_few_classes
from mmseg_deeplab.datasets.scan_report import DatasetReport
from mmseg_deeplab.datasets.suspicious_files import BANDS_LEFT_OUT
from mmseg_deeplab.utils.errors import InputError

from .class_balance import class_weights, sum_counts
from .config_file import read_config
from .planning_rules import Size, choose_weights
from .scan_config import scan_config
from .shipped import configs_folder

CLASS_LISTS = ('labels.txt', 'labels.json', 'labelmap.txt')


@dataclass(frozen=True)
class DataSummary:
    """A folder of data in numbers; sizes are (rows, columns)."""

    folder: Path
    class_list: str  # its name
    classes: tuple[str, ...]
    images: tuple[int, int]  # of the training, of the validation
    train_size: Size  # the median of rows and columns
    largest_size: Size  # in the validation
    mean: np.ndarray  # (C,), as the images are loaded
    deviation: np.ndarray  # (C,)
    thinnest: tuple[float, str]  # pixels, the class
    weights: list[float] | None  # of the classes; None if none is rare

    def __str__(self) -> str:
        rows, columns = self.train_size
        return (
            f'{self.images[0]} + {self.images[1]} images of {rows}x{columns}, '
            f'{len(self.classes)} classes; thinnest: {self.thinnest[1]}.'
        )


def summarise(folder: Path, *, workers: int = 0) -> DataSummary:
    """Read all images and labels of a folder; a fault in them is an InputError."""
    folder = folder.resolve()
    class_list = find_class_list(folder)
    if len(read_class_list(str(folder / class_list)).names) < 2:
        raise InputError(
            f'{folder / class_list}: one class; a segmentation needs two. Remedy: name '
            'the background as the first class'
        )
    train, val = scan_folder(folder, class_list, workers)
    counts = sum_counts([train], str(folder))
    thickness = class_thickness(train.measured)
    value = min(thickness, key=thickness.get)
    rows, columns = np.median(list(train.sizes.elements()), axis=0)
    most_rows, most_columns = np.max(list(val.sizes), axis=0)
    sums = reduce(add, [sample.sums for sample in train.measured])
    mean, deviation = sums.mean_and_deviation()
    return DataSummary(
        folder=folder,
        class_list=class_list,
        classes=counts.classes,
        images=(train.num_samples, val.num_samples),
        train_size=(int(rows), int(columns)),
        largest_size=(int(most_rows), int(most_columns)),
        mean=mean,
        deviation=np.maximum(deviation, 1e-3),  # that of a constant band is 0
        thinnest=(thickness[value], counts.classes[value]),
        weights=choose_weights(counts.pixels.tolist(), class_weights(counts)),
    )


def find_class_list(folder: Path) -> str:
    """Return the name of the class list in a folder of data."""
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder')
    for name in CLASS_LISTS:
        if (folder / name).is_file():
            return name
    raise InputError(
        f'{folder}: holds no class list ({", ".join(CLASS_LISTS)}). Remedy: write '
        'labels.txt, one class a line; or make the folder of the files of an '
        'annotation tool: mmseg-deeplab import-data'
    )


def scan_folder(
    folder: Path, class_list: str, workers: int
) -> tuple[DatasetReport, DatasetReport]:
    """Read the splits ``train`` and ``val``; the first fault is an InputError."""
    cfg = read_config(
        configs_folder() / '_base_' / 'datasets' / 'folder.py',
        dict(data_root=str(folder), labels_file=class_list),
    )
    splits = ('train', 'val')
    report = scan_config(cfg, splits=splits, workers=workers, measure=measure_sample)
    faults = report.faults + [fault for one in report.datasets for fault in one.faults]
    warnings = [warning for one in report.datasets for warning in one.warnings]
    faults += [one for one in warnings if one.kind == BANDS_LEFT_OUT]
    faults = faults or too_few_classes(report.datasets[0])
    if faults:
        raise InputError(
            f'{len(faults)} faults in the data, the first one: {faults[0].message} '
            'See all with mmseg-deeplab check-data deeplabv3_mobilenetv2_folder '
            f'--cfg-options data_root={shlex.quote(str(folder))}'
        )
    train, val = report.datasets
    return train, val
