"""What stands beside published weights: classes, config, versions."""

import importlib
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmseg.registry import DATASETS

import mmseg_deeplab

from .describe import inner_dataset

PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmseg')
KEPT = ('epoch', 'iter', 'seed', 'mmengine_version')


def published_meta(
    meta: Mapping[str, Any], cfg: Config, dataset_meta: dict[str, Any]
) -> dict[str, Any]:
    """Return what stands beside the weights: plain values that JSON can hold.

    Args:
        meta: Of the checkpoint.
        cfg: The published config, whose text is kept.
        dataset_meta: From :func:`classes_of`.
    """
    kept = {key: meta[key] for key in KEPT if meta.get(key) is not None}
    return {
        'cfg': cfg.pretty_text,
        'dataset_meta': dataset_meta,
        'published_with': versions(),
        **{key: str(v) if isinstance(v, str) else int(v) for key, v in kept.items()},
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter, as installed now."""
    found = {name: _version(name) for name in PACKAGES}
    return {'mmseg_deeplab': mmseg_deeplab.__version__, **found}


def _version(module: str) -> str:
    return str(importlib.import_module(module).__version__)  # torch's is no plain str


def classes_of(meta: Mapping[str, Any], cfg: Config) -> dict[str, Any]:
    """Return names and colours of the classes, of the checkpoint or of the data set.

    Args:
        meta: Of the checkpoint.
        cfg: Asked for its test data where the checkpoint does not know.

    Raises:
        ValueError: If neither names the classes.
    """
    found = meta.get('dataset_meta') or {
        'classes': meta.get('CLASSES'),
        'palette': meta.get('PALETTE'),
    }
    if not found.get('classes'):
        found = _classes_in_config(cfg)
    if not found.get('classes'):
        raise ValueError(
            'neither the checkpoint nor test_dataloader.dataset of the config names '
            'the classes; add the data set to the config'
        )
    palette = found.get('palette')
    return {
        'classes': [str(name) for name in found['classes']],
        'palette': palette and [[int(c) for c in colour] for colour in palette],
    }


def _classes_in_config(cfg: Config) -> dict[str, Any]:
    dataset = inner_dataset(cfg, 'test_dataloader')
    kind = DATASETS.get(dataset['type']) if 'type' in dataset else None
    return kind._load_metainfo(dataset.get('metainfo')) if kind else {}
