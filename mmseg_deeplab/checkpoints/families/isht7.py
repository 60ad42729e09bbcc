"""The ``deeplabv2.py`` lineage: isht7, Pytorch-Deeplab, AdaptSegNet and descendants.

Keys are those of :class:`ResNetMulti`, the classifier is ``layer5`` (one level) or
``layer6`` (with ``layer5`` as an auxiliary classifier on the third stage), and a
wrapper may have put a name before each of them (``Scale.``, ``module.``).
"""

from ..state_dicts import StateDict, rename_modules, strip_leading
from .resnet_keys import (
    classifier_config,
    fold_stem_bias,
    resnet_modules,
    resnet_multi_config,
    segmentor_config,
)

MARKER = 'layer4.0.conv1.weight'


def knows(state: StateDict) -> bool:
    layers = ('layer5.conv2d_list.0.weight', 'layer6.conv2d_list.0.weight')
    return any(key.endswith(layers) for key in state)


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*``, ``decode_head.*`` and ``auxiliary_head.*``."""
    state = fold_stem_bias(strip_leading(state, MARKER))
    heads = {'layer5': 'decode_head'}
    if any(key.startswith('layer6.') for key in state):
        heads = {'layer6': 'decode_head', 'layer5': 'auxiliary_head'}
    modules = resnet_modules() | {
        f'{layer}.conv2d_list.{i}': f'{head}.conv2d_list.{i}'
        for layer, head in heads.items()
        for i in range(4)
    }
    return rename_modules(state, modules, source='resnet_multi')


def model_config(
    state: StateDict, *, output_stride: int, num_summed: int | None = None
) -> dict:
    """Return the segmentor of converted weights, trained at output stride 8.

    ``num_summed`` is 2 for files trained by AdaptSegNet's code, whose summing loop
    returned early. Nothing in a file tells, so the default is the paper's 4.
    """
    options = dict(
        output_stride=output_stride, align_corners=True, num_summed=num_summed
    )
    heads = dict(decode_head=classifier_config(state, **options))
    if any(key.startswith('auxiliary_head.') for key in state):
        heads['auxiliary_head'] = classifier_config(state, 'auxiliary_head', **options)
        # AdaptSegNet trains this level with a tenth of the weight.
        heads['auxiliary_head']['loss_decode']['loss_weight'] = 0.1
    backbone = resnet_multi_config(state, output_stride=output_stride)
    return segmentor_config(backbone, **heads)
