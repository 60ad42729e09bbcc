"""Multiply-adds and parameters of a segmentor, counted without running it."""

from dataclasses import dataclass
from typing import Any

import torch
from mmseg.registry import MODELS
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Complexity:
    """What a forward pass costs.

    Args:
        multiply_adds: Of convolutions and matrix products, for one image.
        parameters: Of everything that runs in evaluation, trained or not.
    """

    multiply_adds: int
    parameters: int


def complexity(model_cfg: dict, size: tuple[int, int]) -> Complexity:
    """Count multiply-adds and parameters of a segmentor's forward pass.

    The network's operators are counted as they are dispatched on PyTorch's meta device,
    where nothing is computed. Auxiliary heads, which
    only training has, are left out; so are normalisation, activations and resizing, as
    in the papers' tables.

    Args:
        model_cfg: Config of a segmentor.
        size: Height and width of the image, pixels.
    """
    cfg = without_training_parts(model_cfg)
    # Built elsewhere: some networks of the host compute values as they are built.
    model = MODELS.build(cfg).eval().to('meta')
    image = torch.empty(1, 3, *size, device='meta')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image, mode='tensor')
    return Complexity(
        multiply_adds=counter.get_total_flops() // 2,
        parameters=count_parameters(model),
    )


def count_parameters(model: nn.Module) -> int:
    """Return the number of elements of a model's parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def without_training_parts(node: Any) -> Any:
    """Return a config without auxiliary heads, weights to load and SyncBN.

    Args:
        node: A config or a part of one; left alone.
    """
    if isinstance(node, list | tuple):
        return type(node)(without_training_parts(child) for child in node)
    if not isinstance(node, dict):
        return node
    kept = {
        key: without_training_parts(value)
        for key, value in node.items()
        if key not in ('auxiliary_head', 'init_cfg')
    }
    if kept.get('type') == 'SyncBN':
        kept['type'] = 'BN'
    return kept
