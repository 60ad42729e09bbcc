"""Read every sample of a data set, and collect what is wrong instead of stopping.

The files go through the checked loading of training.
"""

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.dataset import Compose
from mmengine.utils import track_iter_progress
from mmseg.datasets import BaseSegDataset
from mmseg.datasets.transforms import LoadAnnotations
from torch.utils.data import DataLoader, Dataset

from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR, class_map, thing_indices
from mmseg_deeplab.utils.file_listing import names_below
from mmseg_deeplab.utils.remote_files import is_remote
from mmseg_deeplab.utils.value_checks import require_at_least

from .band_sums import BandSums
from .scan_report import NUM_VALUES, DatasetReport, Finding
from .similar_images import brightness_steps
from .suspicious_files import image_findings, label_findings
from .transforms import LoadBands, LoadCheckedAnnotations, LoadCheckedImage

# How many samples a training looks at first, and at most if all are of one class.
SOME, MOST = 8, 500
Measure = Callable[[np.ndarray, np.ndarray], Any]


@dataclass
class Sample:
    """What was found in one sample; None where a file cannot be read."""

    size: tuple[int, int] | None = None  # (H, W) of the image
    pixels: np.ndarray | None = None  # (256,) pixels per label value
    instances: np.ndarray | None = None  # (256,) instances per class, if there are ids
    steps: np.ndarray | None = None  # of the image, see `similar_images`
    image: str = ''  # name of the image's file
    label: str = ''  # name of the label's file
    bands: BandSums | None = None  # of images of bands
    faults: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    measured: Any = None  # what `SampleScan.measure` gave


class SampleScan:
    """Takes the place of a pipeline: turns the info of one sample into `Sample`.

    The loading transforms of the data set's own pipeline are kept; MMSegmentation's are
    replaced by the checked ones with the same settings.
    What ``measure`` makes of the image and the label is kept in the sample.
    """

    def __init__(
        self,
        transforms: list[Callable],
        *,
        num_classes: int | None,
        ignore_index: int = 255,
        measure: Measure | None = None,
    ) -> None:
        self.num_classes = num_classes
        self.measure = measure
        self.ignore_index = ignore_index
        loaders = [t for t in transforms if type(t).__name__.startswith('Load')]
        loaders = loaders or [LoadCheckedImage(), LoadCheckedAnnotations()]
        self.loaders = [self._checked(loader) for loader in loaders]
        self.checker = self._checked(LoadCheckedAnnotations())

    def _checked(self, loader: Callable) -> Callable:
        if type(loader) in (LoadAnnotations, LoadCheckedAnnotations):
            return LoadCheckedAnnotations(
                num_classes=self.num_classes,
                ignore_index=self.ignore_index,
                reduce_zero_label=loader.reduce_zero_label,
                backend_args=loader.backend_args,
                imdecode_backend=loader.imdecode_backend,
            )
        if type(loader) in (LoadImageFromFile, LoadCheckedImage):
            return LoadCheckedImage(
                color_type=loader.color_type,
                imdecode_backend=loader.imdecode_backend,
                backend_args=loader.backend_args,
            )
        return loader

    def __call__(self, results: dict) -> Sample:
        """Load image and label, each on its own."""
        sample = Sample(label=LoadCheckedAnnotations.source(results))
        sample.image = str(results.get('img_path') or '')
        for loader in self.loaders:
            try:
                faults = self._run(loader, results)
            except Exception as error:  # a broken file must not end the scan
                faults = [error]
            sample.faults += [_finding(f, loader, results) for f in faults]
            if not faults:
                sample.warnings += self._warnings(loader, results)
        if results.get('img') is not None:
            sample.size = tuple(results['img'].shape[:2])
            sample.steps = brightness_steps(results['img'])
        if results.get('has_data') is not None:
            sample.bands = BandSums.of(results['img'], results['has_data'])
        label = results.get('gt_seg_map')
        if label is not None and label.dtype == np.uint8:
            sample.pixels = np.bincount(label.ravel(), minlength=NUM_VALUES)
        if results.get('gt_panoptic_seg') is not None:
            ids = np.unique(results['gt_panoptic_seg'])
            numbered = class_map(ids)[ids % LABEL_DIVISOR > 0]
            sample.instances = np.bincount(numbered, minlength=NUM_VALUES)
        if self.measure and sample.size is not None and sample.pixels is not None:
            sample.measured = self.measure(results['img'], label)
        return sample

    def _warnings(self, loader: Callable, results: dict) -> list[Finding]:
        if isinstance(loader, LoadBands):
            return []  # what is suspicious in it is seen in all values together
        path = results.get('img_path') or ''
        has_file = is_remote(path) or os.path.isfile(path)
        if isinstance(loader, LoadCheckedImage) and has_file:
            kept = ('unchanged', 'color_ignore', 'grayscale_ignore')
            return image_findings(
                fileio.get(path, backend_args=loader.backend_args),
                path,
                is_turned=not loader.color_type.startswith(kept),
            )
        if isinstance(loader, LoadAnnotations) and 'gt_seg_map' in results:
            source = LoadCheckedAnnotations.source(results)
            return label_findings(results['gt_seg_map'], source, self.ignore_index)
        return []

    def _run(self, loader: Callable, results: dict) -> list[Exception]:
        """Run one loader; give all faults of a label, not only the first."""
        if not isinstance(loader, LoadCheckedAnnotations):
            had_label = 'gt_seg_map' in results
            results.update(loader(results) or {})
            if had_label or 'gt_seg_map' not in results:
                return []
            loader = self.checker  # for a label that a loader of the user gave
        return loader.faults(results) if loader.load(results) else []


