"""Refuse options that would change nothing, and name those that would."""

import inspect
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import mmseg.registry
from mmengine.config import Config
from mmengine.registry import Registry
from mmseg.registry import MODELS

from mmseg_deeplab.utils.errors import InputError

# Variables of a config whose new value is carried to where the config has used it.
CARRIED = (
    'data_root',
    'labels_file',
    'img_suffix',
    'seg_map_suffix',
    'reduce_zero_label',
    'num_classes',
    'crop_size',
    'raster_window',
)
# What is read from a config beside the arguments of mmengine's runner: by the runner,
# and by this package.
SETTINGS = {
    'activation_checkpointing',
    'channels',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'runner_type',
    'shown_bands',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
    'value_range',
}
# Keys of a dict that are not arguments of its type.
COMMON_KEYS = {'type', '_delete_', '_scope_', 'init_cfg', 'priority', 'requires_grad'}
COMMON_KEYS |= {'constructor', 'optimizer', 'paramwise_cfg'}  # of optim_wrapper
# What is read from dicts that have no type.
PLAIN_DICTS = {
    'auto_scale_lr': {'base_batch_size', 'enable'},
    'env_cfg': {'cudnn_benchmark', 'dist_cfg', 'mp_cfg', 'resource_limit'},
    'optim_wrapper.clip_grad': {
        'clip_value',
        'error_if_nonfinite',
        'foreach',
        'max_norm',
        'norm_type',
    },
    'randomness': {'deterministic', 'diff_rank_seed', 'seed'},
}
DATALOADER = {'dataset', 'num_batch_per_epoch'}  # beside the arguments of torch's


def refuse_useless_options(cfg: Config, options: dict[str, Any]) -> None:
    """Raise ValueError if an option would change nothing; the message names others.

    These are variables that the config file has already used, names that nothing reads,
    and keys that the type of their dict does not take (``train_cfg.max_iter``).
    """
    settings = all_settings()
    for key, value in options.items():
        root = key.split('.')[0]
        if key == 'launcher':
            why = 'the command line says it, --launcher'
        elif root in settings:
            why = _refused_argument(key) or _unread_key(cfg, key, options)
        elif root not in cfg:
            # A name that is not there needs no removal.
            why = None if value is None else 'nothing reads this name'
        elif key not in CARRIED:
            why = 'a variable of the config file, which has already used its value'
        else:
            places = places_of(cfg, key, cfg[key])
            read = 'labels_file' in cfg  # which gives the classes, see config_file.py
            read |= any(name.split('.')[0] in settings for name, _, _ in places)
            why = None if read else 'no part of the config has its value'
        if why:
            near = _nearest(cfg, key, settings | set(CARRIED))
            hint = f' Did you mean {" or ".join(near)}?' if near else ''
            raise InputError(f'the option {key} would change nothing: {why}.{hint}')


def refuse_misspelt_names(cfg: Config) -> None:
    """Raise InputError for a name at the top of a config that is nearly a setting."""
    settings = all_settings()
    for name in sorted(cfg.keys() - settings):
        # MMSegmentation's own configs have test_pipeline (0.88 like tta_pipeline), and
        # train_dataloader2 is a variable.
        near = get_close_matches(name, settings, 1, cutoff=0.92)
        if near and not name.startswith(near[0]):
            raise InputError(
                f'nothing reads {name} at the top of the config. Did you mean '
                f'{near[0]}? Remedy: correct it; a variable of your own needs another '
                'name'
            )


def all_settings() -> set[str]:
    """Return the names at the top of a config that something reads."""
    from mmengine.runner import Runner  # costly, and most configs are read as they are

    return SETTINGS | inspect.signature(Runner).parameters.keys()


def places_of(cfg: Config, key: str, value: Any) -> Iterator[tuple[str, dict, str]]:
    """Yield name and content of each dict with the value of a variable, and its key.

    The crop size is also the size of paddings and of batches, but not of windows.
    """
    for name, node in named_dicts(cfg):
        here = key
        if key == 'crop_size' and name.endswith('test_cfg'):
            continue
        if key == 'crop_size' and (
            name.endswith('data_preprocessor') or node.get('type') == 'Pad'
        ):
            here = 'size'
        if name and here in node and _hashable(node[here]) == _hashable(value):
            yield name, node, here


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def resolved(kind: Any, registry: Registry = MODELS) -> Any:
    """Return the class that the ``type`` of a config means; None if it is unknown."""
    return registry.get(kind) if isinstance(kind, str) else kind


