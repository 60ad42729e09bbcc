"""A test that only writes masks, for images without labels and for the servers."""

from typing import Any

from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.utils.errors import InputError

from .option_check import named_dicts
from .scan_config import class_parameters, dataset_configs


def leave_labels_out(cfg: Config) -> None:
    """Let the test of a config read no label and only write its masks, in place."""
    evaluator = cfg.get('test_evaluator')
    if not isinstance(evaluator, dict) or not evaluator.get('output_dir'):
        raise InputError(
            '--format-only writes masks and nothing else. Remedy: give --out FOLDER'
        )
    evaluator.format_only = True
    for leaf in dataset_configs(cfg.get('test_dataloader')):
        default = class_parameters(leaf).get('data_prefix')
        prefix = dict(
            leaf.get('data_prefix') or getattr(default, 'default', None) or {}
        )
        prefix.pop('seg_map_path', None)
        leaf['data_prefix'] = prefix
    nodes = [cfg.test_dataloader, dict(pipeline=cfg.get('tta_pipeline', []))]
    for node in nodes:
        for _, part in named_dicts(node):
            if 'pipeline' in part:
                part['pipeline'] = _without_labels(part['pipeline'])
    if 'tta_pipeline' in cfg:
        cfg.tta_pipeline = nodes[1]['pipeline']


def _without_labels(steps: list[Any]) -> list[Any]:
    """Return a pipeline without what loads labels, at any depth."""
    kept = []
    for step in steps:
        if isinstance(step, list | tuple):
            if inner := _without_labels(step):
                kept.append(inner)
        elif not _loads_labels(step):
            if 'transforms' in step:
                step = dict(step, transforms=_without_labels(step['transforms']))
            kept.append(step)
    return kept


def _loads_labels(step: dict[str, Any]) -> bool:
    kind = step['type']
    kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    return isinstance(kind, type) and issubclass(kind, LoadAnnotations)
