"""The config of a prediction, and the checkpoint that goes with it."""

import copy
import os
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.runner.checkpoint import CheckpointLoader

from mmseg_deeplab import checkpoints
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.config_file import named_dicts
from mmseg_deeplab.models import set_output_stride

from .class_names import checkpoint_meta


def read_checkpoint(weights: str | os.PathLike) -> dict[str, Any]:
    """Read a checkpoint without running code from it.

    Args:
        weights: Path or URL. A URL makes mmengine's loader safe for the rest of the
            process, see :func:`~mmseg_deeplab.checkpoints.enable_safe_loading`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it would run code, or is no checkpoint.
    """
    weights = os.fspath(weights)
    if '://' in weights:
        checkpoints.enable_safe_loading()
        return CheckpointLoader.load_checkpoint(weights, map_location='cpu')
    launch.check_checkpoint(weights)
    return checkpoints.load(weights)


def prediction_config(
    config: str | os.PathLike | Config | dict,
    checkpoint: dict[str, Any],
    cfg_options: dict[str, Any] | None = None,
) -> Config:
    """Return a config for prediction with a checkpoint; no data set is needed.

    Where the config leaves ``num_classes`` to a class list, the checkpoint, which
    knows its classes, says it; only without its word the file is read. Initial weights
    are left out: the checkpoint replaces them.

    Args:
        config: Path or config; left as it is.
        checkpoint: As loaded.
        cfg_options: Override settings, dotted keys.

    Raises:
        FileNotFoundError: If there is no such config, or no class list.
        TypeError: If the config is something else.
    """
    options = dict(cfg_options or {})
    classes = checkpoint_meta(checkpoint).get('classes')
    if classes and 'labels_file' not in options:
        options['labels_file'] = None  # not to be read
    if isinstance(config, str | os.PathLike):
        cfg = launch.load_config(os.fspath(config), cfg_options=options)
    elif isinstance(config, dict | Config):
        cfg = copy.deepcopy(config)
        cfg = cfg if isinstance(cfg, Config) else Config(cfg)
        cfg.merge_from_dict(options)
    else:
        raise TypeError(
            'model must be the path of a config, a Config or a dict, received '
            f'{type(config).__name__}'
        )
    _prepare_model(cfg.model, len(classes or ()) or None)
    return cfg


def _prepare_model(model: ConfigDict, num_classes: int | None) -> None:
    """Fill in the number of classes, and leave out what training needs."""
    model.pop('pretrained', None)
    model.train_cfg = None
    for _, node in named_dicts(model):
        if 'num_classes' in node and node['num_classes'] is None:
            node['num_classes'] = num_classes
        initial = node.get('init_cfg')
        if isinstance(initial, dict) and initial.get('type') == 'Pretrained':
            node['init_cfg'] = None


def apply_options(
    cfg: Config,
    *,
    tta: bool,
    crf: str | bool | None,
    output_stride: int | None,
    lean: bool,
) -> None:
    """Change a config as the options of ``tools/test.py`` do.

    Args:
        cfg: Changed in place.
        tta: Test-time augmentation.
        crf: None leaves it as the config says, False takes it out; for the others see
            :func:`~mmseg_deeplab.config.prepare.enable_crf`.
        output_stride: None leaves it as the config says.
        lean: Take a ``LeanEncoderDecoder`` in the place of an ``EncoderDecoder``.

    Raises:
        FileNotFoundError: If there is no such CRF fragment.
        ValueError: If the config lacks what an option needs.
    """
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    if lean:
        launch.take_lean_segmentor(cfg.model)
    if crf:
        launch.enable_crf(cfg, crf)
    elif crf is False:
        cfg.model.pop('crf', None)
    if tta:
        cfg.setdefault('test_dataloader', ConfigDict(dataset=ConfigDict()))
        launch.enable_tta(cfg)
