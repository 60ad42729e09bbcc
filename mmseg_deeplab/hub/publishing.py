"""Publish a checkpoint: weights named after their hash, their config, their card."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from benchmarks.complexity import count_parameters
from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.utils.atomic_files import write_whole

from .build_check import build_with
from .card import Card
from .describe import inner_dataset, network_in_words, other_modules
from .published_config import initial_weights, published_config
from .published_meta import classes_of, published_meta, versions
from .published_metrics import Figures, find_figures, read_figures
from .published_weights import published_state, to_bytes
from .training_facts import training_facts

# torch.hub reads the hash between the first `-` before hexadecimal digits and a dot: no
# dot may stand in the name.
NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_-]*')
HASH_DIGITS = 8  # the least that torch.hub's convention asks for


@dataclass(frozen=True)
class Published:
    """The files written.

    Args:
        weights: ``NAME-HASH.pth`` or ``.safetensors``.
        config: ``NAME-HASH.py``.
        card: ``NAME-HASH.md``.
        note: What the user should know, or nothing.
    """

    weights: Path
    config: Path
    card: Path
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
    overwrite: bool = False,
) -> Published:
    """Write what others need of a trained model, and nothing else.

    The weights stay as they are, to the bit. The same input gives the same bytes and so
    the same name, which ends in the first digits of their SHA-256 for torch.hub.

    Args:
        cfg: Config that the checkpoint was trained with.
        checkpoint: File of the checkpoint.
        out: Folder for the three files.
        name: Of the model: letters, digits, ``_`` and ``-``.
        file_format: ``'pth'`` or ``'safetensors'``.
        licence: Of the weights, as the card shall state it, e.g. ``'cc-by-4.0'``.
        metrics: JSON file of an evaluation; without it see :func:`find_figures`.
        ema: See :func:`published_state`.
        overwrite: Replace files of these names with other content.

    Raises:
        FileNotFoundError: If the checkpoint or the file of figures is missing.
        ValueError: If the name cannot be had, the checkpoint would run code, config
            and checkpoint do not belong together, or files of these names with other
            content exist.
    """
    if not NAME.fullmatch(name):
        raise ValueError(
            f'name {name!r}: only letters, digits, _ and - are allowed (torch.hub '
            'takes what stands between - and a dot for the hash); use --name'
        )
    loaded = load(checkpoint)
    clean = published_config(cfg)
    state = published_state(loaded, ema=ema)
    meta = loaded['meta'] if isinstance(loaded.get('meta'), dict) else {}
    known = classes_of(meta, cfg)
    model = build_with(clean, state, num_classes=len(known['classes']))
    content = to_bytes(state, published_meta(meta, clean, known), file_format)
    folder = Path(checkpoint).parent
    figures, note = _figures(metrics, folder, meta, known['classes'], ema=ema)
    averaged = 'ema_state_dict' in loaded and ema is not False
    card = Card(
        **_told_by_file(name, content, f'.{file_format}'),
        **_told_by_config(cfg, clean),
        **known,
        parameters=count_parameters(model),
        licence=licence,
        figures=figures,
        facts=training_facts(cfg, meta, folder=folder, ema=averaged),
        versions=versions(),
    )
    return _write(card, content, clean, Path(out), note=note, overwrite=overwrite)


def _told_by_file(name: str, content: bytes, suffix: str) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        'name': name,
        'stem': f'{name}-{sha256[:HASH_DIGITS]}',
        'suffix': suffix,
        'sha256': sha256,
        'size': len(content),
    }


def _told_by_config(cfg: Config, clean: Config) -> dict[str, Any]:
    return {
        'network': network_in_words(clean.model),
        'dataset': inner_dataset(cfg, 'train_dataloader').get('type'),
        'initial_weights': initial_weights(cfg.model),
        'other_modules': other_modules(clean),
    }


def _write(
    card: Card, weights: bytes, cfg: Config, out: Path, *, note: str, overwrite: bool
) -> Published:
    config = f'"""{card.name}: see the card beside."""\n\n{cfg.pretty_text}'
    contents = {
        out / f'{card.stem}{card.suffix}': weights,
        out / f'{card.stem}.py': config.encode(),
        out / f'{card.stem}.md': card.text().encode(),
    }
    there = [
        str(path)
        for path, content in contents.items()
        if path.exists() and path.read_bytes() != content
    ]
    if there and not overwrite:
        raise ValueError(
            f'{", ".join(there)} exist with other content and are left alone; give '
            'another --out or --name, or --overwrite'
        )
    for path, content in contents.items():
        write_whole(content, path)
    return Published(*contents, note=note)


def _figures(
    metrics: str | Path | None,
    folder: Path,
    meta: dict[str, Any],
    classes: list[str],
    *,
    ema: bool | None,
) -> tuple[Figures | None, str]:
    if metrics is not None:
        return read_figures(metrics, classes), ''
    if ema is False:
        return None, 'the log has figures of the average, not of these: give --metrics'
    return find_figures(folder, meta.get('iter'), classes)
