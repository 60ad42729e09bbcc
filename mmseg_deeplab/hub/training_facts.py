"""The facts of a training that its config, its checkpoint and its log tell."""

import re
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_deeplab.config.config_file import named_dicts

from .describe import inner_dataset
from .published_config import initial_weights, portable_name

# Lines of mmengine's log that say with what a training ran.
ENVIRONMENT = ('Python', 'PyTorch', 'MMEngine', r'GPU [0-9,]+')


def training_facts(
    cfg: Config, meta: dict[str, Any], *, folder: Path, ema: bool
) -> dict[str, str]:
    """Return what to tell of a training, by name; unknown things are left out.

    Args:
        cfg: As trained, not yet cleaned.
        meta: Of the checkpoint.
        folder: Of the checkpoint, where the log is looked for.
        ema: Whether the weights are a moving average.
    """
    log = read_log(folder)
    facts = {
        'data': _data(cfg),
        'iterations': _iterations(cfg, meta),
        'images per step': _batch(cfg, log.get('GPU number')),
        'crop (rows, columns)': _crop(cfg),
        'optimizer': _optimizer(cfg),
        'initial weights': ', '.join(_initial(cfg)),
        'seed': meta.get('seed'),
        'weights': 'exponential moving average' if ema else None,
        'trained with': ', '.join(
            f'{name} {log[name]}' for name in log if name != 'GPU number'
        ),
    }
    return {name: str(fact) for name, fact in facts.items() if fact not in (None, '')}


def read_log(folder: Path) -> dict[str, str]:
    """Read the environment out of the newest log of a training.

    Args:
        folder: Work folder, whose runs have a log ``TIME/TIME.log`` each.
    """
    logs = sorted(path for path in folder.glob('*/*.log') if _is_run(path))
    if not logs:
        return {}
    with logs[-1].open(errors='replace') as file:
        head = file.read(20000)  # the environment comes first
    found = {}
    for name in (*ENVIRONMENT, 'GPU number'):
        if match := re.search(
            rf'^    ({name}): (\S+(?: [^(\n]+)?)', head, re.MULTILINE
        ):
            found[match[1]] = match[2].strip()
    return found


def _is_run(log: Path) -> bool:
    return log.stem == log.parent.name


def _data(cfg: Config) -> str | None:
    kind = inner_dataset(cfg, 'train_dataloader').get('type')
    return kind and f'`{kind}`'


def _iterations(cfg: Config, meta: dict[str, Any]) -> str | None:
    done = meta.get('iter')
    planned = (cfg.get('train_cfg') or {}).get('max_iters')
    if done is None or planned is None or planned == done:
        return None if done is None else str(done)
    return f'{done} of {planned}'


def _batch(cfg: Config, processes: str | None) -> str | None:
    size = (cfg.get('train_dataloader') or {}).get('batch_size')
    if size is None:
        return None
    steps = (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1)
    known = int(processes or 1)
    parts = [f'{known} processes of {size}' if known > 1 else str(size)]
    if steps > 1:
        parts.append(f'gradients of {steps} batches')
    if len(parts) > 1 or known > 1:
        parts.append(f'{size * known * steps} in all')
    if processes is None:
        parts.append('per process, whose number is not known')
    return ', '.join(parts)


def _crop(cfg: Config) -> str | None:
    """Read the crop of the training pipeline, which a variable need not agree with."""
    crops = [
        node['crop_size']
        for _, node in named_dicts(cfg.get('train_dataloader') or {})
        if node.get('crop_size')
    ]
    return ' x '.join(map(str, crops[-1])) if crops else None


def _optimizer(cfg: Config) -> str | None:
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    shown = [
        f'{key} {optimizer[key]}'
        for key in ('lr', 'momentum', 'weight_decay')
        if key in optimizer
    ]
    return optimizer.get('type') and ', '.join([str(optimizer['type']), *shown])


def _initial(cfg: Config) -> list[str]:
    found = initial_weights(cfg.model)
    if cfg.get('load_from'):
        found.append(portable_name(cfg.load_from))
    return [f'`{name}`' for name in found]
