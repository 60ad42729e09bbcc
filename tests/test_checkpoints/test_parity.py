"""Converted weights of the references give the references' logits."""

import functools

import numpy as np
import pytest
import torch
from golden import METADATA, reference_input, reference_output, reference_state
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import convert, model_config

ISHT7, KAZUTO = 'isht7_deeplabv2_resnet101_ms', 'kazuto_deeplabv2_resnet101_msc'
SOURCE = {ISHT7: 'resnet_multi', KAZUTO: 'kazuto1011'}


@functools.cache
def converted_model(name: str) -> torch.nn.Module:
    state = reference_state(name)
    model = MODELS.build(model_config(state, SOURCE[name], output_stride=8))
    model.load_state_dict(convert(state, SOURCE[name]), strict=True)
    return model.eval()


@pytest.mark.parametrize(
    'name, size',
    [
        *((KAZUTO, size) for size in ('odd', 'even', 'wide')),
        *((ISHT7, size) for size in ('odd', 'even', 'wide', 'square')),
    ],
)
def test_same_logits_as_the_reference(name, size):
    with torch.no_grad():
        logits = converted_model(name)(reference_input(size), mode='tensor').numpy()
    stored = reference_output(name, f'logits_{size}')
    assert logits.shape == stored.shape
    assert np.abs(logits - stored).max() <= 1e-4 * np.abs(stored).max()


@pytest.mark.parametrize('name', [KAZUTO, ISHT7])
def test_config_is_read_from_the_shapes(name):
    config = model_config(reference_state(name), SOURCE[name], output_stride=16)
    assert config['backbone']['depth'] == 101
    assert config['backbone']['output_stride'] == 16
    assert config['decode_head']['num_classes'] == METADATA[name]['args'].get(
        'n_classes', METADATA[name]['args'].get('NoLabels')
    )
