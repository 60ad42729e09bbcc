"""Publish a checkpoint: weights named after their hash, their config, their card."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.checkpoints.formats.safetensors_file import (
    dump_safetensors,
    own_memory,
)
from mmseg_deeplab.checkpoints.state_dicts import StateDict, tensors_of, trained_weights
from mmseg_deeplab.config.config_errors import blames_config
from mmseg_deeplab.inference.class_names import class_meta
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError

from .model_card import logged_metrics, model_card, read_metrics
from .published_config import published_config

# torch.hub reads the hash between the first `-` before hexadecimal digits and a dot: no
# dot may stand in the name.
NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_-]*')
HASH_DIGITS = 8  # the least that torch.hub's convention asks for
PACKAGES = ('mmseg_deeplab', 'torch', 'mmengine', 'mmcv', 'mmseg')
KEPT = ('epoch', 'iter', 'seed', 'mmengine_version')  # of a checkpoint's meta data


@dataclass(frozen=True)
class Published:
    """The files written, and what the user should know."""

    weights: Path  # NAME-HASH.pth or .safetensors
    config: Path  # NAME-HASH.py
    card: Path  # NAME-HASH.md
    note: str = ''


def publish(
    cfg: Config,
    checkpoint: str | Path,
    out: str | Path,
    *,
    name: str,
    file_format: str = 'pth',
    licence: str | None = None,
    metrics: str | Path | None = None,
    ema: bool | None = None,
    reference: str | None = None,
    overwrite: bool = False,
) -> Published:
    """Write what others need of a trained model, and nothing else.

    The weights stay as they are, to the bit. The same input gives the same bytes and so
    the same name, which ends in the first digits of their SHA-256 for torch.hub.

    Args:
        cfg: Config that the checkpoint was trained with.
        checkpoint: File of the checkpoint.
        out: Folder for the three files.
        name: Name of the model: letters, digits, ``_`` and ``-``.
        file_format: ``'pth'`` or ``'safetensors'``.
        licence: Licence of the weights for the card, e.g. ``'cc-by-4.0'``.
        metrics: JSON file of an evaluation, in place of the training's log.
        ema: True for the moving average, False for the trained weights; None for
            ``state_dict``.
        reference: ``hf://OWNER/NAME`` for the card, where the model will be.
        overwrite: Replace files of these names with other content.

    Raises:
        ValueError: If the name is not allowed, the checkpoint would run code or does
            not fit the config, the format is unknown, ``ema`` is given without a moving
            average in the checkpoint, or other files have these names.
    """
    if not NAME.fullmatch(name):
        raise InputError(f'--name {name!r}: only letters, digits, _ and - are allowed')
    loaded = load(checkpoint)
    meta = loaded['meta'] if isinstance(loaded.get('meta'), dict) else {}
    clean, state = published_config(cfg), published_state(loaded, ema=ema)
    model = build_with(clean, state)
    dataset_meta = class_meta(model.num_classes, {'meta': meta}, cfg)
    dataset_meta['classes'] = list(dataset_meta['classes'])
    kept = published_meta(meta, cfg=clean.pretty_text, dataset_meta=dataset_meta)
    content = to_bytes(state, kept, file_format)
    is_average = 'ema_state_dict' in loaded and ema is not False
    if metrics is not None:
        found = read_metrics(metrics, dataset_meta['classes'])
    else:  # the log is of the average
        folder = Path(checkpoint).parent
        found = None if ema is False else logged_metrics(folder, meta.get('iter'))
    named = dict(dataset_meta, name=name, licence=licence, reference=reference)
    values = named | _about(content, name, file_format, model, kept)
    card = model_card(cfg, meta, values, metrics=found, is_average=is_average)
    config = f'"""{name}: see the card beside."""\n\n{clean.pretty_text}'
    contents = content, config.encode(), card.encode()
    stem = Path(out) / values['stem']
    files = [stem.with_suffix(f'.{suffix}') for suffix in (file_format, 'py', 'md')]
    _write_all(dict(zip(files, contents, strict=True)), overwrite=overwrite)
    note = 'the card has no metrics: give --metrics FILE' if found is None else ''
    return Published(*files, note=note)


def _about(
    content: bytes, name: str, file_format: str, model: nn.Module, meta: dict
) -> dict[str, str]:
    """Return what the card says of the weights file."""
    sha256 = hashlib.sha256(content).hexdigest()
    stem = f'{name}-{sha256[:HASH_DIGITS]}'
    return dict(
        stem=stem,
        weights=f'{stem}.{file_format}',
        sha256=sha256,
        megabytes=f'{len(content) / 1e6:.1f}',
        parameters=f'{sum(p.numel() for p in model.parameters()) / 1e6:.2f}',
        versions=', '.join(' '.join(one) for one in meta['published_with'].items()),
    )


def _write_all(files: Mapping[Path, bytes], *, overwrite: bool) -> None:
    for path, content in files.items():
        if path.exists() and path.read_bytes() != content and not overwrite:
            raise InputError(
                f'{path} exists with other content; give another --out, or --overwrite'
            )
    for path, content in files.items():
        write_whole(content, path)


def published_meta(
    meta: Mapping[str, Any], *, cfg: str, dataset_meta: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the weights file says of the training, and the versions here."""
    kept = {key: meta[key] for key in KEPT if meta.get(key) is not None}
    kept = {k: str(v) if isinstance(v, str) else int(v) for k, v in kept.items()}
    versions = {name: str(import_module(name).__version__) for name in PACKAGES}
    return kept | dict(cfg=cfg, dataset_meta=dataset_meta, published_with=versions)


def published_state(checkpoint: Mapping[str, Any], *, ema: bool | None) -> StateDict:
    """Return the weights to publish, each tensor alone in its memory.

    ``ema`` chooses between average and trained weights; None is for what ``state_dict``
    has.
    """
    if ema is not None and 'ema_state_dict' not in checkpoint:
        option = '--ema' if ema else '--no-ema'
        raise InputError(f'{option}: the checkpoint holds no moving average')
    state = tensors_of(checkpoint)
    if ema is False:
        state |= trained_weights(checkpoint)
    if all(key.startswith('module.') for key in state):  # saved by a wrapper
        state = {key.removeprefix('module.'): value for key, value in state.items()}
    return own_memory(state)


@blames_config
def build_with(cfg: Config, state: StateDict) -> nn.Module:
    """Build the published network: proof that config and weights belong together."""
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(
            f'checkpoint and config do not belong together: {str(error)[:500]}'
        ) from error
    return model


def to_bytes(state: StateDict, meta: dict[str, Any], file_format: str) -> bytes:
    """Return the content of the weights file: equal for equal input."""
    if file_format == 'safetensors':
        return dump_safetensors(state, meta)
    if file_format != 'pth':
        raise InputError(f"format must be 'pth' or 'safetensors', got {file_format!r}")
    buffer = io.BytesIO()  # a file would put its own name into the archive
    torch.save({'state_dict': state, 'meta': meta}, buffer)
    return buffer.getvalue()
