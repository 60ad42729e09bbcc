"""Find and scan the data sets that a config names, and compare them with its model."""

import logging
import os.path as osp
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.datasets.scan import (
    Measure,
    first_look,
    scan_dataset,
    too_few_classes,
)
from mmseg_deeplab.datasets.scan_report import DatasetReport, Finding, ScanReport
from mmseg_deeplab.datasets.shared_images import shared_images, similar_images
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.remote_files import is_remote

from .class_agreement import (
    class_parameters,
    compare_classes,
    lazy_dataset,
    model_heads,
)
from .config_errors import blames_config

SPLITS = ('train', 'val', 'test')


@blames_config
def scan_config(
    cfg: Config,
    *,
    splits: tuple[str, ...] = SPLITS,
    workers: int = 0,
    progress: bool = True,
    measure: Measure | None = None,
) -> ScanReport:
    """Scan all data sets of a config, or of a base of ``configs/_base_/datasets``."""
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    report, seen, known, trained = ScanReport(), {}, [], []
    for split in splits:
        for name, leaf in named_datasets(cfg, split):
            key = repr(sorted((k, v) for k, v in leaf.items() if k != 'pipeline'))
            if key in seen:
                report.notes.append(f'{name} is the same data set as {seen[key]}')
                continue
            seen[key] = name
            found = _scan_leaf(
                leaf, name, cfg, workers=workers, progress=progress, measure=measure
            )
            report.datasets.append(found)
            if split == 'train':
                trained.append(found)
            else:
                found.warnings += repeated_images(found, trained)
            if found.classes:
                known.append((split, name, leaf))
    report.faults += compare_classes(cfg, known)[1]
    if not seen:
        asked = ', '.join(f'{split}_dataloader' for split in splits)
        raise InputError(f'{cfg.filename}: the config has no data set in {asked}')
    return report


def repeated_images(
    report: DatasetReport, trained: list[DatasetReport]
) -> list[Finding]:
    """Find the images of a data set that the training has, too, or nearly."""
    steps = {name: one for data in trained for name, one in data.steps.items()}
    equal = dict(shared_images(report.steps, steps))
    pairs = [(name, twin, '') for name, twin in equal.items()]
    pairs += [
        (name, twin, f' (similarity {similarity:.2f})')
        for name, twin, similarity in similar_images(report.steps, steps)
        if osp.realpath(name) not in equal
    ]
    return [
        Finding(
            'image also in the training set',
            name,
            f'{name}: the same as {twin} of the training, or nearly{similarity}: '
            'metrics on it say little about new images. Remedy: mmseg-deeplab split '
            'keeps such images in one split',
        )
        for name, twin, similarity in pairs
    ]


