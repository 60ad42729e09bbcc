"""Whether the data sets and the model of a config mean the same classes."""

import inspect
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.checkpoints.class_order import class_difference
from mmseg_deeplab.datasets.scan_report import Finding
from mmseg_deeplab.ops.panoptic_ids import thing_indices

from .option_check import named_dicts


def data_meta(leaf: dict) -> dict[str, Any]:
    """Return what a data set knows of its classes, without listing its files.

    Empty where the class of the data set cannot tell without them.
    """
    kind = DATASETS.get(leaf['type']) if isinstance(leaf['type'], str) else leaf['type']
    if not (isinstance(kind, type) and issubclass(kind, BaseDataset)):
        return {}
    accepted = inspect.signature(kind).parameters.values()
    if not any(p.name == 'lazy_init' or p.kind is p.VAR_KEYWORD for p in accepted):
        return {}
    return DATASETS.build({**leaf, 'lazy_init': True, 'pipeline': []}).metainfo


def order_faults(metas: Sequence[tuple[str, str, dict[str, Any]]]) -> list[Finding]:
    """Compare the classes of data sets with those of the first one.

    Args:
        metas: The split, the name and the meta information of each data set. Within a
            split names and colours must be the same; elsewhere a class must not have
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


def thing_faults(cfg: Config, leaf: dict, meta: dict, name: str) -> list[Finding]:
    """Compare ``thing_classes`` of the model and the pipeline with the data set's."""
    if not meta.get('classes'):
        return []
    parts = [*named_dicts(cfg.get('model'), 'model')]
    parts += [(f'{t["type"]} ({name})', t) for t in leaf.get('pipeline', [])]
    given = [
        (where, p['thing_classes']) for where, p in parts if p.get('thing_classes')
    ]
    things = thing_indices(meta)
    named = ', '.join(meta['classes'][one] for one in things) or 'none'
    return [
        Finding(
            'thing_classes',
            where,
            f'{where}: thing_classes={list(found)}, but the data set ({name}) has '
            f'{things} ({named}). Remedy: set thing_classes={things} there, or '
            "thing_classes=['car', ...] in metainfo of the data set.",
        )
        for where, found in given
        if found is not None and sorted(found) != things
    ]
