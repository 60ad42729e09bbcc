"""The ``deeplabv2.py`` lineage: isht7, Pytorch-Deeplab, AdaptSegNet and descendants.

Keys are those of :class:`ResNetMulti`, the classifier is ``layer5`` (one level) or
``layer6`` (with ``layer5`` as an auxiliary classifier on the third stage), and a
wrapper may have put a name before each of them (``Scale.``, ``module.``).
"""

from mmseg_deeplab.checkpoints.state_dicts import StateDict, map_keys, strip_leading

from .resnet_keys import (
    BACKBONE_KEY,
    backbone_config,
    classifier_config,
    fold_stem_bias,
    segmentor_config,
)

MARKER = 'layer4.0.conv1.weight'


def convert(state: StateDict) -> StateDict:
    """Rename to ``backbone.*``, ``decode_head.*`` and ``auxiliary_head.*``."""
    state = fold_stem_bias(strip_leading(state, MARKER))
    heads = _heads(state)

    def rename(key: str) -> str | None:
        if BACKBONE_KEY.fullmatch(key):
            return f'backbone.{key}'
        layer, _, rest = key.partition('.')
        return f'{heads[layer]}.{rest}' if layer in heads else None

    return map_keys(state, rename, source='resnet_multi')


def _heads(state: StateDict) -> dict[str, str]:
    layers = {key.partition('.')[0] for key in state}
    if 'layer6' in layers:
        return {'layer6': 'decode_head', 'layer5': 'auxiliary_head'}
    return {'layer5': 'decode_head'}


def model_config(
    state: StateDict, *, output_stride: int, num_summed: int | None = None
) -> dict:
    """Return the segmentor that the weights load into strictly.

    Args:
        state: Weights of the lineage, or converted ones.
        output_stride: 8 as trained, 16 or 32.
        num_summed: 2 for files trained by AdaptSegNet's code, whose summing loop
            returned early. Nothing in a file tells, so the default is the paper's 4.
    """
    if 'backbone.conv1.weight' not in state:
        state = convert(state)
    options = dict(
        output_stride=output_stride, align_corners=True, num_summed=num_summed
    )
    heads = dict(decode_head=classifier_config(state, 'decode_head', **options))
    if any(key.startswith('auxiliary_head.') for key in state):
        heads['auxiliary_head'] = classifier_config(state, 'auxiliary_head', **options)
        # AdaptSegNet trains this level with a tenth of the weight.
        heads['auxiliary_head']['loss_decode']['loss_weight'] = 0.1
    backbone = backbone_config(state, output_stride=output_stride)
    return segmentor_config(backbone, **heads)
