"""Converted Panoptic-DeepLabs give the outputs of both public implementations."""

import pickle

import numpy as np
import pytest
import torch
from golden import (
    METADATA,
    converted_model,
    empty_state,
    reference_input,
    reference_output,
    reference_state,
)

from mmseg_deeplab.checkpoints import convert, convert_file, load, model_config

BOWENC, DETECTRON = 'bowenc0221_panoptic_deeplab_r50', 'detectron2_panoptic_deeplab_r52'
SLOW = pytest.mark.slow
CASES = [
    (f'{BOWENC}_os32', 'bowenc0221', 32),
    (f'{DETECTRON}_os16_dsconv', 'detectron2', 16),
    pytest.param(f'{BOWENC}_os16', 'bowenc0221', 16, marks=SLOW),
    pytest.param(f'{DETECTRON}_os16', 'detectron2', 16, marks=SLOW),
]


@pytest.mark.parametrize('name, source, output_stride', CASES)
def test_same_outputs_as_the_reference(name, source, output_stride):
    model = converted_model(reference_state(name), source, output_stride)
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == METADATA[name]['parameters']
    for size in METADATA[name]['inputs']:
        with torch.no_grad():
            outputs = model(reference_input(size), mode='tensor')
        for kind, found in zip(('semantic', 'center', 'offset'), outputs, strict=True):
            stored = reference_output(name, f'{kind}_low_{size}')
            assert found.shape == stored.shape
            error = np.abs(found.numpy() - stored).max()
            assert error <= 1e-5 * np.abs(stored).max()


def converted(name, source):
    return convert(empty_state(METADATA[name]['keys']), source)


def test_other_classes_need_to_be_told_which_are_things():
    state = converted(f'{BOWENC}_os32', 'bowenc0221')
    state['decode_head.conv_seg.weight'] = torch.empty(7, 256, 1, 1)
    with pytest.raises(ValueError, match='thing_classes'):
        model_config(state, 'bowenc0221', output_stride=32)
    config = model_config(state, 'bowenc0221', output_stride=32, thing_classes=(2, 3))
    assert config['thing_classes'] == (2, 3)
    assert config['decode_head']['num_classes'] == 7


def test_a_semantic_network_is_refused():
    state = converted(f'{BOWENC}_os32', 'bowenc0221')
    semantic = {k: v for k, v in state.items() if 'instance' not in k}
    with pytest.raises(ValueError, match='no head of Panoptic-DeepLab'):
        model_config(semantic, 'bowenc0221', output_stride=32)


def test_pickled_initial_weights_of_detectron2(tmp_path):
    """Its zoo has a backbone alone, as arrays, with the image classifier."""
    name = f'{DETECTRON}_os16'
    keys = [key for key in METADATA[name]['keys'] if key.startswith('backbone.stem.')]
    keys = [key.removeprefix('backbone.') for key in keys if 'num_batches' not in key]
    arrays = {key: np.full(2, i, 'f4') for i, key in enumerate([*keys, 'linear.bias'])}
    content = {'model': arrays, '__author__': 'x', 'matching_heuristics': True}
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(content))
    (written,) = convert_file('detectron2', tmp_path / 'a.pkl', tmp_path / 'a.pth')
    state = load(written)['state_dict']
    assert (state['backbone.stem.6.weight'] == arrays['stem.conv3.weight'][0]).all()
    assert (state['backbone.stem.7.bias'] == arrays['stem.conv3.norm.bias'][0]).all()
    assert len([key for key in state if 'num_batches' not in key]) == len(keys)


def test_coco_has_a_grouping_of_its_own():
    state = converted(f'{DETECTRON}_os16_dsconv', 'detectron2')
    state['decode_head.conv_seg.weight'] = torch.empty(133, 256, 1, 1)
    config = model_config(state, 'detectron2', output_stride=16)
    assert config['grouping'] == dict(nms_kernel=41, stuff_area=4096)
    assert config['thing_classes'] == tuple(range(80))
