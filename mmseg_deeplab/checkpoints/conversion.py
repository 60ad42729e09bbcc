"""Weights of other code bases as ours: ``convert``, ``model_config``, whole files."""

import os
import re
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine import Config
from mmengine.logging import print_log

from mmseg_deeplab.ops.geometry import check_output_stride
from mmseg_deeplab.utils.atomic_files import streamed_file
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.safe_unpickling import unpickle
from mmseg_deeplab.utils.value_checks import require_one_of

from .families import (
    bowenc0221,
    caffe,
    detectron2,
    isht7,
    jfzhang95,
    kazuto1011,
    smp,
    tensorflow,
    torchvision,
    transformers,
    vainf,
)
from .formats.caffe_file import load_caffe
from .formats.packed_files import is_packed
from .formats.tensorflow_file import load_tensorflow
from .loading import load
from .state_dicts import StateDict, some, tensors_of

SOURCES: dict[str, ModuleType] = {
    'resnet_multi': isht7,
    'kazuto1011': kazuto1011,
    'torchvision': torchvision,
    'tensorflow': tensorflow,
    'caffe': caffe,
    'vainf': vainf,
    'jfzhang95': jfzhang95,
    'bowenc0221': bowenc0221,
    'detectron2': detectron2,
    'transformers': transformers,
    'smp': smp,
}
AUTO = 'auto'  # the source that `find_source` finds


def load_detectron2(path: str | os.PathLike) -> dict[str, Any]:
    """Load a checkpoint of detectron2, whose model zoo has pickles of arrays."""
    return unpickle(path) if Path(path).suffix == '.pkl' else load(path)


# Readers of files that are not those of torch.save.
READERS: dict[str, Callable[[str | os.PathLike], StateDict]] = {
    'tensorflow': load_tensorflow,
    'caffe': load_caffe,
    'detectron2': load_detectron2,
}
# Endings of files that another reader than `load` takes.
FORMATS = {'.caffemodel': 'caffe', '.pkl': 'detectron2', '.index': 'tensorflow'}
OUR_PARTS = ('backbone.', 'decode_head.', 'auxiliary_head.')
# What tells a whole network from initial weights for backbone or head.
CLASSIFIER = re.compile(
    r'decode_head\.(conv_seg|conv2d_list\.0|branches\.0\.fc8)\.weight'
)


def convert(state_dict: Mapping[str, Any], source: str, **options: Any) -> StateDict:
    """Rename the weights of another code base to ``backbone.*`` / ``decode_head.*``.

    ValueError lists keys that are left over.

    Args:
        state_dict: What :func:`load` returned: tensors, or a dictionary with them.
        source: The code base, one of :data:`SOURCES`, or ``'auto'``: it is found by the
            names of the tensors, and the log says which.
        **options: More options of the family's own ``convert`` (``use_averages`` of
            ``tensorflow``, ``fc_branches`` of ``caffe``, ``encoder_name`` of ``smp``).
    """
    family, state = _family(source, state_dict)
    _check_options(family.convert, options, source)
    return family.convert(state, **options)


def find_source(state_dict: Mapping[str, Any]) -> str:
    """Return the code base of weights, one of :data:`SOURCES`, by their names.

    Raises:
        InputError: If none has such names.
    """
    state = tensors_of(state_dict)
    plain = {key.removeprefix('module.'): value for key, value in state.items()}
    found = [name for name, family in SOURCES.items() if family.knows(plain)]
    if found:
        return found[0]
    if any(key.startswith(OUR_PARTS[1:]) for key in plain):
        raise InputError(
            'these weights have the names of MMSegmentation already, and need no '
            f'conversion: {some(state, 3)}'
        )
    raise InputError(
        f'none of {sorted(SOURCES)} has such names: {some(state)}. Remedy: name the '
        'code base, if it is one of these'
    )


