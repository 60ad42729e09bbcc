"""detectron2, projects/DeepLab and projects/Panoptic-DeepLab, on ResNets.

R-52 and R-103 are ResNet-50 and 101 with a deep stem. Initial weights for a backbone
alone, such as ``DeepLab/R-103.pkl``, convert as well. The images are RGB; their pooled
map is that of windows of the training's size, here that of the whole image.
"""

import re

import torch

from ..state_dicts import StateDict, drop, rename_modules
from .aspp_keys import (
    IMAGENET_PREPROCESSOR,
    LOW_LEVEL,
    head_config,
    last_inputs_first,
    pool_first,
    pyramid_first,
)
from .panoptic_keys import BRANCHES, HEAD, INSTANCE, panoptic_config, separable_unit
from .resnet_keys import MAX_BLOCKS, mmseg_resnet_config, segmentor_config

BACKBONE = 'stem.conv1.weight'
DEEP_STEM = 'backbone.stem.conv3.weight'
LEVEL = re.compile(r'sem_seg_head\.decoder\.res([2-4])\.project_conv\.weight')
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


def _pyramid_modules(theirs: str, ours: str) -> dict[str, str]:
    modules = {f'{theirs}.convs.4.1': f'{ours}.image_pool.1.conv'}
    modules |= _conv(f'{theirs}.project', f'{ours}.bottleneck')
    for i in range(4):
        modules |= _conv(f'{theirs}.convs.{i}', f'{ours}.aspp_modules.{i}')
    return modules


def _deeplab_modules() -> dict[str, str]:
    """Map the heads of DeepLab v3 and v3+."""
    stage = 'sem_seg_head.decoder.res2'
    modules = _pyramid_modules('sem_seg_head.aspp', HEAD)
    modules |= _pyramid_modules('sem_seg_head.decoder.res5.project_conv', HEAD)
    modules |= _conv(f'{stage}.project_conv', f'{HEAD}.c1_bottleneck')
    for i in range(2):
        theirs, ours = f'{stage}.fuse_conv.{i}', f'{HEAD}.convs.{i}'
        modules |= _unit(theirs, f'{ours}.conv', f'{ours}.bn')
    return modules


def _panoptic_modules(levels: list[str]) -> dict[str, str]:
    modules = {}
    for branch, name in zip(BRANCHES, ('sem_seg_head', 'ins_embed_head'), strict=True):
        modules |= _decoder_modules(name, branch, levels)
    modules |= _convs('sem_seg_head.head', f'{HEAD}.convs')
    for kind in ('center', 'offset'):
        name = f'ins_embed_head.{kind}'
        modules |= _convs(f'{name}_head', f'{INSTANCE}.{kind}_convs')
        modules[f'{name}_predictor'] = f'{INSTANCE}.{kind}'
    return modules


def _decoder_modules(theirs: str, ours: str, levels: list[str]) -> dict[str, str]:
    modules = _pyramid_modules(f'{theirs}.decoder.res5.project_conv', ours)
    for i, level in enumerate(levels):
        stage = f'{theirs}.decoder.res{level}'
        modules |= _conv(f'{stage}.project_conv', f'{ours}.low_level_projects.{i}')
        modules |= _convs(f'{stage}.fuse_conv', f'{ours}.fusions.{i}')
    return modules


def knows(state: StateDict) -> bool:
    return BACKBONE in state or any(key.startswith('sem_seg_head.') for key in state)


def convert(state: StateDict) -> StateDict:
    state = drop(state, ('pixel_mean', 'pixel_std'), why='the preprocessor has them')
    if BACKBONE in state:  # initial weights
        state = {f'backbone.{key}': value for key, value in state.items()}
        classifier = [key for key in state if key.startswith('backbone.linear.')]
        state = drop(state, classifier, why='the image classifier')
    levels = sorted((m[1] for m in map(LEVEL.fullmatch, state) if m), reverse=True)
    panoptic = any(key.startswith('ins_embed_head.') for key in state)
    modules = _panoptic_modules(levels) if panoptic else _deeplab_modules()
    modules |= _backbone_modules(deep=DEEP_STEM in state)
    modules['sem_seg_head.predictor'] = f'{HEAD}.conv_seg'
    is_backbone = not any(key.startswith('sem_seg_head.') for key in state)
    state = rename_modules(state, modules, source='detectron2')
    if is_backbone:
        return state
    if not panoptic:
        state = pool_first(state)
        return pyramid_first(state) if LOW_LEVEL in state else state
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
    if not any(key.startswith(f'{INSTANCE}.') for key in state):
        head = head_config(state, output_stride=output_stride)
        return segmentor_config(backbone, head, data_preprocessor=IMAGENET_PREPROCESSOR)
    return panoptic_config(
        state,
        backbone,
        output_stride=output_stride,
        align_corners=False,
        thing_classes=thing_classes,
    )