def _finding(fault: Exception, loader: Callable, results: dict) -> Finding:
    is_label = isinstance(loader, LoadAnnotations)
    where = results.get('seg_map_path' if is_label else 'img_path')
    kind = getattr(fault, 'kind', type(fault).__name__)
    if isinstance(fault, FileNotFoundError):
        kind = 'image without a label' if is_label else 'missing image'
    return Finding(kind=kind, where=str(where), message=str(fault) or repr(fault))


class _Samples(Dataset):
    """The samples of a data set as :class:`Sample`, whatever happens."""

    def __init__(self, dataset: BaseSegDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        try:
            return self.dataset.prepare_data(index)
        except Exception as error:  # of the data set itself
            where = f'sample {index}'
            message = f'{where}: {type(error).__name__}: {error}'
            kind = 'sample that the data set cannot give'
            return Sample(faults=[Finding(kind, where, message)])


def _one_thread(worker: int) -> None:
    cv2.setNumThreads(0)


def scan_dataset(
    dataset: BaseSegDataset,
    *,
    name: str = '',
    num_classes: int | None = None,
    workers: int = 0,
    progress: bool = True,
    measure: Measure | None = None,
) -> DatasetReport:
    """Read all samples of a data set, no wrapper, and collect all faults.

    Its pipeline is replaced. ``num_classes`` is for one that does not know its classes.
    What ``measure`` makes of each image and label is collected in the report.
    """
    report = _prepare(dataset, name, num_classes, measure)
    for sample in _scan(dataset, workers, progress):
        _add(sample, report)
    if not len(dataset):
        folder = dataset.data_prefix.get('img_path', '')
        which = f' whose name ends in {getattr(dataset, "img_suffix", "")!r}'
        if dataset.ann_file:
            which = f' that {dataset.ann_file} lists'
        message = (
            f'{folder}: holds no image{which}. '
            'Remedy: correct data_root, data_prefix or img_suffix.'
        )
        report.faults.append(Finding('empty data set', str(folder), message))
    report.faults += _labels_without_image(dataset)
    if report.ignored_share:  # else the scenes may be so
        report.faults += too_few_classes(report)
    if report.pixels.any():
        report.warnings += [
            Finding(
                'class that never occurs',
                row['name'],
                f'{row["id"]} {row["name"]}: no pixel in {report.num_samples} images.',
            )
            for row in report.histogram()
            if row['pixels'] == 0
        ]
    if report.instances is not None:
        report.warnings += _things_without_instances(dataset, report)
    return report


def read_samples(dataset: BaseSegDataset, *, workers: int = 0) -> list[Sample]:
    """Return what :func:`scan_dataset` finds in each sample of a data set."""
    _prepare(dataset, '', None)
    return list(_scan(dataset, workers, progress=True))


def _scan(dataset: BaseSegDataset, workers: int, progress: bool) -> Iterable[Sample]:
    """Read the samples of a data set that gives :class:`Sample`."""
    require_at_least(0, workers=workers)
    samples = DataLoader(
        _Samples(dataset),
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread,
    )
    if progress and len(dataset):
        return track_iter_progress((samples, len(dataset)), file=sys.stderr)
    return samples


def _things_without_instances(
    dataset: BaseSegDataset, report: DatasetReport
) -> list[Finding]:
    rows = [report.histogram()[one] for one in thing_indices(dataset.metainfo)]
    return [
        Finding(
            'things without instances',
            row['name'],
            f'{row["id"]} {row["name"]}: {row["pixels"]} pixels in {row["images"]} '
            'images, but no instance: all of them count as a crowd. Remedy: give files '
            'of instances rather than of classes (Cityscapes: *_instanceIds.png).',
        )
        for row in rows
        if row['pixels'] and not row['instances']
    ]


def first_look(dataset: BaseSegDataset, *, name: str = '') -> DatasetReport:
    """Read a few samples of a training set, and more until two classes have pixels.

    Faults of files are left out: the training stops at them, or passes over them.
    """
    report = _prepare(dataset, name, None)
    order = np.random.default_rng(0).permutation(len(dataset))[:MOST].tolist()
    for count, index in enumerate(order, 1):
        _add(_Samples(dataset)[index], report)
        report.num_samples = count
        if count >= SOME and not too_few_classes(report):
            break
    report.faults.clear()
    return report


def _prepare(
    dataset: BaseSegDataset,
    name: str,
    num_classes: int | None,
    measure: Measure | None = None,
) -> DatasetReport:
    """Let a data set give :class:`Sample`, and begin its report."""
    classes = tuple(dataset.metainfo.get('classes') or ())
    report = DatasetReport(
        name=name or type(dataset).__name__,
        classes=classes,
        ignore_index=getattr(dataset, 'ignore_index', 255),
        num_samples=len(dataset),
    )
    scan = SampleScan(
        dataset.pipeline.transforms,
        num_classes=len(classes) or num_classes,
        ignore_index=report.ignore_index,
        measure=measure,
    )
    dataset.pipeline = Compose([scan])
    return report


def too_few_classes(report: DatasetReport) -> list[Finding]:
    """Find that fewer than two of several classes have a pixel."""
    held = [row['name'] for row in report.histogram() if row['pixels']]
    if len(report.classes) < 2 or len(held) > 1 or not report.pixels.any():
        return []
    message = (
        f'{report.name}: of {len(report.classes)} classes only '
        f'{held[0] if held else "none"} has pixels, in {report.num_samples} labels; '
        f'{report.ignored_share:.1%} of the pixels are ignored. Remedy: '
    )
    if report.pixels[255]:
        message += (
            'where labels are masks of 0 and 255, write these colours into the class '
            r"list (printf 'background 0 0 0\nobject 255 255 255\n' > labels.txt)"
        )
    else:
        message += 'correct the labels, or the class list'
    return [Finding('fewer than two classes with pixels', report.name, f'{message}.')]


def _add(sample: Sample, report: DatasetReport) -> None:
    report.faults += sample.faults
    report.warnings += sample.warnings
    if sample.size is not None:
        report.sizes[sample.size] += 1
        report.steps[sample.image] = sample.steps
    if sample.bands is not None:
        report.bands = sample.bands + report.bands
    if sample.pixels is None:
        return
    if sample.measured is not None:
        report.measured.append(sample.measured)
    report.pixels += sample.pixels
    report.images += sample.pixels > 0
    if sample.instances is not None:
        before = 0 if report.instances is None else report.instances
        report.instances = before + sample.instances
    counted = sample.pixels.sum() - sample.pixels[report.ignore_index]
    report.pixels_there += counted * (sample.pixels > 0)
    held = np.flatnonzero(sample.pixels).tolist()
    if held == [report.ignore_index]:
        kind, message = 'label without a class', 'every pixel is ignored'
    elif held == [0, 255] and len(report.classes) > 1:
        kind = 'label of 0 and 255 only'
        message = (
            'holds 0 and 255 only, as a mask does, rather than class ids: 255 is '
            'ignored. Remedy: list the colours 0 0 0 and 255 255 255 in the class '
            'list, or write the foreground as its class id'
        )
    else:
        return
    report.warnings.append(Finding(kind, sample.label, f'{sample.label}: {message}.'))


def _labels_without_image(dataset: BaseSegDataset) -> list[Finding]:
    """Find labels without an image in a data set that takes all files of a folder."""
    folder = dataset.data_prefix.get('seg_map_path')
    backend = dict(backend_args=dataset.backend_args)
    takes_all = not dataset.ann_file and dataset.seg_map_suffix is not None
    if not folder or not takes_all or not fileio.isdir(folder, **backend):
        return []
    # All samples, also where the data set gives only some of them (`indices`).
    used = {info.get('seg_map_path') for info in dataset.load_data_list()}
    names = names_below(folder, dataset.backend_args).names
    names = [name for name in names if name.endswith(dataset.seg_map_suffix)]
    paths = sorted(fileio.join_path(folder, name, **backend) for name in names)
    images = f'{dataset.data_prefix.get("img_path")}/*{dataset.img_suffix}'
    return [
        Finding(
            'label without an image',
            path,
            f'{path}: no image belongs to it. Remedy: add the image ({images}), '
            'correct img_suffix, or remove the label.',
        )
        for path in paths
        if path not in used
    ]
