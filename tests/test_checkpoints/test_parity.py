"""Converted weights of the references give the references' logits."""

import numpy as np
import pytest
import torch
from golden import (
    METADATA,
    converted_model,
    empty_state,
    reference_arrays,
    reference_input,
    reference_output,
    reference_state,
)

from mmseg_deeplab.checkpoints import model_config

ISHT7, KAZUTO = 'isht7_deeplabv2_resnet101_ms', 'kazuto_deeplabv2_resnet101_msc'
# Name of the golden file, source, output stride that it was made at.
QUICK = [
    (ISHT7, 'resnet_multi', 8),
    ('torchvision_deeplabv3_resnet50', 'torchvision', 8),
    ('torchvision_deeplabv3_mobilenet_v3_large', 'torchvision', 16),
    ('vainf_deeplabv3plus_mobilenet_os16', 'vainf', 16),
    ('vainf_deeplabv3_mobilenet_os16', 'vainf', 16),
    ('jfzhang95_deeplab_xception_os16', 'jfzhang95', 16),
    ('transformers_mobilenet_v2_os8', 'transformers', 8),
    ('transformers_mobilevit_xxs_os16', 'transformers', 16),
    ('transformers_mobilevitv2_050_os16', 'transformers', 16),
    ('smp_deeplabv3plus_resnet18_os16', 'smp', 16),
    ('smp_deeplabv3plus_timm_os16', 'smp', 16),
]
# What the weights do not tell.
OPTIONS = {
    'smp_deeplabv3plus_timm_os16': dict(encoder_name='tu-mobilenetv3_small_050'),
    'smp_deeplabv3plus_resnet50_os8': dict(trained_stride=8),
}
SLOW = [
    ('transformers_mobilevit_xxs_os8', 'transformers', 8),
    ('smp_deeplabv3_resnet18_os8', 'smp', 8),
    ('smp_deeplabv3plus_resnet50_os8', 'smp', 8),
    (KAZUTO, 'kazuto1011', 8),
    ('kazuto_deeplabv3plus_resnet101_os16', 'kazuto1011', 16),
    ('kazuto_deeplabv3_resnet101_os16', 'kazuto1011', 16),
    ('kazuto_deeplabv3_resnet101_os8', 'kazuto1011', 8),
    ('kazuto_deeplabv3plus_resnet101_os8', 'kazuto1011', 8),
    ('vainf_deeplabv3plus_resnet101_os16', 'vainf', 16),
    ('vainf_deeplabv3plus_resnet101_os8', 'vainf', 8),
    ('vainf_deeplabv3plus_mobilenet_os8', 'vainf', 8),
    ('vainf_deeplabv3_resnet101_os16', 'vainf', 16),
    ('vainf_deeplabv3_resnet101_os8', 'vainf', 8),
    ('jfzhang95_deeplab_xception_os8', 'jfzhang95', 8),
    ('tf_hnasnet_f20', 'tensorflow', 8),
]
# The multi-scale fusion of the two v2 files and full-size maps have tests of their own.
CASES = [
    pytest.param(
        reference,
        array,
        id=f'{reference[0]}-{array}',
        marks=[pytest.mark.slow] if reference in SLOW else [],
    )
    for reference in QUICK + SLOW
    for array in reference_arrays(reference[0])
    if array.startswith(('logits_', 'aux_logits_'))
]


@pytest.fixture(scope='module')
def converted(request):
    """Yield the name of a reference and its converted model, one at a time."""
    name, *how = request.param
    return name, converted_model(reference_state(name), *how, **OPTIONS.get(name, {}))


@pytest.mark.parametrize('converted, array', CASES, indirect=['converted'])
def test_same_logits_as_the_reference(converted, array):
    name, model = converted
    kind, _, size = array.rpartition('_')
    with torch.no_grad():
        features = model.extract_feat(reference_input(size))
        head = model.auxiliary_head if kind == 'aux_logits' else model.decode_head
        logits = head(features).numpy()
    stored = reference_output(name, array)
    assert logits.shape == stored.shape
    assert np.abs(logits - stored).max() <= 1e-4 * np.abs(stored).max()


def test_every_stored_size_is_compared():
    sizes = {case.values[1].rpartition('_')[2] for case in CASES}
    assert sizes == {'odd', 'even', 'wide', 'square', 'xwide', 'wideeven'}
    assert len(CASES) == len({case.id for case in CASES}) == 80


def test_config_is_read_from_the_shapes():
    state = empty_state(METADATA[ISHT7]['keys'])
    config = model_config(state, 'resnet_multi', output_stride=16)
    assert config['backbone']['depth'] == 101
    assert config['backbone']['output_stride'] == 16
    assert config['decode_head']['dilations'] == (3, 6, 9, 12)
    assert config['decode_head']['num_classes'] == METADATA[ISHT7]['args']['NoLabels']
