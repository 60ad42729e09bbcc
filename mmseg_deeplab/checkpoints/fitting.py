"""Whether a checkpoint fits a model, and what a new set of classes leaves out."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmseg_deeplab.utils.errors import InputError

from .state_dicts import some

# The last layers of MMSegmentation's heads, of DeepLab v2's and of v1's.
CLASSIFIER = re.compile(r'(.+\.)?(conv_seg|conv2d_list\.\d+|fc8)\.(weight|bias)')
# What a model cannot be evaluated without.
ESSENTIAL = re.compile(r'(backbone|decode_head)\..*(?<!num_batches_tracked)')
# A checkpoint that shares less than this part of the model's tensors is another net's.
LEAST_SHARED = 0.1


def check_shared(state: Mapping[str, Any], model: nn.Module, *, source: str) -> None:
    """Refuse a checkpoint that has less than a tenth of a model's tensors."""
    wanted = model.state_dict().keys()
    shared = wanted & state.keys()
    if len(shared) < LEAST_SHARED * len(wanted):
        raise InputError(
            f'{source} has {len(shared)} of the {len(wanted)} tensors of '
            f'{type(model).__name__}; it holds [{some(state, 3)}], the model wants '
            f'[{some(wanted, 3)}]. Weights of another code base: convert them with '
            'mmseg-deeplab convert. Weights of a backbone: '
            "backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )


def misfits(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, str]:
    """Return the tensors of another shape than the model's, with both in words."""
    wanted = model.state_dict()
    return {
        key: f'{key}: {tuple(state[key].shape)} in the checkpoint, '
        f'{tuple(wanted[key].shape)} in the model'
        for key in wanted.keys() & state.keys()
        if state[key].shape != wanted[key].shape
    }


def other_classes(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, str]:
    """Return those of :func:`misfits` that only another number of classes explains."""
    wanted = model.state_dict()
    return {
        key: words
        for key, words in misfits(state, model).items()
        if CLASSIFIER.fullmatch(key) and state[key].shape[1:] == wanted[key].shape[1:]
    }


def missing(state: Mapping[str, Tensor], model: nn.Module) -> list[str]:
    """Return the absent tensors that the model cannot be evaluated without."""
    lacking = model.state_dict().keys() - state.keys()
    return sorted(key for key in lacking if ESSENTIAL.fullmatch(key))