def check_first_labels(cfg: Config) -> None:
    """Look at some samples of the training set before a training begins.

    Fewer than two classes with pixels are an error; other suspicions are logged once.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    for leaf in dataset_configs(cfg.get('train_dataloader')):
        steps = [str(step['type']) for step in leaf.get('pipeline') or []]
        if not any('Annotations' in step for step in steps):
            continue  # a data set of another task, which may be huge
        dataset = _build(leaf)
        # Those without files draw their scenes, which takes time.
        if not len(dataset) or not _has_files(dataset):
            continue
        report = first_look(dataset, name=f'train: {_type_name(leaf)}')
        for fault in too_few_classes(report):
            if report.num_samples == len(dataset):
                raise InputError(fault.message)
            report.warnings.append(fault)
        for kind in dict.fromkeys(found.kind for found in report.warnings):
            same = [found for found in report.warnings if found.kind == kind]
            print_log(
                f'{kind}: {len(same)} of {report.num_samples} samples, such as '
                f'{same[0].message} mmseg-deeplab check-data reads them all.',
                'current',
                logging.WARNING,
            )


def _has_files(dataset: BaseSegDataset) -> bool:
    info = BaseDataset.get_data_info(dataset, 0)
    path = info.get('seg_map_path') or ''
    return is_remote(path) or osp.isfile(path)


def named_datasets(cfg: Config, split: str) -> Iterator[tuple[str, dict]]:
    """Yield the data sets of a split with the names that messages give them."""
    leaves = list(dataset_configs(cfg.get(f'{split}_dataloader')))
    for number, leaf in enumerate(leaves, 1):
        part = f' {number} of {len(leaves)}' if len(leaves) > 1 else ''
        yield f'{split}{part}: {_type_name(leaf)}', leaf


def dataset_configs(loader: dict | None) -> Iterator[dict]:
    """Find the data sets of a data loader inside their wrappers, each once."""
    for key in ('dataset', 'datasets'):
        inner = (loader or {}).get(key, [])
        for config in [inner] if isinstance(inner, dict) else inner:
            if 'dataset' in config or 'datasets' in config:
                yield from dataset_configs(config)
            else:
                yield config


def _scan_leaf(leaf: dict, name: str, cfg: Config, **options: Any) -> DatasetReport:
    """Scan one data set, or say why it cannot be built."""
    if missing := missing_paths(leaf):
        return DatasetReport(name=name, faults=missing)
    try:
        dataset = _build(leaf)
    except Exception as error:  # whatever a data set's constructor raises
        kind = getattr(error, 'kind', 'data set that cannot be built')
        message = str(error)
        if 'Remedy:' not in message:  # errors of this package contain a remedy
            message = f'{type(error).__name__}: {message}. {_expected(leaf)}'
        return DatasetReport(name=name, faults=[Finding(kind, name, message)])
    numbers = {head['num_classes'] for _, head in model_heads(cfg)}
    return scan_dataset(
        dataset,
        name=name,
        num_classes=numbers.pop() if len(numbers) == 1 else None,
        **options,
    )


def _build(leaf: dict) -> BaseSegDataset:
    """Build a data set; unlike MMSegmentation's constructor, also an empty one."""
    dataset = lazy_dataset(leaf)
    if dataset is None:
        return DATASETS.build(leaf)
    dataset.serialize_data = False  # mmengine cannot serialize an empty list
    dataset.full_init()
    return dataset


def _type_name(leaf: dict) -> str:
    return leaf['type'] if isinstance(leaf['type'], str) else leaf['type'].__name__


def _locations(leaf: dict) -> dict[str, str]:
    """Paths at which the images, labels and list of a data set are expected."""
    prefix = leaf.get('data_prefix') or {}
    places = dict(
        images=prefix.get('img_path'),
        labels=prefix.get('seg_map_path'),
        list=leaf.get('ann_file'),
    )
    root = leaf.get('data_root') or ''
    return {what: osp.join(root, path) for what, path in places.items() if path}


def _expected(leaf: dict) -> str:
    """Say which files are expected where."""
    suffixes = {}
    for what, key in (('images', 'img_suffix'), ('labels', 'seg_map_suffix')):
        default = getattr(class_parameters(leaf).get(key), 'default', None)
        suffixes[what] = f'/*{leaf.get(key) or default or ""}'
    places = [f'{w} in {p}{suffixes.get(w, "")}' for w, p in _locations(leaf).items()]
    expected = f'Expected {", ".join(places)}. ' if places else ''
    return (
        f"{expected}Remedy: prepare the data as the docstring of the data set's config "
        'says, or give their folder with --cfg-options data_root=DIR.'
    )


def missing_paths(leaf: dict) -> list[Finding]:
    """Find the folders and lists of a data set that do not exist on the local disk."""
    root, places = leaf.get('data_root') or '', _locations(leaf)
    if leaf.get('backend_args') or '://' in root:
        return []
    if root and not osp.isdir(root):
        places = {'data_root': root}
    return [
        Finding(
            'missing folder or list',
            path,
            f'{what} {path!r} of {_type_name(leaf)} does not exist '
            f'({osp.abspath(path)}). {_expected(leaf)}',
        )
        for what, path in places.items()
        if not osp.exists(path)
    ]
