"""ImageNet ResNets of torchvision, as initial weights of ``ResNetMulti``."""

from .keys import StateDict, drop, map_keys, strip_leading
from .resnet import BACKBONE_KEY

MARKER = 'layer4.0.conv1.weight'

STRIDE_NOTE = (
    'torchvision puts the stride of a stage into the 3x3 convolution, ResNetMulti (as '
    'Caffe) into the first 1x1, and these weights expect RGB divided by a standard '
    'deviation: they load, but the strided blocks see other samples than in their '
    'pre-training. Good for fine-tuning with trained BatchNorm (frozen_bn="none"); '
    "with frozen statistics prefer a Caffe-style file or MMSeg's ResNet"
)


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*``; the image classifier ``fc`` is left out."""
    state = strip_leading(state, MARKER)
    state = drop(state, ['fc.weight', 'fc.bias'], why='the image classifier')

    def rename(key: str) -> str | None:
        return f'backbone.{key}' if BACKBONE_KEY.fullmatch(key) else None

    return map_keys(state, rename, source='torchvision')


def model_config(state: StateDict, *, output_stride: int) -> dict:
    """Refuse: an ImageNet classifier is no segmentor.

    Raises:
        ValueError: Always.
    """
    raise ValueError(
        f'these {len(state)} torchvision tensors are an image classifier: use them as '
        "backbone.init_cfg=dict(type='Pretrained', checkpoint=...), received "
        f'output_stride={output_stride}'
    )
