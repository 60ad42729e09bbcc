"""Mistakes in a config, said with the file and the place in it.

What a config asks for is built and called by MMSegmentation, whose errors name a class
and an argument at best. Which part of the config was in work is in the traceback.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from traceback import extract_tb, walk_tb
from typing import Any

import mmseg.registry
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.registry import Registry
from torch import nn

from mmseg_deeplab.utils.errors import (
    TRACEBACK,
    InputError,
    MissingPackageError,
    reason,
)

from .option_check import accepted_names, all_settings, named_dicts

# Modules with functions that take parts of a config.
READERS = ('mmengine.', 'mmseg_deeplab.config.')
SECTIONS = {
    'a dict': (
        dict,
        'model train_dataloader val_dataloader test_dataloader train_cfg val_cfg '
        'test_cfg optim_wrapper default_hooks env_cfg randomness visualizer '
        'log_processor',
    ),
    'a dict or a list of them': (dict | list, 'val_evaluator test_evaluator'),
    'a list': (list | tuple, 'custom_hooks tta_pipeline'),
    'a string': (str, 'work_dir load_from data_root labels_file default_scope'),
}


def check_sections(cfg: Config) -> None:
    """Raise InputError if a part of a config is of another type than it can be."""
    for expected, (kind, names) in SECTIONS.items():
        for name in names.split():
            value = cfg.get(name)
            if value is not None and not isinstance(value, kind):
                raise InputError(
                    f'{cfg.filename}: {name} must be {expected}, received {value!r}'
                )


def load_config(path: str | Path) -> Config:
    """Read a config file; whatever is wrong with it is an InputError with the line."""
    try:
        return Config.fromfile(path)
    except Exception as error:  # a config is code: anything may go wrong in it
        lines = [
            f'{frame.filename}, line {frame.lineno}'
            for frame in extract_tb(error.__traceback__)
            if frame.name == '<module>'
        ]
        place = lines[-1] if lines else path
        raise InputError(f'{place}: no readable config: {reason(error)}') from error


@contextmanager
def config_errors(
    cfg: Config, *, is_new: Callable[[], bool] = lambda: True
) -> Iterator[None]:
    """Raise what goes wrong while a config is put to use as an InputError.

    An error while ``is_new()`` is false is a fault of the program and stays as it is.
    """
    try:
        yield
    except (MissingPackageError, OSError, NameError):
        raise  # they name a package or a file; the last is a fault of the program
    except Exception as error:
        if not is_new():
            raise
        place, hint = find_place(cfg, error)
        names_place = str(error).startswith(tuple(all_settings()))
        if isinstance(error, InputError) and not place and not names_place:
            raise
        what = reason(error)
        if not isinstance(error, InputError):
            hint += f' ({TRACEBACK}=1 shows the traceback)'
        where = ': '.join(filter(None, [str(cfg.filename or 'the config'), place]))
        raise InputError(f'{where}: {what}{hint}') from error


def blames_config(function: Callable) -> Callable:
    """Wrap a function, whose first argument is a config, in :func:`config_errors`."""

    @wraps(function)
    def wrapped(cfg: Config, *args: Any, **options: Any) -> Any:
        with config_errors(cfg):
            return function(cfg, *args, **options)

    return wrapped


def find_place(cfg: Config, error: BaseException) -> tuple[str, str]:
    """Return the part of the config that was in work, and a name that may be meant.

    The functions that read it have it, or a copy, as a local variable. If the network
    runs, its innermost module is named.
    """
    read = {name: value for name, value in cfg.items() if name in all_settings()}
    nodes = [(name, node) for name, node in named_dicts(read) if name]
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        if frame.f_globals.get('__name__', '').startswith(READERS):
            parts = [v for v in frame.f_locals.values() if isinstance(v, ConfigDict)]
            places = {_name_of(part, nodes) for part in parts} - {''}
            if len(places) == 1:
                place = places.pop()
                return place, _meant(dict(nodes)[place], error)
    modules = [frame.f_locals.get('self') for frame in frames]
    modules = [module for module in modules if isinstance(module, nn.Module)]
    for name, module in modules[0].named_modules() if modules else ():
        if module is modules[-1]:
            return f'model.{name}'.rstrip('.'), ''
    return '', ''


def _name_of(part: dict, nodes: list[tuple[str, dict]]) -> str:
    """Name the dict of a config with which ``part`` has most in common."""

    content = {(key, repr(value)) for key, value in part.items()}
    best, share = '', 0.3 if 'type' in part else 0.5
    for name, node in nodes:
        if node.get('type') == part.get('type'):
            other = {(key, repr(value)) for key, value in node.items()}
            common = len(content & other) / max(len(content | other), 1)
            best, share = max((best, share), (name, common), key=lambda pair: pair[1])
    return best


def _meant(part: dict, error: BaseException) -> str:
    """Name what is nearest to an unknown type or argument."""
    registries = [r for r in vars(mmseg.registry).values() if isinstance(r, Registry)]
    argument = re.search(r"argument '(\w+)'$", str(error))
    near: list[str] = []
    for _, node in named_dicts(part):
        kind = node.get('type')
        if isinstance(kind, str) and not any(r.get(kind) for r in registries):
            known = set().union(*map(_registered_names, registries))
            near += get_close_matches(kind, known, 3)
    if argument and not near:
        known = accepted_names(part.get('type')) or set()
        near = get_close_matches(argument[1], known, 3)
    return f'; did you mean {" or ".join(near)}?' if near else ''


def _registered_names(registry: Registry) -> set[str]:
    above = _registered_names(registry.parent) if registry.parent else set()
    return above | set(registry.module_dict)


class FirstTimeHook(Hook):
    """Knows whether what runs has yet to work once: a step, a validation, a test."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self._works: set[str] = set()
        self._mode = 'train'

    def before_val(self, runner: Any) -> None:
        self._mode = 'val'

    def before_test(self, runner: Any) -> None:
        self._mode = 'test'

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        self._works.add('train')

    def after_val(self, runner: Any) -> None:
        self._works.add('val')
        self._mode = 'train'

    def is_new(self) -> bool:
        """Return whether an error is likely one of the config."""
        return self._mode not in self._works
