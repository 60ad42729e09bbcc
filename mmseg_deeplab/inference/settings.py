"""What the predictions in a folder were made with."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_deeplab.utils.atomic_files import write_whole

from .model_source import ModelSource

RECORD = 'infer.json'
# What of a config decides about predictions.
PARTS = ('model', 'tta_pipeline', 'tta_model')


def describe(source: ModelSource, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that predictions depend on, as JSON holds it.

    Files stand with a hash of their content, so that a folder remembers the weights
    and not only their name.

    Args:
        source: The model.
        options: How it predicts; ``crf`` may be the path of a fragment, which counts
            with its content.

    Raises:
        FileNotFoundError: If the config does not exist.
    """
    record = dict(config=None, checkpoint=_file(source.checkpoint), **options)
    if source.config is not None:
        record['config'] = dict(path=source.config, sha256=_config_hash(source.config))
    if isinstance(options.get('crf'), str):
        record['crf'] = _file(options['crf'])
    return json.loads(json.dumps(record, default=str))


def digest(record: Mapping[str, Any]) -> str:
    """Return a short hash of a record, whatever its files are called.

    Args:
        record: From :func:`describe`.
    """
    text = json.dumps({key: _content(value) for key, value in record.items()})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def claim_folder(
    folder: str | os.PathLike, record: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Write the record into a folder, or find an equal one there.

    Args:
        folder: For the outputs; made when needed.
        record: From :func:`describe`.
        overwrite: Take a folder with another record.

    Raises:
        ValueError: If the folder holds predictions that were made otherwise, or other
            things that would be mixed with them.
    """
    path = Path(folder) / RECORD
    if path.is_file() and not overwrite:
        _compare(path, _read(path), record)
    elif not overwrite and any(map(_is_visible, path.parent.glob('*'))):
        raise ValueError(
            f'{path.parent}: is not empty and has no {RECORD}: predictions would mix '
            'with other files. Remedy: give another --out, or --overwrite'
        )
    write_whole(json.dumps(record, indent=2).encode(), path)


def _is_visible(path: Path) -> bool:
    return not path.name.startswith('.')


def _compare(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    differing = [
        f'{key} was {_short(old.get(key))}, is {_short(new.get(key))}'
        for key in dict.fromkeys([*old, *new])
        if _content(old.get(key)) != _content(new.get(key))
    ]
    if differing:
        raise ValueError(
            f'{path.parent}: holds predictions made with other settings: '
            f'{"; ".join(differing)}. Remedy: give another --out, or --overwrite to '
            'make them again'
        )


def _read(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(path.read_text())
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise ValueError(
            f'{path}: is not the record of a prediction. Remedy: give another --out, '
            'or --overwrite'
        )
    return record


def _content(value: Any) -> Any:
    return value.get('sha256', value) if isinstance(value, dict) else value


def _short(value: Any) -> str:
    if isinstance(value, dict) and 'sha256' in value:
        return f'{value["path"]} (sha256 {value["sha256"][:8]})'
    return repr(value)


def _file(path: str) -> dict[str, str]:
    if not os.path.isfile(path):  # a URL, whose name must do
        return dict(path=path, sha256=path)
    content = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return dict(path=path, sha256=content.hexdigest())


def _config_hash(path: str) -> str:
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'config {path!r} does not exist (current folder {os.getcwd()})'
        )
    cfg = Config.fromfile(path).to_dict()
    kept = {key: cfg.get(key) for key in PARTS}
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    kept['pipeline'] = dataset.get('pipeline')
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
