"""MODEL: a name of the zoo, ``hf://OWNER/NAME[@REV]``, a URL or a file, as local files.

What is downloaded or converted stays in :func:`cache_folder`, and is used from there
without a network.
"""

import os
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import torch
from mmengine.config import Config
from mmengine.fileio import get_file_backend
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.cache_folder import cache_folder
from mmseg_deeplab.utils.downloading import download, with_mirrors
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_hashes import check_hash, named_hash
from mmseg_deeplab.utils.remote_files import is_remote, local_copy

from .conversion import convert_file
from .foreign_config import check_foreign_config
from .hugging_face import PREFIX, hub_files
from .loading import load, load_without_code
from .model_zoo import ZooModel, nearest_models, zoo_model

SUFFIXES = ('.pth', '.pt', '.safetensors')
OF_MMSEG = 'mmseg::'
# mmengine's names of initial weights.
INITIAL_WEIGHTS: dict[str, Callable[[], dict[str, str]]] = {
    'torchvision': get_torchvision_models,
    'modelzoo': get_torchvision_models,
    'open-mmlab': get_external_models,
    'openmmlab': get_external_models,
    'mmcls': get_mmcls_models,
}


class ModelFiles(NamedTuple):
    """A config, a path or the name of one of this package, and its checkpoint."""

    config: str | None  # None for initial weights
    checkpoint: str


def is_model(reference: str) -> bool:
    """Whether one argument names a whole model: see :func:`model_files`."""
    if Path(reference).is_file() or not zoo_model(reference):
        return '://' in reference or Path(reference).suffix in SUFFIXES
    return True


def model_files(reference: str) -> ModelFiles:
    """Return the local files of a model, which is downloaded where it is not there.

    Args:
        reference: A name of the zoo, ``hf://OWNER/NAME[@REV]``, or the address or the
            path of a checkpoint. The config of a checkpoint lies beside it under the
            same name or is in it, as ``mmseg-deeplab publish`` and a training write it.

    Raises:
        InputError: If there is no such model, or its config cannot be had.
        OSError: If it cannot be downloaded or written.
    """
    model = None if Path(reference).is_file() else zoo_model(reference)
    if model is not None:
        return zoo_files(model)
    if Path(reference).suffix == '.py':
        raise InputError(f'{reference}: a config has no weights; give a checkpoint too')
    checkpoint = local_file(reference)
    if reference.partition('://')[0] in INITIAL_WEIGHTS:
        return ModelFiles(None, checkpoint)
    config = Path(checkpoint).with_suffix('.py')
    if config.is_file():
        if '://' in reference:
            check_foreign_config(config.read_text(encoding='utf-8'), str(config))
        return ModelFiles(str(config), checkpoint)
    return ModelFiles(_config_inside(checkpoint), checkpoint)


def local_file(reference: str | os.PathLike) -> str:
    """Return the path of a checkpoint, which is downloaded where it is not there.

    A ``reference`` is one of :func:`model_files`, or one of mmengine's names of initial
    weights, such as ``open-mmlab://resnet50_v1c``. Of a file at another address, such
    as ``s3://``, it is the path of its copy; what only a backend of mmengine reads is
    returned as it is.
    """
    reference = os.fspath(reference)
    scheme, separator, name = reference.partition('://')
    if reference.startswith(PREFIX):
        return hub_files(reference)
    if scheme in ('http', 'https'):
        return str(_from_web(reference))
    if scheme in INITIAL_WEIGHTS:
        return str(_from_web(_address(scheme, name)))
    if is_remote(reference):
        return local_copy(reference)
    if separator or Path(reference).expanduser().is_file():
        return reference
    model = zoo_model(reference)
    if model is None:
        near = nearest_models(reference)
        raise FileNotFoundError(
            f'checkpoint {reference!r} does not exist (current folder {os.getcwd()}), '
            'nor does a model of this name'
            + (f'; the nearest are {", ".join(near)}' if near else '')
        )
    return zoo_files(model).checkpoint


def _address(scheme: str, name: str) -> str:
    """Return the URL of initial weights by mmengine's name."""
    if scheme in ('open-mmlab', 'openmmlab'):
        name = get_deprecated_model_names().get(name, name)
    known = INITIAL_WEIGHTS[scheme]()
    if name not in known:
        raise FileNotFoundError(
            f'{scheme}://{name}: mmengine knows no such weights; it knows '
            f'{", ".join(sorted(known))}'
        )
    return known[name]


def _from_web(url: str) -> Path:
    try:
        name = Path(unquote(urlsplit(url).path)).name
    except ValueError as error:
        raise InputError(f'{url}: no address of a file: {error}') from error
    if name in ('', '..'):
        raise InputError(f'{url}: does not end in the name of a file')
    digits = named_hash(name) or ''
    cached = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if digits and cached.is_file():  # where torch.hub and mmengine put it
        check_hash(cached)
        return cached
    folder = cache_folder() / 'downloads'
    if not digits:  # the same name from two places is not the same file
        folder /= sha256(url.encode()).hexdigest()[:8]
    return download(with_mirrors(url), folder / name, sha256=digits)