def is_derived(kind: Any, base: type, registry: Registry = MODELS) -> bool:
    """Whether the ``type`` of a config is a class derived from ``base``."""
    found = resolved(kind, registry)
    return isinstance(found, type) and issubclass(found, base)


def named_dicts(node: object, path: str = '') -> Iterator[tuple[str, dict]]:
    """Walk through all dicts of a config, or of a part, with their dotted names."""
    if isinstance(node, dict | Config):
        yield path, node
    for key, value in _children(node).items():
        yield from named_dicts(value, f'{path}.{key}' if path else key)


def _children(node: object) -> dict[str, Any]:
    if isinstance(node, dict | Config):
        return {str(key): value for key, value in node.items()}
    if isinstance(node, list | tuple):
        return {str(index): value for index, value in enumerate(node)}
    return {}


def _refused_argument(key: str) -> str | None:
    """Say which dict without a type does not take a key; None if it may be read."""
    from mmengine.runner import LogProcessor
    from torch.utils.data import DataLoader

    arguments = dict(PLAIN_DICTS, log_processor=accepted_names(LogProcessor))
    root = key.split('.')[0]
    if root.endswith('_dataloader'):
        arguments[root] = accepted_names(DataLoader) | DATALOADER
    for parent, known in arguments.items():
        if key.startswith(f'{parent}.'):
            part = key.removeprefix(f'{parent}.').split('.')[0]
            if part in known | COMMON_KEYS:
                return None
            near = get_close_matches(part, known, 1)
            hint = f', but {near[0]}' if near else ''
            return f'{parent} does not take it{hint}'
    return None


def _unread_key(cfg: Config, key: str, options: dict[str, Any]) -> str | None:
    """Say why a key below the top level would not be read; None if it may be."""
    node, prefix = cfg, ''
    for part in key.split('.'):
        if part not in _children(node):
            break
        node, prefix = _children(node)[part], f'{prefix}.{part}'.lstrip('.')
    else:
        return None
    if prefix == 'default_hooks' and f'{prefix}.{part}.type' not in options:
        return None if key == f'{prefix}.{part}' else f'{prefix} has no {part}'
    if not prefix or not isinstance(node, dict):
        return None
    kind = options.get(f'{prefix}.type', node.get('type'))
    known = kind and accepted_names(kind)
    if known:
        return None if part in known | COMMON_KEYS else f'{kind} does not take it'
    near = get_close_matches(part, map(str, node), 1, cutoff=0.75)
    return f'{prefix} has {near[0]}' if near else None


def accepted_names(kind: str | type) -> set[str] | None:
    """Return the arguments of a registered class; None if it may take any name."""
    from mmengine.hooks import Hook

    if isinstance(kind, str):
        registries = vars(mmseg.registry).values()
        found = (r.get(kind) for r in registries if isinstance(r, Registry))
        kind = next((one for one in found if one is not None), None)
    names: set[str] = set()
    for base in inspect.getmro(kind) if isinstance(kind, type) else ():
        if base is Hook:
            return names  # what a hook passes on is none of the user's arguments
        if '__init__' not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        names |= {p.name for p in parameters}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names  # otherwise the rest goes to the next base
    return None


def _nearest(cfg: Config, key: str, roots: set[str]) -> list[str]:
    """Name up to three settings of a similar name, the same value, or the same end."""
    known = {
        f'{path}.{name}'.lstrip('.'): value
        for path, node in named_dicts(cfg)
        for name, value in node.items()
    }
    known = {name: v for name, v in known.items() if name.split('.')[0] in roots}
    variable, last = key.split('.')[0], key.split('.')[-1]
    near = get_close_matches(key, known, 1, cutoff=0.85)
    if variable in cfg and variable not in roots - set(CARRIED):
        near += [name for name, v in known.items() if v == cfg[variable]]
    near += [name for name in known if name.split('.')[-1] == last]
    near += get_close_matches(key, known, 3, cutoff=0.7)
    return [name for name in dict.fromkeys(near) if name != key][:3]
