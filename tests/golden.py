"""Deterministic weights, inputs and outputs of the reference implementations.

Every tensor depends on its own key and shape alone, so the weights of a reference are
made anew under its own key names, sent through a converter, and the converted model is
compared with the outputs stored in ``data/golden``.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import convert, model_config

# Gain of the norm layer that closes a residual branch; without it ResNet-101 and
# Xception blow up.
_RESIDUAL_GAINS: tuple[tuple[re.Pattern[str], float], ...] = (
    # ResNet `bn3` and kazuto1011 `increase.bn`.
    (re.compile(r'(layer\d+\.\d+\.bn3|increase\.bn)\.weight$'), 0.2),
    # jfzhang95 Xception `rep.7` / `rep.8`.
    (re.compile(r'(^|\.)block\d+\.rep\.[78]\.weight$'), 0.1),
    # detectron2 ResNet `res4.2.conv3.norm`.
    (re.compile(r'res\d\.\d+\.conv3\.norm\.weight$'), 0.2),
    # TensorFlow hnasnet: norms that open a cell (its blocks only add).
    (re.compile(r'/cell_\d+/(beginning_bn|prev_bn)/gamma$'), 0.15),
    # transformers: the last norm of an inverted residual.
    (re.compile(r'reduce_1x1\.normalization\.weight$'), 0.5),
    # MobileNetV2 (VainF) `conv.2`, `conv.3`; torchvision MobileNetV3 `block.2.1`, ....
    (re.compile(r'(\.conv\.[23]|\.block\.[23]\.1)\.weight$'), 0.5),
)


def _fan_in(key: str, shape: tuple[int, ...]) -> int:
    """Return the inputs of one output: OIHW in torch, HWIO in TensorFlow."""
    if '/' not in key:
        return int(np.prod(shape[1:]))
    if key.endswith('depthwise_weights'):  # H, W, channels, multiplier
        return shape[0] * shape[1]
    return int(np.prod(shape[:-1]))


def deterministic_array(
    key: str, shape: Iterable[int], is_norm_weight: bool
) -> np.ndarray:
    """Return one state_dict entry (float32; int64 for num_batches_tracked)."""
    shape = tuple(int(n) for n in shape)
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    if key.endswith('num_batches_tracked'):
        return np.zeros(shape, dtype=np.int64)
    if key.endswith(('running_var', 'moving_variance')):
        value = rng.uniform(0.5, 1.5, size=shape)
    elif is_norm_weight:
        gain = next((g for pattern, g in _RESIDUAL_GAINS if pattern.search(key)), 1.0)
        value = gain * rng.uniform(0.5, 1.5, size=shape)
    elif len(shape) <= 1:  # running_mean and every bias
        value = 0.1 * rng.normal(size=shape)
    else:  # convolution / linear weight, He initialisation over fan-in
        value = rng.normal(size=shape) * np.sqrt(2.0 / _fan_in(key, shape))
    return value.astype(np.float32)


def deterministic_state_dict(
    shapes: Mapping[str, Iterable[int]],
) -> dict[str, torch.Tensor]:
    """Build the state_dict for ``shapes`` (reference key -> shape)."""
    state = {}
    for key, shape in shapes.items():
        shape = tuple(shape)
        prefix, _, leaf = key.rpartition('.')
        sibling = f'{prefix}.running_mean' if prefix else 'running_mean'
        is_norm_weight = leaf == 'weight' and len(shape) == 1 and sibling in shapes
        is_norm_weight |= key.endswith('/gamma')
        is_norm_weight |= leaf == 'weight' and 'layernorm' in prefix
        state[key] = torch.from_numpy(deterministic_array(key, shape, is_norm_weight))
    return state


def deterministic_input(height: int, width: int, batch: int = 1) -> torch.Tensor:
    """Return the standard-normal input, float32, (batch, 3, height, width)."""
    shape = (batch, 3, height, width)
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=shape).astype(np.float32)
    )


def fingerprint(state: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over keys and bytes in key order; tells RNG drift from model bugs."""
    digest = hashlib.sha256()
    for key in sorted(state):
        digest.update(key.encode())
        digest.update(state[key].contiguous().numpy().tobytes())
    return digest.hexdigest()


GOLDEN = Path(__file__).parent / 'data' / 'golden'
METADATA = json.loads((GOLDEN / 'metadata.json').read_text())
METADATA |= json.loads((GOLDEN / 'panoptic_networks.json').read_text())
METADATA |= json.loads(gzip.decompress((GOLDEN / 'libraries.json.gz').read_bytes()))
METADATA['inputs']['wideeven'] = [1, 3, 32, 320]
PANOPTIC = json.loads((GOLDEN / 'panoptic.json').read_text())


