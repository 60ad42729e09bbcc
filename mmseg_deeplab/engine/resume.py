"""What a training is resumed from: a checkpoint that is whole and of known form."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, MessageHub, print_log
from mmengine.runner import Runner
from torch import Tensor

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.checkpoints.formats.torch_file import DamagedCheckpointError
from mmseg_deeplab.utils.errors import InputError

# `mmengine.runner.Runner.resume` needs these.
RESUME_KEYS = frozenset({'meta', 'state_dict', 'message_hub'})
# Levels of containers in containers: the classes and colours of a data set take four.
MOST_LEVELS = 20


class Checkpoint(NamedTuple):
    """A checkpoint that a training can be resumed from."""

    path: Path
    meta: dict[str, Any]  # iter, epoch, seed, ...


def numbered_checkpoints(
    folder: Path, template: str = 'iter_{}.pth'
) -> list[tuple[int, Path]]:
    """List the checkpoints of a folder as pairs of number and path, in order."""
    head, tail = template.split('{}')
    pattern = re.compile(rf'{re.escape(head)}(\d+){re.escape(tail)}')
    paths = folder.iterdir() if folder.is_dir() else ()
    matches = [(pattern.fullmatch(path.name), path) for path in paths]
    return sorted((int(match[1]), path) for match, path in matches if match)


def newest_whole_checkpoint(
    folder: Path, template: str = 'iter_{}.pth'
) -> Checkpoint | None:
    """Find the newest checkpoint that a training can be resumed from, or None.

    The numbers in the names decide, not mmengine's ``last_checkpoint``, and each
    candidate is read: damaged and incomplete ones are skipped with a warning. An
    undamaged file that would run code, or of another form than mmengine's, is an error.
    """
    for _, path in reversed(numbered_checkpoints(folder, template)):
        try:
            content = load(path)
        except DamagedCheckpointError as error:
            fault = str(error)
        else:
            if not (missing := RESUME_KEYS - content.keys()):
                check_training_state(content, path)
                return Checkpoint(path, content['meta'])
            fault = f'without {sorted(missing)}: weights, not a training state'
        print_log(
            f'{path} is passed over for resuming: {fault}',
            logger='current',
            level=logging.WARNING,
        )
    return None


def start_of(runner: Runner) -> tuple[str, bool]:
    """Return the checkpoint that a run begins with, and whether it is resumed.

    mmengine's own runner publishes it in its config alone: built without ``cfg``, it
    counts as one that is not resumed.
    """
    if hasattr(runner, 'loaded_from'):
        return runner.loaded_from, runner.is_resumed
    return runner.cfg.get('load_from') or '', bool(runner.cfg.get('resume'))


def check_training_state(content: Mapping[str, Any], source: str | Path) -> None:
    """Refuse a training state of another form than mmengine writes.

    mmengine takes over without a look: numbers, which become file names, and what it
    copies or writes to the log.
    """
    meta, hub = content['meta'], content['message_hub']
    parts = {'meta': meta, 'message_hub': hub}
    if isinstance(hub, dict):
        for name in ('log_scalars', 'runtime_info', 'resumed_keys'):
            parts[f'message_hub.{name}'] = hub.get(name, {})
    for name, part in parts.items():
        if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
            raise _other_form(source, name, 'a dictionary of names')
        if not _is_shallow(part):
            raise _other_form(source, name, f'at most {MOST_LEVELS} levels deep')
    info = parts['message_hub.runtime_info']
    for key in ('iter', 'epoch'):
        if not _is_count(meta.get(key, 0)):
            raise _other_form(source, f'meta.{key}', 'a count')
    if meta.get('seed') is not None and not _is_count(meta['seed']):
        raise _other_form(source, 'meta.seed', 'a count')
    kept = info.get('keep_ckpt_ids', [])
    if not isinstance(kept, list) or not all(map(_is_count, kept)):
        raise _other_form(source, 'message_hub.runtime_info.keep_ckpt_ids', 'counts')
    for key, scalar in parts['message_hub.log_scalars'].items():
        if not isinstance(scalar, HistoryBuffer) and not _is_packed(scalar):
            raise _other_form(source, f'message_hub.log_scalars.{key}', 'a log buffer')
    for key, value in info.items():
        if key.startswith(('best_ckpt', 'last_ckpt')) and not isinstance(value, str):
            raise _other_form(source, f'message_hub.runtime_info.{key}', 'a path')


def _other_form(source: str | Path, name: str, form: str) -> InputError:
    return InputError(
        f'{source}: cannot be resumed, its {name} is not {form} as mmengine writes it. '
        'Leave out --resume to start from its weights'
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_shallow(value: Any) -> bool:
    """Whether containers lie in containers at most :data:`MOST_LEVELS` deep."""
    level = {id(value): value}
    for _ in range(MOST_LEVELS):
        inner = {}
        for one in level.values():
            if isinstance(one, dict | list | tuple | set):
                parts = one.values() if isinstance(one, dict) else one
                inner |= {id(part): part for part in parts}
        if not inner:
            return True
        level = inner
    return False


def keep_own_files(hub: MessageHub, folder: str | Path, loaded: str | Path) -> None:
    """Let a resumed training remove checkpoints of its own folder, and no others.

    mmengine removes what the checkpoint ``loaded`` calls the best one, wherever it is:
    also that of the training whose folder was copied. Only the names are taken over
    here.
    """
    if '://' in str(folder):
        return
    folder = Path(folder).resolve()
    for key in [*hub.runtime_info]:
        if not key.startswith(('best_ckpt', 'last_ckpt')):
            continue
        own = folder / Path(str(hub.pop_info(key))).name
        if own.is_file() and (key == 'last_ckpt' or own.name.startswith('best_')):
            hub.runtime_info[key] = str(own)
    if Path(loaded).resolve().parent != folder:
        hub.pop_info('keep_ckpt_ids')


def packed_hub(hub: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a message hub with tensors and numbers in it alone."""
    scalars = {
        name: {
            part: torch.from_numpy(np.array(values))
            for part, values in zip(('log', 'count'), buffer.data, strict=True)
        }
        for name, buffer in hub['log_scalars'].items()
    }
    info = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in hub['runtime_info'].items()
    }
    return {**hub, 'log_scalars': scalars, 'runtime_info': info}


def plain_schedulers(states: Any) -> Any:
    """Return the states of schedulers, of one optimizer or several, without functions.

    mmengine's one-cycle scheduler saves the function of its curve, which is code to a
    reader; the scheduler of the run that goes on has its own.
    """
    if isinstance(states, Mapping):
        return {name: plain_schedulers(part) for name, part in states.items()}
    return [
        {name: value for name, value in state.items() if not callable(value)}
        for state in states
    ]


def unpacked_hub(hub: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`packed_hub`, also for a checkpoint that was saved without it."""
    scalars = {
        name: HistoryBuffer(*(packed[part].cpu().numpy() for part in ('log', 'count')))
        if _is_packed(packed)
        else packed
        for name, packed in hub.get('log_scalars', {}).items()
    }
    return {**hub, 'log_scalars': scalars}


def _is_packed(scalar: Any) -> bool:
    parts = [*scalar.values()] if isinstance(scalar, dict) else []
    flat = all(isinstance(part, Tensor) and part.ndim == 1 for part in parts)
    return bool(parts) and flat and [*scalar] == ['log', 'count']
