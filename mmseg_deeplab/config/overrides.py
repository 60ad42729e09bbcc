"""Small changes to any config: ``mmseg-deeplab train CONFIG --mixin amp ema``.

mmengine forbids the same key in two bases of a config. A mixin that changes a part of
``model`` or ``optim_wrapper`` therefore holds its changes under its own name (``amp =
dict(optim_wrapper=...)``), which a leaf can use and ``--mixin`` merges. What no other
base has (``custom_hooks``, ``compile``) stands at its top.
"""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_deeplab.utils.errors import InputError

from .config_errors import load_config
from .shipped import configs_folder

FOLDER = Path('_base_') / 'mixins'
# Mixins whose own name is a setting of mmengine's runner.
RUNNER_SETTINGS = ('compile', 'sync_bn')
CROSS_ENTROPY = 'CrossEntropyLoss'


def apply_mixins(cfg: Config, mixins: Sequence[str]) -> None:
    """Merge mixins into a config, in the order given.

    Dicts are merged, ``custom_hooks`` are added to those of the config, the visualizer
    keeps its backends and gets those of other types; everything else is replaced. A
    list of losses is added to those of the decode head. A dict is merged into each of
    them; one with a ``type``, into the cross entropy alone.
    """
    for mixin in mixins:
        path = find_mixin(mixin, Path(cfg.filename or '.'))
        changes = read_mixin(path)
        hooks = changes.pop('custom_hooks', [])
        before = (cfg.get('visualizer') or {}).get('vis_backends') or []
        try:
            _merge_losses(cfg, changes, path)
            cfg.merge_from_dict(changes)
        except (AttributeError, KeyError, TypeError, AssertionError) as error:
            raise InputError(f'{path}: does not fit {cfg.filename}: {error}') from error
        if hooks:
            cfg.custom_hooks = [*cfg.get('custom_hooks', []), *hooks]
        if added := changes.get('visualizer', {}).get('vis_backends'):
            types = {backend['type'] for backend in added}
            kept = [backend for backend in before if backend.type not in types]
            cfg.visualizer.vis_backends = [*kept, *added]


def _merge_losses(cfg: Config, changes: dict, mixin: Path) -> None:
    """Put the whole ``loss_decode`` of the result into ``changes``, if it is there."""
    head = changes.get('model', {}).get('decode_head', {})
    if 'loss_decode' not in head:
        return
    if 'loss_decode' not in cfg.model.decode_head:
        raise InputError(
            f'{mixin}: changes loss_decode, and {cfg.model.decode_head.type} of '
            f'{cfg.filename} has losses of its own. Remedy: leave it out'
        )
    new, old = head['loss_decode'], cfg.model.decode_head.loss_decode
    if isinstance(new, list):
        head['loss_decode'] = [*(old if isinstance(old, list) else [old]), *new]
    elif isinstance(old, list):
        types = [loss['type'] for loss in old]
        if 'type' in new and CROSS_ENTROPY not in types:
            raise InputError(
                f'{mixin}: replaces the {CROSS_ENTROPY}, and the losses are '
                f'{", ".join(types)}. Remedy: name one mixin that replaces it (focal, '
                'ohem), before those that add a loss'
            )
        head['loss_decode'] = [
            {**loss, **new}
            if 'type' not in new or loss['type'] == CROSS_ENTROPY
            else loss
            for loss in old
        ]


def read_mixin(path: Path) -> dict:
    """Read a mixin; what stands under the file's own name counts as at the top."""
    content = load_config(path).to_dict()
    if path.stem not in content or path.stem in RUNNER_SETTINGS:
        return content
    return content | content.pop(path.stem)


def find_mixin(mixin: str, config: Path) -> Path:
    """Find the file of a mixin: a path ending in ``.py``, or a name.

    It is looked for in ``_base_/mixins`` of the config's folder and of those above it.
    """
    if mixin.endswith('.py'):
        if Path(mixin).is_file():
            return Path(mixin)
        raise FileNotFoundError(f'mixin {mixin!r} does not exist')
    folders = [root / FOLDER for root in [*config.resolve().parents, configs_folder()]]
    for folder in folders:
        if (folder / f'{mixin}.py').is_file():
            return folder / f'{mixin}.py'
    known = sorted({path.stem for folder in folders for path in folder.glob('*.py')})
    raise FileNotFoundError(
        f'no mixin {mixin!r}; there are {", ".join(known) or "none"}, or give the path '
        'of a .py file'
    )
