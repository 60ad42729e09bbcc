"""Read a config, with options and overrides carried to where they take effect."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine import fileio
from mmengine.config import Config

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.local_paths import is_absolute

from .config_errors import blames_config, check_sections, load_config
from .image_channels import apply_channels
from .option_check import CARRIED, named_dicts, places_of, refuse_useless_options
from .overrides import apply_mixins
from .shipped import find_config


def read_config(
    path: str | Path,
    options: dict[str, Any] | None = None,
    *,
    mixins: Sequence[str] = (),
    work_dir: str | Path | None = None,
    launcher: str = 'none',
    num_classes: int | None = None,
) -> Config:
    """Read a config as the commands of this project do.

    ``Config.fromfile`` reads the same config. What this function adds:

    - The variables ``data_root``, ``labels_file``, ``img_suffix``, ``seg_map_suffix``,
      ``reduce_zero_label``, ``num_classes``, ``crop_size`` and ``raster_window``, given
      as options, reach every split, pipeline, head and preprocessor that has the value
      of the config.
    - ``num_classes=None``, as in the base of the folder data set, becomes the number of
      classes in the class list.
    - ``channels``, with ``value_range`` and ``shown_bands``, becomes the channels of
      all pipelines and of the network, see :func:`~.image_channels.apply_channels`.
    - An option that would change nothing is refused.
    - A data loader without workers (``num_workers=0``) loses what only workers need.

    Args:
        path: The config file, or the name of a shipped config.
        options: New values by dotted keys, such as
            ``{'train_dataloader.batch_size': 4}``.
        mixins: Overrides that are merged before the options, see :func:`apply_mixins`.
        work_dir: Folder of logs and checkpoints. By default it is the config's own,
            or else ``work_dirs/<name of the config>``.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        num_classes: Taken for ``num_classes=None`` instead of reading a class list.

    Raises:
        FileNotFoundError: If there is no such config, mixin or class list.
        ValueError: If an option changes nothing, a mixin does not fit, or the labels
            file is malformed.
    """
    path = find_config(path)
    cfg = load_config(path)
    apply_options(cfg, options or {}, mixins)
    apply_channels(cfg)
    fill_in_classes(cfg, num_classes)
    _fit_to_workers(cfg)
    cfg.launcher = launcher
    cfg.work_dir = str(work_dir or cfg.get('work_dir') or f'work_dirs/{path.stem}')
    return cfg


@blames_config
def apply_options(
    cfg: Config, options: dict[str, Any], mixins: Sequence[str] = ()
) -> None:
    """Merge mixins and options into a config, in place; see :func:`read_config`."""
    apply_mixins(cfg, mixins)
    if options:
        refuse_useless_options(cfg, options)
    before = {key: cfg[key] for key in CARRIED if key in cfg}
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError, AssertionError) as error:
        hint = ''
        if 'list indices' in str(error):
            hint = (
                '. Remedy: the position in a list, such as loss_decode.0.class_weight'
            )
        raise InputError(
            f'{cfg.filename}: the options do not fit: {error}{hint}'
        ) from error
    for key, old in before.items():
        for _, node, name in places_of(cfg, key, old):
            node[name] = cfg[key]
    check_sections(cfg)


def _fit_to_workers(cfg: Config) -> None:
    """Leave out what torch refuses in a data loader that has no workers."""
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, dict) and loader.get('num_workers') == 0:
            for option in ('persistent_workers', 'prefetch_factor'):
                loader.pop(option, None)


@blames_config
def class_list_path(cfg: Config) -> str | None:
    """Return the path of the config's class list, None if it names none."""
    path, root = cfg.get('labels_file'), cfg.get('data_root')
    stands_alone = not root or not path or is_absolute(path)
    return path if stands_alone else fileio.join_path(root, path)


def fill_in_classes(cfg: Config, num_classes: int | None = None) -> None:
    """Set each ``num_classes=None`` of the config, a head or a transform, in place.

    Without a number it is that of the ``labels_file``, else that of the other heads.
    """
    nodes = [node for _, node in named_dicts(cfg) if 'num_classes' in node]
    unset = [node for node in nodes if node['num_classes'] is None]
    if not unset:
        return
    path = class_list_path(cfg)
    if num_classes is None and path is not None:
        # Imported here: data sets cost a second, and a prediction needs none.
        from mmseg_deeplab.datasets.class_list import read_class_list

        num_classes = len(read_class_list(path).names)
    elif num_classes is None:
        known = {node['num_classes'] for node in nodes} - {None}
        num_classes = known.pop() if len(known) == 1 else None
    for node in unset:
        node['num_classes'] = num_classes
