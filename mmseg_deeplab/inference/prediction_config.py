"""The config of a prediction, and the checkpoint that goes with it."""

import copy
import logging
import os
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_deeplab import checkpoints
from mmseg_deeplab.checkpoints.class_order import checkpoint_meta, class_difference
from mmseg_deeplab.config.config_errors import blames_config
from mmseg_deeplab.config.config_file import (
    class_list_path,
    fill_in_classes,
    read_config,
)
from mmseg_deeplab.config.image_channels import apply_channels
from mmseg_deeplab.config.option_check import named_dicts


def read_checkpoint(weights: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint, see :func:`local_file`, without running code from it."""
    return checkpoints.load(checkpoints.local_file(weights))


def prediction_config(
    config: str | os.PathLike | Config | dict,
    checkpoint: dict[str, Any],
    cfg_options: dict[str, Any] | None = None,
) -> Config:
    """Return a config for prediction with a checkpoint; no data set is needed.

    The checkpoint says how many classes there are where the config (a path, a name or a
    config, which is left as it is) leaves that to a class list. Initial weights go.
    """
    classes = checkpoint_meta(checkpoint).get('classes')
    num_classes = len(classes) if classes else None
    if isinstance(config, str | os.PathLike):
        cfg = read_config(config, cfg_options, num_classes=num_classes)
    elif isinstance(config, dict | Config):
        cfg = copy.deepcopy(config)
        cfg = cfg if isinstance(cfg, Config) else Config(cfg)
        cfg.merge_from_dict(cfg_options or {})
        apply_channels(cfg)
        fill_in_classes(cfg, num_classes)
    else:
        raise TypeError(
            'model must be the path of a config, a Config or a dict, received '
            f'{type(config).__name__}'
        )
    without_initial_weights(cfg)
    _warn_of_order(cfg, checkpoint)
    return cfg


def _warn_of_order(cfg: Config, checkpoint: dict[str, Any]) -> None:
    """Say where the class list and the checkpoint give a class different ids."""
    path = class_list_path(cfg)
    if not path or not os.path.isfile(path):
        return
    from mmseg_deeplab.datasets.class_list import read_class_list  # costs a second

    listed = dict(classes=read_class_list(path).names)
    trained = checkpoint_meta(checkpoint)
    found = class_difference(trained, listed, ('the checkpoint', path))
    if found and found.exchanged:
        print_log(
            f'{found.message}. The predictions have the ids of the checkpoint.',
            'current',
            logging.WARNING,
        )


@blames_config
def without_initial_weights(cfg: Config) -> None:
    """Take out, in place, the weights that a training would begin with."""
    cfg.model.pop('pretrained', None)
    cfg.model.train_cfg = None
    for _, node in named_dicts(cfg.model):
        initial = node.get('init_cfg')
        if isinstance(initial, dict) and initial.get('type') == 'Pretrained':
            node['init_cfg'] = None
