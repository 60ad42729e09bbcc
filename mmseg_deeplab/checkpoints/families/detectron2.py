"""detectron2, projects/Panoptic-DeepLab: on ResNet-50 and 52 (a deep stem).

Initial weights for a backbone alone, such as ``DeepLab/R-52.pkl``, convert as well.
"""

import re

import torch

from ..state_dicts import StateDict, drop, rename_modules
from .aspp_keys import last_inputs_first, pool_first
from .panoptic_keys import BRANCHES, HEAD, INSTANCE, panoptic_config, separable_unit
from .resnet_keys import MAX_BLOCKS, mmseg_resnet_config

BACKBONE = 'stem.conv1.weight'
DEEP_STEM = 'backbone.stem.conv3.weight'
LOW_LEVEL = re.compile(r'sem_seg_head\.decoder\.res([2-4])\.project_conv\.weight')
# Factors of the last stage's rate (RES5_MULTI_GRID of all its configs).
MULTI_GRID = (1, 2, 4)


def _unit(theirs: str, conv: str, norm: str) -> dict[str, str]:
    return {theirs: conv, f'{theirs}.norm': norm}


def _conv(theirs: str, ours: str) -> dict[str, str]:
    """Map a convolution with norm, plain or separable; the names do not collide."""
    separable = [
        f'{theirs}.{half}{kind}'
        for half in ('depthwise', 'pointwise')
        for kind in ('', '.norm')
    ]
    plain = _unit(theirs, f'{ours}.conv', f'{ours}.bn')
    return plain | separable_unit(separable, ours)


def _convs(theirs: str, ours: str) -> dict[str, str]:
    """Map one separable convolution, or two plain ones."""
    modules = _conv(theirs, f'{ours}.0')
    for i in range(2):
        modules |= _conv(f'{theirs}.{i}', f'{ours}.{i}')
    return modules


def _backbone_modules(*, deep: bool) -> dict[str, str]:
    modules = _unit('backbone.stem.conv1', 'backbone.conv1', 'backbone.bn1')
    if deep:
        modules = {}
        for i in range(3):  # convolution, norm and ReLU in turns
            place, norm = (f'backbone.stem.{3 * i + k}' for k in range(2))
            modules |= _unit(f'backbone.stem.conv{i + 1}', place, norm)
    for stage in range(1, 5):
        for block in range(MAX_BLOCKS):
            theirs = f'backbone.res{stage + 1}.{block}'
            ours = f'backbone.layer{stage}.{block}'
            for i in (1, 2, 3):
                modules |= _unit(
                    f'{theirs}.conv{i}', f'{ours}.conv{i}', f'{ours}.bn{i}'
                )
            down = f'{ours}.downsample'
            modules |= _unit(f'{theirs}.shortcut', f'{down}.0', f'{down}.1')
    return modules


def _decoder_modules(theirs: str, ours: str, levels: list[str]) -> dict[str, str]:
    pyramid = f'{theirs}.decoder.res5.project_conv'
    modules = {f'{pyramid}.convs.4.1': f'{ours}.image_pool.1.conv'}
    modules |= _conv(f'{pyramid}.project', f'{ours}.bottleneck')
    for i in range(4):
        modules |= _conv(f'{pyramid}.convs.{i}', f'{ours}.aspp_modules.{i}')
    for i, level in enumerate(levels):
        stage = f'{theirs}.decoder.res{level}'
        modules |= _conv(f'{stage}.project_conv', f'{ours}.low_level_projects.{i}')
        modules |= _convs(f'{stage}.fuse_conv', f'{ours}.fusions.{i}')
    return modules


def convert(state: StateDict) -> StateDict:
    state = drop(state, ('pixel_mean', 'pixel_std'), why='the preprocessor has them')
    if BACKBONE in state:  # initial weights
        state = {f'backbone.{key}': value for key, value in state.items()}
        classifier = [key for key in state if key.startswith('backbone.linear.')]
        state = drop(state, classifier, why='the image classifier')
    levels = sorted((m[1] for m in map(LOW_LEVEL.fullmatch, state) if m), reverse=True)
    modules = _backbone_modules(deep=DEEP_STEM in state)
    for branch, name in zip(BRANCHES, ('sem_seg_head', 'ins_embed_head'), strict=True):
        modules |= _decoder_modules(name, branch, levels)
    modules |= _convs('sem_seg_head.head', f'{HEAD}.convs')
    modules['sem_seg_head.predictor'] = f'{HEAD}.conv_seg'
    for kind in ('center', 'offset'):
        name = f'ins_embed_head.{kind}'
        modules |= _convs(f'{name}_head', f'{INSTANCE}.{kind}_convs')
        modules[f'{name}_predictor'] = f'{INSTANCE}.{kind}'
    state = rename_modules(state, modules, source='detectron2')
    if not levels:
        return state
    for branch in BRANCHES:
        state = pool_first(state, head=branch)
        for i in range(len(levels)):
            state = _low_level_last(state, branch, i)
    return state


def _low_level_last(state: StateDict, branch: str, stage: int) -> StateDict:
    """Permute the inputs of a decoder's stage: theirs has the low level first."""
    name = f'{branch}.fusions.{stage}.0'
    low = state[f'{branch}.low_level_projects.{stage}.conv.weight'].shape[0]
    conv = f'{name}.conv.weight'
    if conv in state:
        return last_inputs_first(state, conv, count=state[conv].shape[1] - low)
    permuted = {
        key: torch.cat([value[low:], value[:low]])
        for key, value in state.items()
        if key.startswith(f'{name}.depthwise_conv.') and value.ndim
    }
    conv = f'{name}.pointwise_conv.conv.weight'
    count = state[conv].shape[1] - low
    return last_inputs_first(state | permuted, conv, count=count)


def model_config(
    state: StateDict,
    *,
    output_stride: int,
    thing_classes: tuple[int, ...] | None = None,
) -> dict:
    """Return the segmentor; its public weights are trained at output stride 16."""
    backbone = mmseg_resnet_config(
        state,
        output_stride=output_stride,
        contract_dilation=False,
        multi_grid=MULTI_GRID,
    )
    return panoptic_config(
        state,
        backbone,
        output_stride=output_stride,
        align_corners=False,
        thing_classes=thing_classes,
    )
