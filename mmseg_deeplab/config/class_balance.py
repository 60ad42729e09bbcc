"""Class weights for the loss, from the labels of a config's training split.

``K`` is the number of classes. Only labelled pixels count.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from prettytable import PrettyTable

from mmseg_deeplab.checkpoints.class_order import class_difference
from mmseg_deeplab.datasets.scan_report import DatasetReport
from mmseg_deeplab.utils.array_files import save_array
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.utils.value_checks import require_one_of

from .class_weight_file import check_suffix
from .config_errors import blames_config
from .scan_config import scan_config

METHODS = ('inverse', 'median_frequency', 'effective_number')


@dataclass
class LabelCounts:
    """The labels of a training split in numbers."""

    classes: tuple[str, ...]  # names of the K classes
    num_images: int  # images with a label
    pixels: np.ndarray  # (K,), pixels of each class
    images: np.ndarray  # (K,), images in which each class occurs
    pixels_there: np.ndarray  # (K,), labelled pixels of all classes in these images

    def table(self, weights: np.ndarray) -> str:
        """Counts and weights, one line per class."""
        table = PrettyTable(['id', 'class', 'pixels', 'share', 'images', 'weight'])
        table.align = 'r'
        table.align['class'] = 'l'
        shares = self.pixels / max(self.pixels.sum(), 1)
        rows = zip(self.classes, self.pixels, shares, self.images, weights, strict=True)
        for index, (name, pixels, share, images, weight) in enumerate(rows):
            table.add_row(
                [index, name, pixels, f'{share:.3%}', images, f'{weight:.5g}']
            )
        return str(table)


@blames_config
def count_labels(
    cfg: Config, *, workers: int = 0, progress: bool = True
) -> LabelCounts:
    """Count the labels of a config's training split as training would read them.

    Each data set counts once, whole, however often ``RepeatDataset`` repeats it.
    """
    report = scan_config(cfg, splits=('train',), workers=workers, progress=progress)
    sets = report.datasets
    if report.num_faults:
        faults = report.faults + [fault for one in sets for fault in one.faults]
        raise InputError(
            f'{report.num_faults} faults in the training data, the first one: '
            f'{faults[0].message} Remedy: see all with '
            f'mmseg-deeplab check-data {cfg.filename} --split train'
        )
    return sum_counts(sets, cfg.filename)


def sum_counts(sets: Sequence[DatasetReport], config: str) -> LabelCounts:
    """Add the counts of data sets that a config names; they are of the same classes."""
    classes = sets[0].classes
    if not classes or any(one.classes != classes for one in sets):
        known = [f'{one.name}: {one.classes or "unknown"}' for one in sets]
        raise InputError(
            f'{config}: the data sets must name the same classes; {known}. '
            'Remedy: give them metainfo=dict(classes=(...))'
        )
    sums = {
        name: np.sum([getattr(one, name)[: len(classes)] for one in sets], axis=0)
        for name in ('pixels', 'images', 'pixels_there')
    }
    return LabelCounts(classes, sum(one.num_samples for one in sets), **sums)


def inverse(pixels: np.ndarray) -> np.ndarray:
    """Weights proportional to one over the pixels ``(K,)`` of a class, of mean 1."""
    weights = 1.0 / pixels
    return weights / weights.mean()


def median_frequency(pixels: np.ndarray, pixels_there: np.ndarray) -> np.ndarray:
    """Median frequency balancing: the median frequency over that of the class.

    `Eigen & Fergus <https://arxiv.org/abs/1411.4734>`_, section 6.3.2: the frequency of
    a class is its share of the labelled pixels of those images in which it occurs.
    """
    frequency = pixels / pixels_there
    return np.median(frequency) / frequency


def effective_number(counts: np.ndarray, beta: float) -> np.ndarray:
    """Class-balanced weights: one over the effective number of samples, of mean 1.

    `Cui et al. <https://arxiv.org/abs/1901.05555>`_, equation 3:
    ``(1 - beta) / (1 - beta ** n)`` for the ``n`` samples of a class. At beta 0 all
    classes weigh alike; towards 1 the weights become those of :func:`inverse`.
    """
    check_beta(beta)
    if beta == 0:
        return np.ones(len(counts))
    # expm1: accurate where 1 - beta ** n is tiny. `inverse` scales to mean 1.
    return inverse(-np.expm1(counts * np.log(beta)))


def class_weights(
    counts: LabelCounts, method: str = 'median_frequency', *, beta: float = 0.9999
) -> np.ndarray:
    """Compute the weight of each class by one of :data:`METHODS`: ``(K,)``, float64.

    For ``'effective_number'`` a sample is a whole image: ``n`` is the pixels of a class
    over the labelled pixels of a mean image. Neighbouring pixels are alike, and as
    samples would bring every class to the same number, ``1 / (1 - beta)``. A class that
    never occurs gets 1 and a warning.
    """
    require_one_of('method', method, METHODS)
    present = counts.pixels > 0
    if not present.any():
        raise InputError(f'no labelled pixel in {counts.num_images} images')
    if not present.all():
        absent = ', '.join(np.array(counts.classes)[~present])
        warnings.warn(
            f'no pixel of {absent} in {counts.num_images} images: weight 1, which '
            'nothing will use',
            stacklevel=2,
        )
    pixels = counts.pixels[present].astype(float)
    weights = np.ones(len(present))
    if method == 'inverse':
        weights[present] = inverse(pixels)
    elif method == 'median_frequency':
        weights[present] = median_frequency(pixels, counts.pixels_there[present])
    else:
        weights[present] = effective_number(
            pixels / (pixels.sum() / counts.num_images), beta
        )
    return weights


def write_class_weights(
    weights: np.ndarray, path: Path, classes: Sequence[str] = ()
) -> None:
    """Write weights as MMSegmentation's losses read them.

    The names of the classes go beside them, ``x.classes.txt`` for ``x.json``.
    """
    check_suffix(path)
    if classes:
        write_whole('\n'.join([*classes, '']).encode(), class_list_of(path))
    if path.suffix == '.json':
        write_json(path, weights.tolist())
    else:
        save_array(path, weights)


def class_list_of(path: str | Path) -> Path:
    """Return the file with the names of the classes whose weights are in ``path``."""
    return Path(path).with_suffix('.classes.txt')


def check_weighted_classes(path: str | Path, classes: Sequence[str]) -> None:
    """Raise InputError if a file of weights is known to be of other classes."""
    known = class_list_of(path)
    if not classes or not known.is_file():
        return
    weighted = dict(classes=known.read_text(encoding='utf-8').splitlines())
    found = class_difference(
        weighted, dict(classes=classes), (str(known), 'the training data')
    )
    if found:
        raise InputError(
            f'class_weight={str(path)!r}: {found.message}. Remedy: write those of this '
            f'data set: mmseg-deeplab class-weights CONFIG --out {path}'
        )


def check_beta(beta: float) -> None:
    """Raise InputError if this is no beta of :func:`effective_number`."""
    if not 0 <= beta < 1:
        raise InputError(f'beta must be at least 0 and below 1, received {beta}')