def model_config(
    state_dict: Mapping[str, Any], source: str, *, output_stride: int, **options: Any
) -> dict:
    """Return the segmentor config that the converted weights load into strictly.

    Classes, depth and heads are read from the shapes; in evaluation
    ``model(x, mode='tensor')`` then gives the source's logits before its last
    upsampling, a ``PanopticDeepLab`` all three outputs.

    Args:
        state_dict: Weights of that code base, or converted ones.
        source: The code base, one of :data:`SOURCES`; ``'auto'`` finds it by the names
            of weights that are not converted.
        output_stride: 8, 16 or 32; weights are the same for each.
        **options: More options of the family's own ``model_config`` (``num_summed`` of
            ``resnet_multi``, ``encoder_name`` of ``smp``).
    """
    check_output_stride(output_stride)
    family, state = _family(source, state_dict)
    _check_options(family.model_config, options, source)
    if not all(key.startswith(OUR_PARTS) for key in state):
        taken = signature(family.convert).parameters.keys() & options.keys()
        state = family.convert(state, **{name: options[name] for name in taken})
    return family.model_config(state, output_stride=output_stride, **options)


def _family(source: str, state_dict: Mapping[str, Any]) -> tuple[ModuleType, StateDict]:
    require_one_of('source', source, (AUTO, *SOURCES))
    state = tensors_of(state_dict)
    if source == AUTO:
        source = find_source(state)
        print_log(f'found weights of {source}', 'current')
    return SOURCES[source], state


def _check_options(function: Callable, options: Mapping, source: str) -> None:
    unknown = options.keys() - signature(function).parameters.keys()
    if unknown:
        raise InputError(f'{source} has no option {", ".join(sorted(unknown))}')


def _format(src: Path) -> str | None:
    """Return the source whose reader takes a file, None if it is one of PyTorch."""
    if src.is_dir() or is_packed(src) or Path(f'{src}.index').is_file():
        return 'tensorflow'
    return FORMATS.get(src.suffix)


def convert_file(
    source: str,
    src: str | os.PathLike,
    dst: str | os.PathLike,
    *,
    output_stride: int = 8,
    convert_options: Mapping[str, Any] | None = None,
    dataset_meta: Mapping[str, Any] | None = None,
    **options: Any,
) -> list[Path]:
    """Convert ``src`` and write ``dst`` and, for a whole network, its config.

    Args:
        source: The code base, one of :data:`SOURCES`, or ``'auto'``.
        src: Its checkpoint file (``tensorflow``: ``model.ckpt``, its ``.index`` file or
            the folder; ``caffe``: a ``.caffemodel``).
        dst: The checkpoint to write; the config gets the same name with ``.py``.
        output_stride: Output stride of the config.
        convert_options: Options of :func:`convert`.
        dataset_meta: Names and colours of the classes, for the checkpoint.
        **options: Options of :func:`model_config`.

    Returns:
        The files written: one for initial weights without a classifier, else two.
    """
    src, dst = Path(src), Path(dst)
    if dst.resolve() == src.resolve() or dst.suffix == '.py':
        raise InputError(f'dst must be another file than {src}, a .pth, received {dst}')
    kind = _format(src) if source == AUTO else source
    checkpoint = READERS.get(kind, load)(src)
    if source == AUTO:
        source = find_source(checkpoint)
        print_log(f'{src}: weights of {source}', 'current')
    convert_options = dict(convert_options or {})
    if source == 'smp':
        options = smp.options_beside(src) | options
        if 'encoder_name' in options:
            convert_options.setdefault('encoder_name', options['encoder_name'])
    state = convert(checkpoint, source, **convert_options)
    config = None
    if any(CLASSIFIER.fullmatch(key) for key in state):
        config = model_config(state, source, output_stride=output_stride, **options)
    meta = dict(source=source) | (
        dict(dataset_meta=dataset_meta) if dataset_meta else {}
    )
    with streamed_file(dst) as part:
        torch.save({'state_dict': state, 'meta': meta}, part)
    if config is None:
        return [dst]
    # So that MMSeg's own tools, which do not know this package, build the model too.
    imports = dict(imports=['mmseg_deeplab'], allow_failed_imports=False)
    Config(dict(model=config, default_scope='mmseg', custom_imports=imports)).dump(
        dst.with_suffix('.py')
    )
    return [dst, dst.with_suffix('.py')]
