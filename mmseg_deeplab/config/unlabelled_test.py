"""A test that reads no labels."""

from typing import Any

from mmengine.config import Config
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from .class_agreement import class_parameters
from .option_check import is_derived, named_dicts
from .scan_config import dataset_configs


def leave_labels_out(cfg: Config) -> None:
    """Let the test of a config read no label, and need no folder of them, in place."""
    for leaf in dataset_configs(cfg.get('test_dataloader')):
        default = class_parameters(leaf).get('data_prefix')
        prefix = leaf.get('data_prefix') or getattr(default, 'default', None) or {}
        if prefix.get('seg_map_path'):  # drawn scenes take no folders
            prefix = {k: v for k, v in prefix.items() if k != 'seg_map_path'}
            leaf['data_prefix'] = prefix
    for _, node in named_dicts(cfg.get('test_dataloader')):
        if 'pipeline' in node:
            node['pipeline'] = without_labels(node['pipeline'])
    if 'tta_pipeline' in cfg:
        cfg.tta_pipeline = without_labels(cfg.tta_pipeline)


def without_labels(steps: list[Any]) -> list[Any]:
    """Return a pipeline without what loads labels, at any depth.

    A branch that did nothing else goes, too: TestTimeAug would make no view of it.
    """
    kept = []
    for step in steps:
        if isinstance(step, list | tuple):
            if inner := without_labels(step):
                kept.append(inner)
        elif not is_derived(step['type'], LoadAnnotations, TRANSFORMS):
            if 'transforms' in step:
                step = dict(step, transforms=without_labels(step['transforms']))
            kept.append(step)
    return kept
