"""Weights of other code bases as ours: ``convert``, ``model_config``, whole files."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from mmengine import Config

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
    tensorflow,
    torchvision,
    vainf,
)
from .formats.caffe_file import load_caffe
from .formats.tensorflow_file import load_tensorflow
from .loading import load
from .state_dicts import StateDict, tensors_of

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
}


def load_detectron2(path: str | os.PathLike) -> dict[str, Any]:
    """Load a checkpoint of detectron2, whose model zoo has pickles of arrays."""
    return unpickle(path) if Path(path).suffix == '.pkl' else load(path)


# Readers of files that are not those of torch.save.
READERS: dict[str, Callable[[str | os.PathLike], StateDict]] = {
    'tensorflow': load_tensorflow,
    'caffe': load_caffe,
    'detectron2': load_detectron2,
}
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
        source: The code base, one of :data:`SOURCES`.
        **options: More options of the family's own ``convert`` (``use_averages`` of
            ``tensorflow``, ``fc_branches`` of ``caffe``).
    """
    return _family(source).convert(tensors_of(state_dict), **options)


def model_config(
    state_dict: Mapping[str, Any], source: str, *, output_stride: int, **options: Any
) -> dict:
    """Return the segmentor config that the converted weights load into strictly.

    Classes, depth and heads are read from the shapes; in evaluation
    ``model(x, mode='tensor')`` then gives the source's logits before its last
    upsampling, a ``PanopticDeepLab`` all three outputs.

    Args:
        state_dict: Weights of that code base, or converted ones.
        source: The code base, one of :data:`SOURCES`.
        output_stride: 8, 16 or 32; weights are the same for each.
        **options: More options of the family's own ``model_config`` (``num_summed`` of
            ``resnet_multi``).
    """
    check_output_stride(output_stride)
    family, state = _family(source), tensors_of(state_dict)
    if not all(key.startswith(OUR_PARTS) for key in state):
        state = family.convert(state)
    return family.model_config(state, output_stride=output_stride, **options)


def _family(source: str) -> ModuleType:
    require_one_of('source', source, SOURCES)
    return SOURCES[source]


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
        source: The code base, one of :data:`SOURCES`.
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
    checkpoint = READERS.get(source, load)(src)
    state = convert(checkpoint, source, **(convert_options or {}))
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
