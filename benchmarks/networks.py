"""Segmentors of this project's configs with random weights, stock and lean."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmseg.models.backbones.resnet import Bottleneck
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils import InvertedResidual
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.config.shipped import configs_folder
from mmseg_deeplab.datasets.street_scenes import render_scene

from .complexity import without_training_parts

Size = tuple[int, int]
LARGEST_SCENE = (1024, 2048)  # that SyntheticStreets draws
# A trained network damps rounding errors. A random one with full residual branches
# would amplify them from block to block, as would BatchNorm over two pooled images.
BRANCH, POOLED = 0.2, 0.02
# Instructions of processors; without them, bfloat16 is emulated and slow.
BFLOAT16_FLAGS = re.compile(r'\b(avx512_bf16|amx_bf16|bf16)\b')


@dataclass(frozen=True)
class Network:
    """A network to build."""

    name: str  # in the table
    base: str  # a file in `configs/_base_/models`, without `.py`
    num_classes: int
    size: Size  # height and width of the image
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the model's config
    batch: int = 1  # images that are predicted together

    def config(self) -> ConfigDict:
        """Return the segmentor's config without the parts that only training needs."""
        path = configs_folder() / '_base_' / 'models' / f'{self.base}.py'
        cfg = Config(dict(model=without_training_parts(Config.fromfile(path).model)))
        cfg.merge_from_dict(dict(model=dict(self.changes)))
        cfg.model.decode_head.num_classes = self.num_classes
        return cfg.model


def stock_segmentor(cfg: ConfigDict, size: Size, device: torch.device) -> nn.Module:
    """Return MMSegmentation's ``EncoderDecoder`` with random weights.

    BatchNorm gets the statistics of a scene of half the given size, and the classifier
    is balanced on a scene of this size, or of 512x1024 if that is smaller.
    """
    size = tuple(map(min, size, (512, 1024)))
    torch.manual_seed(0)
    model = MODELS.build(deepcopy(cfg) | dict(type=EncoderDecoder)).eval().to(device)
    weaken_branches(model)
    views = opposite_views(size, device)
    measure_statistics(model, partial(logits_of, model, views))
    head = model.decode_head
    classifier = getattr(head, 'conv_seg', None) or head.conv2d_list[0]
    image = scenes(1, size, device)[0]
    balance_classes(classifier, logits_of(model, [image]))
    return model


def lean_segmentor(cfg: ConfigDict, stock: nn.Module) -> nn.Module:
    """Return a ``LeanEncoderDecoder`` with the weights of another segmentor."""
    device = next(stock.parameters()).device
    model = MODELS.build(deepcopy(cfg) | dict(type='LeanEncoderDecoder'))
    model.load_state_dict(stock.state_dict())
    return model.eval().to(device)


@torch.no_grad()
def weaken_branches(model: nn.Module) -> None:
    """Scale residual branches by ``BRANCH`` and what is pooled by ``POOLED``."""
    for module in model.modules():
        if isinstance(module, Bottleneck):
            module.norm3.weight.fill_(BRANCH)
        elif isinstance(module, InvertedResidual) and module.use_res_connect:
            module.conv[-1].bn.weight.fill_(BRANCH)
        elif isinstance(module, nn.Sequential) and len(module) > 1:
            pools = isinstance(module[0], nn.AdaptiveAvgPool2d)
            if pools and getattr(module[1], 'with_norm', False):
                module[1].bn.weight.fill_(POOLED)


@torch.no_grad()
def measure_statistics(model: nn.Module, run: Callable[[], Any]) -> None:
    """Give BatchNorm the statistics of images.

    With the initial statistics, 0 and 1, hardly more than rounding errors reach the
    logits of a deep random network, and its labels would say nothing about agreement.
    ``run`` sends at least two images through the network.
    """
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momentum = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.training, layer.momentum = True, None  # None: the mean of all batches
    run()
    for layer, before in zip(layers, momentum, strict=True):
        layer.training, layer.momentum = False, before


@torch.no_grad()
def balance_classes(classifier: nn.Module, logits: Tensor) -> None:
    """Give all classes the same mean logit, so that many of them are predicted."""
    classifier.bias -= logits.mean((0, 2, 3))


@torch.no_grad()
def logits_of(model: nn.Module, images: list[Tensor]) -> Tensor:
    """Return the logits ``(N, K, h, w)`` of images ``(3, H, W)`` uint8."""
    inputs = model.data_preprocessor(dict(inputs=images))['inputs']
    return model(inputs, mode='tensor')


def scenes(count: int, size: Size, device: torch.device) -> list[Tensor]:
    """Draw scenes of SyntheticStreets, ``(3, H, W)`` uint8 each, BGR.

    Images larger than these scenes repeat them.
    """
    part = tuple(map(min, size, LARGEST_SCENE))
    repeats = [1 + (side - 1) // own for side, own in zip(size, part, strict=True)]
    images = []
    for index in range(count):
        image = np.tile(render_scene('val', index, part, 0)[0], (*repeats, 1))
        cut = torch.from_numpy(image[: size[0], : size[1]])
        images.append(cut.permute(2, 0, 1).contiguous().to(device))
    return images


def opposite_views(size: Size, device: torch.device) -> list[Tensor]:
    """Return a scene of half a size (at least 64 pixels) and its negative.

    Two scenes would be too similar for BatchNorm after image pooling, which would
    divide by almost zero.
    """
    image = scenes(1, tuple(max(64, side // 2) for side in size), device)[0]
    return [image, 255 - image]


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes faster in bfloat16 than in float32."""
    if device.type == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    info = Path('/proc/cpuinfo')
    return info.is_file() and BFLOAT16_FLAGS.search(info.read_text()) is not None
