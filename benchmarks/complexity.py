"""Multiply-adds and parameters of a segmentor, counted without running it."""

from typing import Any, NamedTuple

import torch
from mmseg.registry import MODELS
from torch.utils.flop_counter import FlopCounterMode


class Complexity(NamedTuple):
    """The cost of a forward pass of one image."""

    multiply_adds: int  # of convolutions and matrix products
    parameters: int  # all that an evaluation uses, trained or not


def complexity(model_cfg: dict, size: tuple[int, int]) -> Complexity:
    """Count multiply-adds and parameters of a segmentor's forward pass.

    Operators are counted as they are dispatched on PyTorch's meta device, where nothing
    is computed. As in the tables of the papers, normalisation, activations and resizing
    do not count, nor do auxiliary heads, which only training needs. ``size`` is the
    height and width of the image in pixels.
    """
    cfg = without_training_parts(model_cfg)
    # Not built on the meta device: some networks compute values as they are built.
    model = MODELS.build(cfg).eval().to('meta')
    image = torch.empty(1, 3, *size, device='meta')
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image, mode='tensor')
    return Complexity(
        multiply_adds=counter.get_total_flops() // 2,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def without_training_parts(node: Any) -> Any:
    """Return a copy of a config without auxiliary heads, weights to load and SyncBN."""
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
