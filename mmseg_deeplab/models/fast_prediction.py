"""A trained network made ready to predict in less time."""

from functools import wraps
from itertools import pairwise
from typing import Any

import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.utils.errors import InputError

from .backbones.timm_backbone import NormAct
from .row_strips import predict_by_rows


def prepare_for_inference(
    model: nn.Module,
    *,
    fold_bn: bool = True,
    channels_last: bool = True,
    bfloat16: bool = False,
    compile: bool = False,
) -> nn.Module:
    """Make a network faster that is not trained any more, in place.

    Logits stay the same up to rounding: within 1e-5 of their largest value, with
    ``bfloat16`` within about 1e-2.

    ``fold_bn`` multiplies each BatchNorm into the convolution before it (one that
    cannot be is a ValueError), which changes the state dict: load weights before.
    ``channels_last`` is the format of weights and so of features. ``bfloat16`` computes
    backbone and decode head in it, by autocast: faster with instructions for it
    (``avx512_bf16``, ``amx_bf16``), slower elsewhere. ``compile`` takes minutes for new
    sizes. On the CPU, inverted residuals are computed by strips of rows.
    """
    model.eval()
    if fold_bn:
        _require_foldable(model)
        fuse_conv_bn(model)
        _fold_before_activations(model)
    if channels_last:
        model.to(memory_format=torch.channels_last)
    predict_by_rows(model)
    for part in (model.backbone, model.decode_head) if bfloat16 or compile else ():
        if compile:
            part.forward = torch.compile(part.forward)
        if bfloat16:
            _autocast(part)
    return model


def _autocast(module: nn.Module) -> None:
    """Let a module compute in bfloat16; a result of one tensor is float32 again."""
    forward = module.forward

    @wraps(forward)
    def cast(inputs: Any) -> Any:
        device = next(module.parameters()).device.type
        with torch.autocast(device, torch.bfloat16):
            outputs = forward(inputs)
        return outputs.float() if isinstance(outputs, Tensor) else outputs

    module.forward = cast


def _fold_before_activations(model: nn.Module) -> None:
    """Fold the normalisations of timm's networks, by the rule of mmcv for others."""
    for parent in model.modules():
        for first, second in pairwise(parent.children()):
            if isinstance(first, nn.Conv2d) and isinstance(second, NormAct):
                fuse_conv_bn(nn.Sequential(first, second[0]))
                second[0] = nn.Identity()


def _require_foldable(model: nn.Module) -> None:
    """Refuse modules that :func:`fuse_conv_bn` would fold wrongly."""
    places: dict[int, str] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, ConvModule) and module.with_norm:
            order = module.order
            if order.index('norm') < order.index('conv'):
                raise InputError(
                    f'{name or "the model"}: order={order}, so its BatchNorm cannot be '
                    'folded into its convolution. Remedy: fold_bn=False'
                )
        if isinstance(module, (nn.Conv2d, _BatchNorm)):
            if id(module) in places:
                raise InputError(
                    f'{places[id(module)]} and {name} are one module: folding '
                    'BatchNorm would change both. Remedy: fold_bn=False'
                )
            places[id(module)] = name