def _config_inside(checkpoint: str) -> str:
    """Write the config that a checkpoint holds as text to the cache."""
    meta = load(checkpoint).get('meta')
    text = meta.get('cfg') if isinstance(meta, dict) else None
    if not isinstance(text, str):
        raise InputError(
            f'{checkpoint}: holds no config, and there is none beside it. Remedy: give '
            'CONFIG CHECKPOINT; weights of another code base are converted first: '
            'mmseg-deeplab convert'
        )
    check_foreign_config(text, checkpoint)
    name = sha256(text.encode()).hexdigest()[:8]
    path = cache_folder() / 'configs' / name / f'{Path(checkpoint).stem}.py'
    if not path.is_file():
        write_whole(text.encode(), path)
    return str(path)


def zoo_files(model: ZooModel) -> ModelFiles:
    """Return the files of a model of the zoo; it is converted once."""
    if model.unsupported:
        raise InputError(
            f'{model.name}: not supported yet, no converter reads it '
            f'({model.unsupported}). It is at {model.urls[0]}'
        )
    folder = cache_folder() / 'models' / model.name
    original = original_file(model)
    if model.convert:
        done = folder / f'{model.name}.pth'
        if not done.is_file():
            _convert(model, original, done)
        config = done.with_suffix('.py')
        return ModelFiles(str(config) if config.is_file() else None, str(done))
    if not model.config.startswith(OF_MMSEG):
        return ModelFiles(model.config, str(original))
    config = folder / f'{model.name}.py'
    if not config.is_file():
        write_whole(config_of_mmseg(model).pretty_text.encode(), config)
    return ModelFiles(str(config), str(original))


def published_file(reference: str) -> str:
    """Return the file of a model as its code base published it, to be converted."""
    model = None if Path(reference).exists() else zoo_model(reference)
    if model is not None:
        return str(original_file(model))
    return local_file(reference) if '://' in reference else reference


def original_file(model: ZooModel) -> Path:
    """Return the file of a model as it is published."""
    if model.urls[0].startswith(PREFIX):
        return Path(hub_files(model.urls[0]))
    name = model.file_name or Path(urlsplit(model.urls[0]).path).name
    file = cache_folder() / 'models' / model.name / name
    return download(model.urls, file, sha256=model.sha256)


def config_of_mmseg(model: ZooModel) -> Config:
    """Return the config of MMSegmentation with the segmentor of this package."""
    installed = Path(find_spec('mmseg').origin).parent / '.mim' / 'configs'
    cfg = Config.fromfile(installed / model.config.removeprefix(OF_MMSEG))
    cfg.model.type = f'Lean{cfg.model.type}'
    cfg.custom_imports = dict(imports=['mmseg_deeplab'], allow_failed_imports=False)
    return cfg


def _convert(model: ZooModel, original: Path, done: Path) -> None:
    """Convert a file; the checkpoint comes last, when its config is there."""
    meta = {}
    if model.class_names:
        from mmseg.utils import get_classes, get_palette

        palette = [list(color) for color in get_palette(model.class_names)]
        meta = dict(classes=list(get_classes(model.class_names)), palette=palette)
    done.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=done.parent, prefix='.') as folder:
        written = convert_file(
            src=original,
            dst=Path(folder) / done.name,
            dataset_meta=meta,
            **model.convert,
        )
        for path in reversed(written):
            path.replace(done.with_name(path.name))


def load_reference(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load what ``load_from`` or an ``init_cfg`` names."""
    return load_without_code(local_file(filename), map_location=map_location)


def load_from_storage(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load from a storage of mmengine, by a copy on the disk."""
    stored = get_file_backend(filename)
    with stored.get_local_path(filename) as copy:
        return load_without_code(copy, map_location=map_location)


def load_classifier(filename: str, map_location: Any = None) -> dict[str, Any]:
    """Load the backbone of an image classifier of mmpretrain, without its prefix."""
    state = load_reference(filename, map_location)
    state = state.get('state_dict', state)
    start = 'backbone.'
    kept = {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}
    return {'state_dict': kept}


def enable_safe_loading() -> None:
    """Make mmengine's loader take what :func:`local_file` takes, and run no code.

    mmengine's own loaders fall back to unpickling anything. Importing this module does
    it for the whole process. Where others call ``torch.load``, torch's own switch,
    which the package sets, forbids code.
    """
    names = [f'{scheme}://' for scheme in INITIAL_WEIGHTS if scheme != 'mmcls']
    for scheme in ('', 'http://', 'https://', PREFIX, *names):
        CheckpointLoader.register_scheme(scheme, loader=load_reference, force=True)
    for scheme in (r'(\S+\:)?s3://', r'(\S+\:)?petrel://', 'gs://', 'memory://'):
        CheckpointLoader.register_scheme(scheme, loader=load_from_storage, force=True)
    CheckpointLoader.register_scheme('mmcls://', loader=load_classifier, force=True)


enable_safe_loading()
