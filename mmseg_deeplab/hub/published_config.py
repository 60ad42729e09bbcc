"""The config that goes with published weights: whole, and free of private paths."""

import os
import re
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_deeplab.config import named_dicts
from mmseg_deeplab.config.class_weight_file import read_class_weights
from mmseg_deeplab.utils.errors import InputError

# What a run adds to its config, or the command line asks for.
OF_THE_RUN = ('work_dir', 'launcher', 'local_rank', 'experiment_name')
# A path that means something on one machine: absolute, at home, above, on a drive.
MACHINE_PATH = re.compile(r'(/|~|\.\.[/\\]|file://|[A-Za-z]:[/\\]).*', re.DOTALL)
LOCAL_BACKENDS = [dict(type='LocalVisBackend')]


def published_config(cfg: Config) -> Config:
    """Return a config that builds the same network anywhere and downloads nothing.

    Initial weights and what belongs to one run are removed, folders of data become
    ``data/NAME``, class weights are copied from their file. Other paths of this machine
    are an InputError.
    """
    content = cfg.to_dict()
    for key in OF_THE_RUN:
        content.pop(key, None)
    content.update(load_from=None, resume=False)
    content.setdefault('default_scope', 'mmseg')
    content.setdefault(
        'custom_imports', dict(imports=['mmseg_deeplab'], allow_failed_imports=False)
    )
    content['vis_backends'] = LOCAL_BACKENDS
    if isinstance(content.get('visualizer'), dict):
        content['visualizer'].pop('save_dir', None)
        content['visualizer']['vis_backends'] = LOCAL_BACKENDS
    for _, node in named_dicts(content.get('model', {})):
        _without_initial_weights(node)
        if isinstance(node.get('class_weight'), str):
            node['class_weight'] = read_class_weights(node['class_weight'])
    for _, node in named_dicts(content):
        if isinstance(node.get('data_root'), str):
            _move_data(node)
    _check_paths(content)
    return Config(content)


def initial_weights(model: dict) -> list[str]:
    """Return what the parts of a network were initialised from, without folders."""
    found = []
    for _, node in named_dicts(model):
        entries = node.get('init_cfg') or []
        entries = [entries] if isinstance(entries, dict) else entries
        found += [entry.get('checkpoint') for entry in entries if _loads(entry)]
        found.append(node.get('pretrained'))
    names = [name for name in found if isinstance(name, str)]
    return [portable_name(name) for name in dict.fromkeys(names)]


def portable_name(path: str) -> str:
    """Return a URL as it is, and of a path on the disk the file's name."""
    return path if '://' in path else Path(path).name


def _loads(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.get('type') == 'Pretrained'


def _without_initial_weights(node: dict) -> None:
    entries = node.get('init_cfg')
    if isinstance(entries, list | tuple):
        node['init_cfg'] = [entry for entry in entries if not _loads(entry)] or None
    elif _loads(entries):
        node['init_cfg'] = None
    if node.get('pretrained'):
        node['pretrained'] = None if isinstance(node['pretrained'], str) else False


def _move_data(node: dict) -> None:
    """Make ``data_root`` portable, and what lies below it relative to it."""
    root = node['data_root']
    for place in (node, node.get('data_prefix')):
        if not isinstance(place, dict):
            continue
        for key, value in place.items():
            if isinstance(value, str) and _is_below(value, root):
                place[key] = os.path.relpath(value, root)
    if MACHINE_PATH.fullmatch(root):
        full = os.path.abspath(os.path.expanduser(root))
        outside = f'data/{Path(full).name or "dataset"}'
        is_inside = _is_below(full, os.getcwd())
        node['data_root'] = os.path.relpath(full) if is_inside else outside


def _is_below(path: str, root: str) -> bool:
    return os.path.isabs(path) and Path(root) in Path(path).parents


def _check_paths(content: dict) -> None:
    found = []
    for name, node in named_dicts(content):
        for key, value in node.items():
            for text in value if isinstance(value, list | tuple) else [value]:
                if isinstance(text, str) and MACHINE_PATH.fullmatch(text):
                    found.append(f'{name}.{key}={text!r}'.lstrip('.'))
    if found:
        raise InputError(
            f'paths of this machine in the config: {", ".join(found)}. Make them '
            'relative, or override them: --cfg-options KEY=VALUE'
        )
