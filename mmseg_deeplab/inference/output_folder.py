"""What the predictions in a folder were made with: the file ``predict.json``."""

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_deeplab.checkpoints import local_file
from mmseg_deeplab.config.config_errors import load_config
from mmseg_deeplab.config.shipped import find_config
from mmseg_deeplab.utils.atomic_files import PART_SUFFIX, write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_hashes import sha256
from mmseg_deeplab.utils.json_files import read_json

from .output_files import OUTPUTS
from .predictor import ModelSource

RECORD = 'predict.json'
# The parts of a config that predictions depend on.
PARTS = ('model', 'tta_pipeline', 'tta_model')


def describe(source: ModelSource, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that predictions depend on, as JSON; files with their hashes."""
    checkpoint = dict(_file(local_file(source.checkpoint)), path=source.checkpoint)
    record = dict(config=None, checkpoint=checkpoint, **options)
    if source.config is not None:
        record['config'] = dict(path=source.config, sha256=_config_hash(source.config))
    if isinstance(options.get('crf'), str):
        record['crf'] = _file(options['crf'])
    return json.loads(json.dumps(record, default=str))


def recorded(folder: Path, name: str) -> str | None:
    """Return what earlier outputs were made with, such as ``'root'``, if there are any.

    ``root`` is the folder below which they are named.
    """
    return (_read(folder / RECORD) or {}).get(name)


def record_time(folder: Path) -> float | None:
    """Return when the outputs that count were begun (POSIX time, s), None without."""
    path = folder / RECORD
    return path.stat().st_mtime if path.is_file() else None


def open_folder(folder: Path, record: Mapping[str, Any], *, overwrite: bool) -> float:
    """Return when the outputs that count were begun, without writing anything.

    This is POSIX time in seconds, 0 where the folder has none, and infinity with
    ``overwrite``. Predictions that were made otherwise, and other files, are an
    InputError.
    """
    path = folder / RECORD
    if overwrite:
        return math.inf
    # In this order: another process may write the record, and then outputs.
    is_used = any(not found.name.startswith('.') for found in folder.glob('*'))
    old = _read(path)
    if old is not None:
        _compare(folder, old, record)
        return path.stat().st_mtime
    if is_used:
        raise InputError(
            f'{folder}: is not empty and has no {RECORD}: predictions would mix with '
            'other files. Remedy: give another --out, or --overwrite'
        )
    return 0.0


def write_record(folder: Path, record: Mapping[str, Any], *, begun: float) -> None:
    """Say in the folder what its outputs are made with.

    Of several processes only the first to come after ``begun``, s, writes the record.
    """
    path, text = folder / RECORD, json.dumps(record, indent=2)
    is_there = path.is_file() and path.stat().st_mtime >= begun
    if not (is_there and path.read_text() == text):
        write_whole(text.encode(), path)


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        record = read_json(path)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise InputError(
            f'{path}: is not the record of a prediction. Remedy: give another --out, '
            'or --overwrite'
        )
    return record


def remove_parts(folder: Path, names: set[str]) -> None:
    """Remove what killed processes have half written of inputs with these names."""
    for kind, suffixes in OUTPUTS.items():
        for part in (folder / kind).rglob(f'.*{PART_SUFFIX}'):
            # labels/a/.1.png.4711.part -> labels/a/1.png, written by process 4711
            target, _, process = part.name[1 : -len(PART_SUFFIX)].rpartition('.')
            path = part.with_name(target).relative_to(folder / kind)
            is_own = path.suffix in suffixes and process.isdecimal()
            is_own = is_own and path.with_suffix('').as_posix() in names
            if is_own and not Path('/proc', process).exists():
                part.unlink(missing_ok=True)


def _compare(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    differing = [
        f'{key} was {_short(old.get(key))}, is {_short(new.get(key))}'
        for key in dict.fromkeys([*old, *new])
        if _content(old.get(key)) != _content(new.get(key))
    ]
    if differing:
        raise InputError(
            f'{folder}: holds predictions made with other settings: '
            f'{"; ".join(differing)}. Remedy: give another --out, or --overwrite to '
            'make them again'
        )


def _content(value: Any) -> Any:
    return value.get('sha256', value) if isinstance(value, dict) else value


def _short(value: Any) -> str:
    if isinstance(value, dict) and 'sha256' in value:
        return f'{value["path"]} (sha256 {value["sha256"][:8]})'
    return repr(value)


def _file(path: str) -> dict[str, str]:
    if not os.path.isfile(path):  # a URL, whose name has to do
        return dict(path=path, sha256=path)
    return dict(path=path, sha256=sha256(path))


def _config_hash(path: str) -> str:
    cfg = load_config(find_config(path)).to_dict()
    kept = {key: cfg.get(key) for key in PARTS}
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    kept['pipeline'] = dataset.get('pipeline')
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
