"""Read a config, and carry overrides to where its data sets and its model need them."""

from collections.abc import Callable, Iterator

from mmengine import fileio
from mmengine.config import Config
from mmengine.utils import is_abs

from mmseg_deeplab.datasets.class_list import read_class_list

# Variables that the bases of data sets hand to each of their data sets, where an
# override of the variable does not arrive by itself.
HANDED_DOWN = (
    'data_root',
    'labels_file',
    'img_suffix',
    'seg_map_suffix',
    'reduce_zero_label',
)


def load_config(
    path: str,
    cfg_options: dict | None = None,
    *,
    prepare: Callable[[Config], None] | None = None,
) -> Config:
    """Read a config and apply ``--cfg-options``.

    ``data_root=DIR`` and the other variables of :data:`HANDED_DOWN` reach all data sets
    that have the old value. Where a config leaves ``num_classes`` to a labels file, it
    is filled in, see :func:`fill_in_classes`.

    Args:
        path: The config file.
        cfg_options: Dotted keys and their new values.
        prepare: Changes the config in place, before the overrides.

    Raises:
        FileNotFoundError: If there is no such labels file.
        ValueError: If the labels file is malformed.
    """
    cfg = Config.fromfile(path)
    if prepare is not None:
        prepare(cfg)
    old = {key: cfg[key] for key in HANDED_DOWN if key in cfg}
    cfg.merge_from_dict(cfg_options or {})
    for _, node in named_dicts(cfg._cfg_dict):
        for key, value in old.items():
            if key in node and node[key] == value:
                node[key] = cfg[key]
    fill_in_classes(cfg)
    return cfg


def fill_in_classes(cfg: Config) -> None:
    """Count the classes of the labels file where a config leaves that open.

    In a config with ``labels_file`` (relative to its ``data_root``), each
    ``num_classes=None``, of the config itself, a head or a transform, becomes the
    number of classes that the file names.

    Args:
        cfg: Changed in place.

    Raises:
        FileNotFoundError: If there is no such labels file.
        ValueError: If the labels file is malformed.
    """
    open_nodes = [
        node
        for _, node in named_dicts(cfg._cfg_dict)
        if 'num_classes' in node and node['num_classes'] is None
    ]
    path, root = cfg.get('labels_file'), cfg.get('data_root')
    if path is None or not open_nodes:
        return
    path = path if not root or is_abs(path) else fileio.join_path(root, path)
    num_classes = len(read_class_list(path).names)
    for node in open_nodes:
        node['num_classes'] = num_classes


def named_dicts(node: object, path: str = '') -> Iterator[tuple[str, dict]]:
    """Walk through all dicts of a config, with their dotted names.

    Args:
        node: A config's content, or a part of it.
        path: The part's own name.
    """
    if isinstance(node, dict):
        yield path, node
        items = node.items()
    elif isinstance(node, list | tuple):
        items = enumerate(node)
    else:
        return
    for key, value in items:
        yield from named_dicts(value, f'{path}.{key}' if path else str(key))