@functools.lru_cache(maxsize=2)  # a ResNet-101 takes 250 MB
def _weights(name: str) -> tuple[dict[str, torch.Tensor], str]:
    state = deterministic_state_dict(METADATA[name]['keys'])
    return state, fingerprint(state)


def reference_state(name: str) -> dict[str, torch.Tensor]:
    """Return the deterministic weights of a reference, checked against its hash."""
    entry = METADATA[name]
    state, digest = _weights(entry.get('keys_same_as', name))
    if digest != entry['weights_sha256']:
        raise RuntimeError(f'{name}: this numpy draws other numbers than the reference')
    return state


def empty_state(shapes: Mapping[str, Iterable[int]]) -> dict[str, torch.Tensor]:
    """Return tensors without values."""
    return {key: torch.empty(shape, device='meta') for key, shape in shapes.items()}


def converted_model(
    state: Mapping[str, torch.Tensor], source: str, output_stride: int, **options: Any
) -> torch.nn.Module:
    """Return the network that the converted weights load into, in evaluation."""
    config = model_config(state, source, output_stride=output_stride, **options)
    with torch.device('meta'):  # no time for weights that are replaced
        model = MODELS.build(config)
    options = {k: v for k, v in options.items() if k == 'encoder_name'}
    converted = convert(state, source, **options)
    model.load_state_dict(converted, strict=True, assign=True)
    return model.eval()


def reference_arrays(name: str) -> list[str]:
    """Return the names of the stored outputs."""
    with np.load(GOLDEN / f'{name}.npz') as arrays:
        return list(arrays.files)


def reference_output(name: str, array: str) -> np.ndarray:
    """Return one stored output."""
    with np.load(GOLDEN / f'{name}.npz') as arrays:
        return arrays[array]


def reference_input(size: str) -> torch.Tensor:
    """Return the input of a name in ``METADATA['inputs']``."""
    batch, _, height, width = METADATA['inputs'][size]
    return deterministic_input(height, width, batch)


def tensorflow_value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the value of a TensorFlow variable, a function of name and shape."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(('gamma', 'moving_variance')):
        # Residual branches are quiet, so that the sum does not grow over 20 units.
        last = 'separable_conv3_pointwise', 'bottleneck_v1/conv3'
        quiet = name.endswith('gamma') and any(unit in name for unit in last)
        return rng.uniform(0.5, 1.5, shape).astype('f4') * np.float32(0.3**quiet)
    if len(shape) == 4:
        fan_in = np.prod(shape[:2]) * (1 if 'depthwise' in name else shape[2])
        return (rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype('f4')
    return (0.1 * rng.normal(size=shape)).astype('f4')


@functools.cache
def tensorflow_shapes() -> dict[str, dict[str, list[int]]]:
    """Return the shapes of the variables of TensorFlow's networks, by their kind.

    Their names are those of research/deeplab; ``zoo_*`` have the sizes of the zoo.
    """
    return json.loads(
        gzip.decompress((GOLDEN / 'tensorflow_shapes.json.gz').read_bytes())
    )


def detectron2_deeplab_keys(method: str) -> dict[str, list[int]]:
    """Return the tensors of detectron2's DeepLab on R-103, Cityscapes.

    Its backbone and its pyramid are those of its Panoptic-DeepLab on R-52, whose
    tensors are recorded; the names of the heads are those of ``semantic_seg.py``.
    """
    recorded = METADATA['detectron2_panoptic_deeplab_r52_os16']['keys']
    pyramid = 'sem_seg_head.decoder.res5.project_conv.'
    project = 'sem_seg_head.decoder.res2.project_conv.'
    fusion = 'sem_seg_head.decoder.res2.fuse_conv.'
    keys = {}
    for key, shape in recorded.items():
        if key.startswith('backbone.'):
            keys[key] = shape
            if key.startswith('backbone.res4.5.'):
                keys |= {key.replace('4.5.', f'4.{i}.'): shape for i in range(6, 23)}
        elif key.startswith(pyramid):
            plus = method == 'deeplabv3plus'
            keys[key if plus else key.replace(pyramid, 'sem_seg_head.aspp.')] = shape
        elif key.startswith((project, fusion)) and method == 'deeplabv3plus':
            # 48 channels of the low level instead of 32.
            keys[key] = [{32: 48, 256 + 32: 256 + 48}.get(n, n) for n in shape]
        elif key.startswith('sem_seg_head.predictor.'):
            keys[key] = shape
    return keys
