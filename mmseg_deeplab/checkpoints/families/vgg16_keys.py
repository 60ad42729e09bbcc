"""ImageNet VGG16 of torchvision and Caffe, as initial weights of ``VGG16LargeFOV``."""

import re

from mmseg_deeplab.checkpoints.state_dicts import (
    StateDict,
    drop,
    map_keys,
    strip_leading,
)

CONV_NAMES = tuple(
    f'conv{stage}_{i + 1}'
    for stage, count in enumerate((2, 2, 3, 3, 3), start=1)
    for i in range(count)
)
MARKER = 'conv5_3.weight'

_OWN = re.compile(rf'({"|".join(CONV_NAMES)})\.(weight|bias)')
# torchvision; with `.conv` mmpretrain, which numbers its layers otherwise.
_FEATURE = re.compile(r'(?:backbone\.)?features\.(\d+)\.(?:conv\.)?(weight|bias)')


def is_vgg16(state: StateDict) -> bool:
    """Tell VGG16's key names from those of other families."""
    return sum(map(_is_convolution, state)) == len(CONV_NAMES)


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.conv1_1.*`` ...; the image classifier is left out.

    Caffe's names (``conv1_1``, ``fc6``) are ours; torchvision numbers the layers of
    ``features``, of which the convolutions are taken in order.
    """
    state = strip_leading(state, MARKER)
    others = [k for k in state if not (_OWN.fullmatch(k) or _FEATURE.fullmatch(k))]
    state = drop(state, others, why='not the backbone')
    places = {int(m[1]) for m in map(_FEATURE.fullmatch, state) if m}
    names = dict(zip(sorted(places), CONV_NAMES, strict=False))

    def rename(key: str) -> str | None:
        if _OWN.fullmatch(key):
            return f'backbone.{key}'
        place, leaf = _FEATURE.fullmatch(key).groups()
        return f'backbone.{names[int(place)]}.{leaf}'

    return map_keys(state, rename, source='vgg16')


def _is_convolution(key: str) -> bool:
    return key.endswith('.weight') and (
        bool(_FEATURE.fullmatch(key)) or key.split('.')[-2] in CONV_NAMES
    )
