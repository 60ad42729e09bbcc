"""bowenc0221/panoptic-deeplab: Panoptic-DeepLab on ResNet, by the paper's author.

Its networks on Xception, MobileNetV2 and HRNet name their backbones in other ways and
are refused.
"""

from ..state_dicts import StateDict, rename_modules, strip_leading
from .aspp_keys import conv_and_norm, pool_first, torchvision_pyramid
from .panoptic_keys import BRANCHES, HEAD, INSTANCE, panoptic_config, separable_unit
from .resnet_keys import mmseg_resnet_config, resnet_modules

MARKER = 'backbone.conv1.weight'
MAX_STAGES = 3


def _separable(theirs: str, ours: str) -> dict[str, str]:
    # A sequence of [convolution, norm, ReLU], convolution, norm, ReLU.
    places = ('0.0', '0.1', '1', '2')
    return separable_unit([f'{theirs}.0.{place}' for place in places], ours)


def _decoder(theirs: str, ours: str) -> dict[str, str]:
    pyramid = torchvision_pyramid(f'{theirs}.aspp')
    modules = {key: f'{ours}.{value}' for key, value in pyramid.items()}
    modules[f'{theirs}.aspp.convs.4.aspp_pooling.1'] = f'{ours}.image_pool.1.conv'
    for i in range(MAX_STAGES):
        modules |= conv_and_norm(
            {f'{theirs}.project.{i}.0': f'{ours}.low_level_projects.{i}'}
        )
        modules |= _separable(f'{theirs}.fuse.{i}', f'{ours}.fusions.{i}.0')
    return modules


MODULES = resnet_modules('backbone.')
for _branch, _name in zip(BRANCHES, ('semantic', 'instance'), strict=True):
    MODULES |= _decoder(f'decoder.{_name}_decoder', _branch)
for _theirs, _convs, _last in (
    ('semantic_head.classifier.semantic', f'{HEAD}.convs', f'{HEAD}.conv_seg'),
    *(
        (f'instance_head.classifier.{k}', f'{INSTANCE}.{k}_convs', f'{INSTANCE}.{k}')
        for k in ('center', 'offset')
    ),
):
    MODULES |= _separable(f'decoder.{_theirs}.0', f'{_convs}.0')
    MODULES[f'decoder.{_theirs}.1'] = _last


def knows(state: StateDict) -> bool:
    return any(key.startswith('decoder.semantic_decoder.') for key in state)


def convert(state: StateDict) -> StateDict:
    state = strip_leading(state, MARKER)
    state = rename_modules(state, MODULES, source='bowenc0221')
    for branch in BRANCHES:
        state = pool_first(state, head=branch)
    return state


def model_config(
    state: StateDict,
    *,
    output_stride: int,
    thing_classes: tuple[int, ...] | None = None,
) -> dict:
    """Return the segmentor; its public weights are trained at output stride 32."""
    return panoptic_config(
        state,
        mmseg_resnet_config(state, output_stride=output_stride),
        output_stride=output_stride,
        align_corners=True,
        thing_classes=thing_classes,
    )
