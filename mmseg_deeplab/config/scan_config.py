"""Scan the data sets that a config names, and compare them with its model."""

import inspect
import os.path as osp
from collections.abc import Iterator

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.datasets.scan_report import DatasetReport, Finding, ScanReport

from .config_file import named_dicts

SPLITS = ('train', 'val', 'test')


def scan_config(
    cfg: Config,
    *,
    splits: tuple[str, ...] = SPLITS,
    workers: int = 0,
    progress: bool = True,
) -> ScanReport:
    """Scan all data sets of a config.

    Args:
        cfg: The config; a base of ``configs/_base_/datasets`` will do.
        splits: Which of ``'train'``, ``'val'`` and ``'test'``.
        workers: Number of processes; 0 reads in this one.
        progress: Whether to show progress bars on stderr.

    Raises:
        ValueError: If the config has none of these data sets.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    report, seen = ScanReport(), {}
    for split in splits:
        leaves = list(dataset_configs(cfg.get(f'{split}_dataloader')))
        for number, leaf in enumerate(leaves, 1):
            part = f' {number} of {len(leaves)}' if len(leaves) > 1 else ''
            name = f'{split}{part}: {_type_name(leaf)}'
            key = repr(sorted((k, v) for k, v in leaf.items() if k != 'pipeline'))
            if key in seen:
                report.notes.append(f'{name} is the same data set as {seen[key]}')
                continue
            seen[key] = name
            _scan_leaf(
                leaf, report, name=name, cfg=cfg, workers=workers, progress=progress
            )
    if not seen:
        asked = ', '.join(f'{split}_dataloader' for split in splits)
        raise ValueError(f'{cfg.filename}: the config has no data set in {asked}')
    return report


def dataset_configs(loader: dict | None) -> Iterator[dict]:
    """Find the data sets of a data loader under their wrappers.

    ``RepeatDataset`` and its like hold one in ``dataset``, ``ConcatDataset`` several in
    ``datasets``; each is given once.

    Args:
        loader: The config of a data loader, or of a wrapper.
    """
    for key in ('dataset', 'datasets'):
        inner = (loader or {}).get(key, [])
        for config in [inner] if isinstance(inner, dict) else inner:
            if 'dataset' in config or 'datasets' in config:
                yield from dataset_configs(config)
            else:
                yield config


def _scan_leaf(
    leaf: dict,
    report: ScanReport,
    *,
    name: str,
    cfg: Config,
    workers: int,
    progress: bool,
) -> None:
    """Scan one data set, or say why it cannot be built."""
    missing = missing_paths(leaf)
    if missing:
        report.datasets.append(DatasetReport(name=name, faults=missing))
        return
    try:
        dataset = _build(leaf)
    except Exception as error:  # whatever a data set's constructor raises
        kind = getattr(error, 'kind', 'data set that cannot be built')
        message = str(error)
        if 'Remedy:' not in message:  # which errors of this package name themselves
            message = f'{type(error).__name__}: {message}. {_expected(leaf)}'
        fault = Finding(kind, name, message)
        report.datasets.append(DatasetReport(name=name, faults=[fault]))
        return
    found = scan_dataset(
        dataset,
        name=name,
        num_classes=_model_classes(cfg),
        workers=workers,
        progress=progress,
    )
    report.datasets.append(found)
    if found.classes:
        num_classes = len(found.classes)
        for fault in class_mismatches(cfg, leaf, num_classes, name):
            if fault not in report.faults:
                report.faults.append(fault)


def _build(leaf: dict) -> BaseSegDataset:
    """Build a data set; unlike the host's constructor, also an empty one."""
    cls = _dataset_class(leaf)
    accepted = inspect.signature(cls).parameters
    any_name = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    if 'lazy_init' not in accepted and not any_name:
        return DATASETS.build(leaf)
    dataset = DATASETS.build({**leaf, 'lazy_init': True})
    dataset.serialize_data = False  # the host cannot serialize an empty list
    dataset.full_init()
    return dataset


def _dataset_class(leaf: dict) -> type:
    found = (
        DATASETS.get(leaf['type']) if isinstance(leaf['type'], str) else leaf['type']
    )
    if found is None:
        raise ValueError(f'{leaf["type"]}: no such data set is registered')
    return found


def _type_name(leaf: dict) -> str:
    return leaf['type'] if isinstance(leaf['type'], str) else leaf['type'].__name__


def _locations(leaf: dict) -> dict[str, str]:
    """Where the files of a data set are expected: what is there, and its path."""
    prefix = leaf.get('data_prefix') or {}
    places = dict(
        images=prefix.get('img_path'),
        labels=prefix.get('seg_map_path'),
        list=leaf.get('ann_file'),
    )
    root = leaf.get('data_root') or ''
    return {what: osp.join(root, path) for what, path in places.items() if path}


def _expected(leaf: dict) -> str:
    """Say what is expected where."""
    try:
        parameters = inspect.signature(_dataset_class(leaf)).parameters
    except ValueError:
        return ''
    suffixes = {}
    for what, key in (('images', 'img_suffix'), ('labels', 'seg_map_suffix')):
        default = getattr(parameters.get(key), 'default', None)
        suffixes[what] = f'/*{leaf.get(key) or default or ""}'
    places = [f'{w} in {p}{suffixes.get(w, "")}' for w, p in _locations(leaf).items()]
    if not places:
        return ''
    return (
        f'Expected {", ".join(places)}. Remedy: prepare the data as the docstring of '
        "the data set's config says, or give their folder with --cfg-options "
        'data_root=DIR.'
    )


def missing_paths(leaf: dict) -> list[Finding]:
    """Find the folders and lists of a data set that do not exist.

    Args:
        leaf: The config of a data set without a wrapper.
    """
    if leaf.get('backend_args'):
        return []  # not on this machine's disk
    root = leaf.get('data_root')
    places = _locations(leaf)
    if root and places and not osp.isdir(root):
        places = {'data_root': root}
    return [
        Finding(
            'missing folder or list',
            path,
            f'{what} {path!r} does not exist ({osp.abspath(path)}). {_expected(leaf)}',
        )
        for what, path in places.items()
        if not osp.exists(path)
    ]


def _model_heads(cfg: Config) -> Iterator[tuple[str, dict]]:
    """All parts of the model that know a number of classes."""
    for name, node in named_dicts(cfg.get('model'), 'model'):
        if 'num_classes' in node:
            yield name, node


def _model_classes(cfg: Config) -> int | None:
    """The number of classes for a data set that does not know it."""
    numbers = {head['num_classes'] for _, head in _model_heads(cfg)}
    return numbers.pop() if len(numbers) == 1 else None


def class_mismatches(
    cfg: Config, leaf: dict, num_classes: int, name: str
) -> list[Finding]:
    """Compare a data set's number of classes with the model and the pipeline.

    Args:
        cfg: The whole config.
        leaf: The data set's own config.
        num_classes: K, the classes of the data set.
        name: The data set's name, for the message.
    """
    parts = list(_model_heads(cfg))
    parts += [
        (f'{t["type"]} ({name})', t)
        for t in leaf.get('pipeline', [])
        if t.get('num_classes') is not None
    ]
    return [
        Finding(
            'num_classes',
            where,
            f'{where}: num_classes={part["num_classes"]}, but the data set ({name}) '
            f'has {num_classes} classes. Remedy: set num_classes={num_classes} there.',
        )
        for where, part in parts
        if part['num_classes'] != num_classes
    ]
