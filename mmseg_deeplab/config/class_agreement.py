"""Whether the data sets and the model of a config mean the same classes."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.checkpoints.class_order import class_difference
from mmseg_deeplab.datasets.scan_report import Finding
from mmseg_deeplab.ops.panoptic_ids import thing_indices

from .option_check import is_derived, named_dicts, resolved

Meta = dict[str, Any]  # what a data set knows of its classes


def compare_classes(
    cfg: Config, datasets: Iterable[tuple[str, str, dict]]
) -> tuple[tuple[str, ...], list[Finding]]:
    """Compare data sets with the model, with their pipelines and with each other.

    ``datasets`` are split, name and config of each. Returns the classes of the first
    one that knows them, and what does not agree.
    """
    metas, faults = [], []
    for split, name, leaf in datasets:
        meta = _data_meta(leaf)
        if meta.get('classes'):
            metas.append((split, name, meta))
            faults += _number_faults(cfg, leaf, len(meta['classes']), name)
            faults += _thing_faults(cfg, leaf, meta, name)
    classes = tuple(metas[0][2]['classes']) if metas else ()
    return classes, list(dict.fromkeys(faults + _order_faults(metas)))


def lazy_dataset(leaf: dict) -> BaseDataset | None:
    """Build a data set that has not listed its files; None if its class cannot."""
    accepted = class_parameters(leaf)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
    if not is_derived(leaf['type'], BaseDataset, DATASETS):
        return None
    if not takes_any and 'lazy_init' not in accepted:
        return None
    return DATASETS.build({**leaf, 'lazy_init': True})


def class_parameters(leaf: dict) -> dict[str, inspect.Parameter]:
    """Return the parameters of a data set's class; none if it is not registered."""
    kind = resolved(leaf['type'], DATASETS)
    return dict(inspect.signature(kind).parameters) if kind else {}


def model_heads(cfg: Config) -> Iterator[tuple[str, dict]]:
    """Yield all parts of the model that know a number of classes."""
    for name, node in named_dicts(cfg.get('model'), 'model'):
        if 'num_classes' in node and 'head' in name:
            yield name, node


def _data_meta(leaf: dict) -> Meta:
    dataset = lazy_dataset({**leaf, 'pipeline': []})
    return {} if dataset is None else dataset.metainfo


def _number_faults(
    cfg: Config, leaf: dict, num_classes: int, name: str
) -> list[Finding]:
    """Compare a data set's number of classes with the model and the pipeline."""
    parts = [*model_heads(cfg), *_steps_with('num_classes', leaf, name)]
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


def _order_faults(metas: list[tuple[str, str, Meta]]) -> list[Finding]:
    """Compare the classes of data sets with those of the first one.

    Within a split names and colours must be the same; elsewhere a class must not have
    another id.
    """
    faults = []
    for split, name, meta in metas[1:]:
        first_split, first_name, first = metas[0]
        found = class_difference(first, meta, (first_name, name))
        if found and (found.exchanged or split == first_split):
            message = (
                f'{found.message}. Remedy: one class list for all data sets, such as '
                'labels_file=/PATH/labels.txt, or the same metainfo; and masks that '
                'are numbered or coloured by it.'
            )
            faults.append(Finding('class order', name, message))
    return faults


def _thing_faults(cfg: Config, leaf: dict, meta: Meta, name: str) -> list[Finding]:
    """Compare ``thing_classes`` of the model and the pipeline with the data set's."""
    parts = [*named_dicts(cfg.get('model'), 'model')]
    parts += _steps_with('thing_classes', leaf, name)
    things = thing_indices(meta)
    named = ', '.join(meta['classes'][one] for one in things) or 'none'
    return [
        Finding(
            'thing_classes',
            where,
            f'{where}: thing_classes={list(part["thing_classes"])}, but the data set '
            f'({name}) has {things} ({named}). Remedy: set thing_classes={things} '
            "there, or thing_classes=['car', ...] in metainfo of the data set.",
        )
        for where, part in parts
        if part.get('thing_classes') and sorted(part['thing_classes']) != things
    ]


def _steps_with(key: str, leaf: dict, name: str) -> list[tuple[str, dict]]:
    """Return the steps of a data set's pipeline that have a value for ``key``."""
    steps = [step for step in leaf.get('pipeline', []) if step.get(key) is not None]
    return [(f'{step["type"]} ({name})', step) for step in steps]
