"""ImageNet VGG16 of torchvision and Caffe, as initial weights of ``VGG16LargeFOV``."""

import re

from ..state_dicts import StateDict, drop, rename_modules, split_key, strip_leading

CONV_NAMES = tuple(
    f'conv{stage}_{i + 1}'
    for stage, count in enumerate((2, 2, 3, 3, 3), start=1)
    for i in range(count)
)
MARKER = 'conv5_3.weight'
# torchvision; with `.conv` mmpretrain, which numbers its layers otherwise.
FEATURE = re.compile(r'(?:backbone\.)?features\.(\d+)(?:\.conv)?')


def is_vgg16(state: StateDict) -> bool:
    modules = [split_key(key)[0] for key in state if key.endswith('.weight')]
    found = [
        m for m in modules if FEATURE.fullmatch(m) or m.split('.')[-1] in CONV_NAMES
    ]
    return len(found) == len(CONV_NAMES)


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.conv1_1.*`` ...; torchvision numbers the layers instead."""
    state = strip_leading(state, MARKER)
    places = {
        module: int(match[1])
        for module, _ in map(split_key, state)
        if (match := FEATURE.fullmatch(module))
    }
    modules = {name: f'backbone.{name}' for name in CONV_NAMES}
    in_order = sorted(places, key=places.get)
    for theirs, ours in zip(in_order, CONV_NAMES, strict=False):
        modules[theirs] = f'backbone.{ours}'
    others = [key for key in state if split_key(key)[0] not in modules]
    state = drop(state, others, why='not the backbone')
    return rename_modules(state, modules, source='vgg16')
