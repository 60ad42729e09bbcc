"""Panoptic-DeepLab: what the shapes of converted weights tell."""

from collections.abc import Sequence

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict
from .aspp_keys import CLASSIFIER, DILATIONS, FUSION, IMAGENET_PREPROCESSOR, POOL
from .resnet_keys import segmentor_config

HEAD, INSTANCE = 'decode_head', 'decode_head.instance'
# Branches of both code bases, and the last layers of ours.
BRANCHES = (HEAD, INSTANCE)
# Number of classes -> those that come in instances: Cityscapes, COCO panoptic.
THINGS = {19: tuple(range(11, 19)), 133: tuple(range(80))}
# What detectron2 groups otherwise on COCO.
GROUPING = {133: dict(nms_kernel=41, stuff_area=4096)}


def separable_unit(theirs: Sequence[str], ours: str) -> dict[str, str]:
    """Map depthwise convolution, norm, pointwise convolution, norm to one of ours."""
    names = [
        f'{ours}.{half}_conv.{kind}'
        for half in ('depthwise', 'pointwise')
        for kind in ('conv', 'bn')
    ]
    return dict(zip(theirs, names, strict=True))


def panoptic_config(
    state: StateDict,
    backbone: dict,
    *,
    output_stride: int,
    align_corners: bool,
    thing_classes: Sequence[int] | None = None,
) -> dict:
    """Put a backbone and the head that the shapes tell together."""
    if CLASSIFIER not in state or f'{INSTANCE}.center.weight' not in state:
        raise InputError(
            'these weights have no head of Panoptic-DeepLab: a backbone alone goes '
            "into backbone.init_cfg=dict(type='Pretrained', checkpoint=...)"
        )
    num_classes = state[CLASSIFIER].shape[0]
    if thing_classes is None and num_classes not in THINGS:
        raise InputError(
            f'which of the {num_classes} classes come in instances is not in the '
            'weights. Remedy: model_config(..., thing_classes=(...))'
        )
    config = segmentor_config(
        backbone,
        _head_config(state, output_stride, align_corners),
        data_preprocessor=IMAGENET_PREPROCESSOR,
    )
    things = THINGS[num_classes] if thing_classes is None else tuple(thing_classes)
    grouping = GROUPING.get(num_classes, {})
    return config | dict(
        type='PanopticDeepLab', thing_classes=things, grouping=dict(grouping)
    )


def _head_config(state: StateDict, output_stride: int, align_corners: bool) -> dict:
    def projects(branch: str) -> list[tuple[int, int]]:
        keys = (f'{branch}.low_level_projects.{i}.conv.weight' for i in range(3))
        return [tuple(state[key].shape[:2]) for key in keys if key in state]

    def is_separable(name: str) -> bool:
        return f'{name}.depthwise_conv.conv.weight' in state

    channels, low_channels = zip(*projects(HEAD), strict=True)
    return dict(
        type='PanopticDeepLabHead',
        in_channels=state[POOL].shape[1],
        in_index=3,
        channels=state[FUSION].shape[0],
        num_classes=state[CLASSIFIER].shape[0],
        dilations=DILATIONS[output_stride],
        image_pooling=dict(norm_cfg=None, bias=POOL.replace('weight', 'bias') in state),
        low_level_index=tuple(reversed(range(len(channels)))),
        low_level_in_channels=low_channels,
        low_level_channels=channels,
        instance_low_level_channels=tuple(out for out, _ in projects(INSTANCE)),
        decoder_channels=state[CLASSIFIER].shape[1],
        instance_decoder_channels=_outputs(state, f'{INSTANCE}.fusions.0'),
        instance_head_channels=state[f'{INSTANCE}.center.weight'].shape[1],
        separable=is_separable(f'{HEAD}.convs.0'),
        separable_aspp=is_separable(f'{HEAD}.aspp_modules.1'),
        separable_center=is_separable(f'{INSTANCE}.center_convs.0'),
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=align_corners,
    )


def _outputs(state: StateDict, name: str) -> int:
    plain = f'{name}.0.conv.weight'
    return state.get(plain, state.get(f'{name}.0.pointwise_conv.conv.weight')).shape[0]
