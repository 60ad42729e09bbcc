"""The output stride of a whole segmentor: backbone and rates together."""

import copy
import inspect
from fractions import Fraction
from typing import Any

from mmseg.models.backbones import ResNet
from mmseg.models.decode_heads import ASPPHead
from mmseg.registry import MODELS

from mmseg_deeplab.ops.geometry import (
    STAGE_STRIDES,
    check_output_stride,
    scaled_rates,
    stage_geometry,
)
from mmseg_deeplab.utils.errors import InputError


def set_output_stride(model_cfg: dict, output_stride: int) -> dict:
    """Return a segmentor's config at another output stride, with the heads' rates.

    The weights stay valid: only strides and rates change. A rate of the heads is
    multiplied by what the features grow by, so that it covers the same piece of the
    image: 6, 12, 18 at output stride 16 are 12, 24, 36 at 8 (`DeepLab v3
    <https://arxiv.org/abs/1706.05587>`_, section 3.3) and 3, 6, 9 at 32. The backbone
    must have an ``output_stride`` or be one of MMSegmentation's ResNets.
    """
    check_output_stride(output_stride)
    cfg = copy.deepcopy(model_cfg)
    backbone = cfg['backbone']
    growth = Fraction(_current(backbone), output_stride)
    if argument_default(MODELS.get(backbone['type']), 'output_stride') is not None:
        backbone['output_stride'] = output_stride
    else:
        strides, dilations = stage_geometry(output_stride)
        backbone.update(strides=strides, dilations=dilations)
        if backbone.get('multi_grid'):  # MMSegmentation's are rates, not factors
            backbone['multi_grid'] = scaled_rates(
                backbone['multi_grid'], growth, owner=backbone['type']
            )
    for name in ('decode_head', 'auxiliary_head'):
        heads = cfg.get(name) or []
        for head in heads if isinstance(heads, list | tuple) else [heads]:
            _scale_rates(head, growth)
    return cfg


def current_output_stride(model_cfg: dict) -> int | None:
    """Return the output stride of a segmentor's config, None where it has none."""
    try:
        return _current(model_cfg.get('backbone') or {})
    except (InputError, KeyError):
        return None


def _current(backbone: dict) -> int:
    kind = MODELS.get(backbone['type'])
    default = argument_default(kind, 'output_stride') if kind else None
    if default is not None:
        return backbone.get('output_stride', default)
    strides = tuple(backbone.get('strides', (1, 2, 2, 2)))
    known = {strides: stride for stride, strides in STAGE_STRIDES.items()}
    if kind is None or not issubclass(kind, ResNet) or strides not in known:
        raise InputError(
            f'{backbone["type"]} has no output stride to set: it is possible with '
            "backbones that have the argument output_stride and with MMSeg's ResNets "
            f'whose strides are one of {sorted(known)}, received {strides}'
        )
    return known[strides]


def _scale_rates(head: dict, growth: Fraction) -> None:
    kind = MODELS.get(head['type'])
    multiplier = argument_default(kind, 'rate_multiplier')
    if multiplier is not None:
        multiplier = head.get('rate_multiplier', multiplier)
        (head['rate_multiplier'],) = scaled_rates(
            [multiplier], growth, owner=head['type']
        )
        return
    rates = head.get('dilations') or argument_default(kind, 'dilations')
    if rates is None:
        return
    # In MMSegmentation's ASPP, rate 1 means a 1x1 convolution.
    pointwise = issubclass(kind, ASPPHead)
    head['dilations'] = tuple(
        rate
        if pointwise and rate == 1
        else scaled_rates([rate], growth, owner=head['type'])[0]
        for rate in rates
    )
    if pointwise and head['dilations'].count(1) > tuple(rates).count(1):
        raise InputError(
            f'{head["type"]} would turn a 3x3 branch into a 1x1 one: dilations {rates} '
            f'times {growth} are {head["dilations"]}'
        )


def argument_default(kind: type, name: str) -> Any:
    """Return the default of a constructor's argument, of the class or of its bases."""
    for cls in kind.__mro__:
        if '__init__' in vars(cls):
            argument = inspect.signature(cls.__init__).parameters.get(name)
            if argument is not None:
                return argument.default
    return None
