"""Small changes to any config: ``tools/train.py CONFIG --mixin amp ema``.

mmengine forbids a key in two of a config's bases, so a file that changes a part of
``model`` or ``optim_wrapper`` cannot be one more entry of ``_base_``. A mixin of that
kind therefore holds its changes under its own name (``amp = dict(optim_wrapper=...)``),
for a leaf to take up; ``--mixin`` merges them. What no other base has
(``custom_hooks``, ``compile``) a mixin says plainly, and inheriting it is enough.
"""

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict

from .shipped import configs_folder

FOLDER = Path('_base_') / 'mixins'
# Mixins whose own name is a setting of mmengine's runner.
RUNNER_SETTINGS = ('compile', 'sync_bn')


def apply_mixins(cfg: Config, mixins: Sequence[str]) -> None:
    """Merge mixins onto a config, in the order given.

    Dicts are merged, ``custom_hooks`` are added to those of the config, the visualizer
    keeps its backends and gets those of other types, everything else replaces what was
    there. A head that leaves ``num_classes`` open gets that of the
    decode head.

    Args:
        cfg: Changed in place.
        mixins: Names of files in ``_base_/mixins``, or paths ending in ``.py``.

    Raises:
        FileNotFoundError: If there is no such mixin.
        ValueError: If it does not fit the config.
    """
    for mixin in mixins:
        path = find_mixin(mixin, Path(cfg.filename or '.'))
        changes = read_mixin(path)
        hooks = changes.pop('custom_hooks', [])
        backends = (cfg.get('visualizer') or {}).get('vis_backends') or []
        try:
            cfg.merge_from_dict(changes)
        except (KeyError, TypeError, AssertionError) as error:
            raise ValueError(f'{path}: does not fit {cfg.filename}: {error}') from error
        if hooks:
            cfg.custom_hooks = [*cfg.get('custom_hooks', []), *hooks]
        if 'vis_backends' in changes.get('visualizer', {}):
            _keep_backends(cfg.visualizer, backends)
    _fill_num_classes(cfg.get('model') or {})


def read_mixin(path: Path) -> dict:
    """Read the changes that a mixin makes.

    Args:
        path: Its file; what stands under the file's own name counts as if it stood at
            the top.
    """
    content = Config.fromfile(path).to_dict()
    if path.stem not in content or path.stem in RUNNER_SETTINGS:
        return content
    return content | content.pop(path.stem)


def find_mixin(mixin: str, config: Path) -> Path:
    """Find the file of a mixin.

    Args:
        mixin: A path ending in ``.py``; or a name, for which ``_base_/mixins`` is
            searched in the folder of the config, in those above it, and in this
            project's ``configs``.
        config: Path of the config.

    Raises:
        FileNotFoundError: If there is none; it lists what there is.
    """
    if mixin.endswith('.py'):
        if Path(mixin).is_file():
            return Path(mixin)
        raise FileNotFoundError(f'mixin {mixin!r} does not exist')
    roots = [*config.resolve().parents, configs_folder()]
    folders = [root / FOLDER for root in roots if (root / FOLDER).is_dir()]
    for folder in folders:
        if (folder / f'{mixin}.py').is_file():
            return folder / f'{mixin}.py'
    known = sorted({path.stem for folder in folders for path in folder.glob('*.py')})
    raise FileNotFoundError(
        f'no mixin {mixin!r}; there are {", ".join(known) or "none"}, or give the path '
        'of a .py file'
    )


def _keep_backends(visualizer: ConfigDict, before: Sequence[ConfigDict]) -> None:
    """Put the backends that were there before those of a mixin, each type once."""
    added = {backend.type for backend in visualizer.vis_backends}
    kept = [backend for backend in before if backend.type not in added]
    visualizer.vis_backends = [*kept, *visualizer.vis_backends]


def _fill_num_classes(model: ConfigDict) -> None:
    """Let auxiliary heads have as many classes as the decode head."""
    num_classes = _as_list(model.get('decode_head'))[0].get('num_classes')
    for head in _as_list(model.get('auxiliary_head')):
        if head.get('num_classes', 0) is None:
            head['num_classes'] = num_classes


def _as_list(head: ConfigDict | list | None) -> list:
    return head if isinstance(head, list) and head else [head or {}]
