"""One door for every source family: ``convert`` and ``model_config``."""

import os
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from .families import caffe, jfzhang95, kazuto1011, tensorflow, torchvision, vainf
from .families import isht7 as resnet_multi
from .formats.caffe_file import load_caffe
from .formats.tensorflow_file import load_tensorflow
from .state_dicts import StateDict, tensors_of

SOURCES: dict[str, ModuleType] = {
    'resnet_multi': resnet_multi,
    'kazuto1011': kazuto1011,
    'torchvision': torchvision,
    'tensorflow': tensorflow,
    'caffe': caffe,
    'vainf': vainf,
    'jfzhang95': jfzhang95,
}

# Families whose files are not those of torch.save.
READERS: dict[str, Callable[[str | os.PathLike], StateDict]] = {
    'tensorflow': load_tensorflow,
    'caffe': load_caffe,
}


def convert(state_dict: Mapping[str, Any], source: str, **options: Any) -> StateDict:
    """Rename the weights of another code base to ``backbone.*`` / ``decode_head.*``.

    Args:
        state_dict: What :func:`load` returned: tensors, or a dictionary with them.
        source: Family of the weights, one of :data:`SOURCES`.
        **options: What the family's own ``convert`` takes besides
            (``use_averages`` of ``tensorflow``, ``fc_branches`` of ``caffe``).

    Raises:
        ValueError: If the source is unknown, or keys are left over (they are listed).
    """
    return _family(source).convert(tensors_of(state_dict), **options)


def model_config(
    state_dict: Mapping[str, Any], source: str, *, output_stride: int, **options: Any
) -> dict:
    """Return the segmentor config that the converted weights load into strictly.

    Classes, depth and heads are read from the shapes; in evaluation
    ``model(x, mode='tensor')`` then gives the source's logits before its last
    upsampling.

    Args:
        state_dict: As of :func:`convert`.
        source: As of :func:`convert`.
        output_stride: 8, 16 or 32; weights are the same for each.
        **options: What the family's own ``model_config`` takes besides
            (``num_summed`` of ``resnet_multi``).

    Raises:
        ValueError: If the source is unknown or the weights are not a whole network.
    """
    if output_stride not in (8, 16, 32):
        raise ValueError(
            f'output_stride must be 8, 16 or 32, received {output_stride!r}'
        )
    state = tensors_of(state_dict)
    return _family(source).model_config(state, output_stride=output_stride, **options)


def _family(source: str) -> ModuleType:
    if source not in SOURCES:
        raise ValueError(
            f'source must be one of {sorted(SOURCES)}, received {source!r}'
        )
    return SOURCES[source]
