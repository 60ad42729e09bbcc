"""detectron2's DeepLab: the rules of its heads, and the backbone of a golden file."""

import pytest
import torch
from golden import (
    METADATA,
    detectron2_deeplab_keys,
    deterministic_state_dict,
    empty_state,
)
from mmseg.registry import MODELS
from torch.nn import functional as F

from mmseg_deeplab.checkpoints import convert, model_config

PANOPTIC = 'detectron2_panoptic_deeplab_r52_os16'


def conv(x, state, name, dilation=1):
    """Do a ``Conv2d`` of detectron2: convolution, norm if there is one, ReLU."""
    weight, norm = state[f'{name}.weight'], f'{name}.norm'
    padding = dilation * (weight.shape[-1] // 2)
    bias = state.get(f'{name}.bias')
    x = F.conv2d(x, weight, bias, padding=padding, dilation=dilation)
    if f'{norm}.weight' in state:
        kinds = ('running_mean', 'running_var', 'weight', 'bias')
        x = F.batch_norm(x, *(state[f'{norm}.{kind}'] for kind in kinds))
    return x.relu()


def logits_of(state, low_level, x):
    """Return the logits of its ``DeepLabV3Head`` or ``DeepLabV3PlusHead``."""
    plus = 'sem_seg_head.aspp.project.weight' not in state
    name = 'sem_seg_head.' + ('decoder.res5.project_conv' if plus else 'aspp')
    outs = [conv(x, state, f'{name}.convs.{i}', (1, 6, 12, 18)[i]) for i in range(4)]
    pooled = conv(x.mean((2, 3), keepdim=True), state, f'{name}.convs.4.1')
    outs.append(pooled.expand_as(outs[0]))
    y = conv(torch.cat(outs, 1), state, f'{name}.project')
    if plus:
        stage = 'sem_seg_head.decoder.res2'
        low = conv(low_level, state, f'{stage}.project_conv')
        y = torch.cat([low, F.interpolate(y, low.shape[2:], mode='bilinear')], 1)
        y = conv(conv(y, state, f'{stage}.fuse_conv.0'), state, f'{stage}.fuse_conv.1')
    last = 'sem_seg_head.predictor'
    return F.conv2d(y, state[f'{last}.weight'], state[f'{last}.bias'])


@pytest.mark.parametrize('method', ['deeplabv3', 'deeplabv3plus'])
def test_heads_follow_the_rules_of_the_source(method):
    keys = detectron2_deeplab_keys(method)
    heads = {k: shape for k, shape in keys.items() if not k.startswith('backbone.')}
    theirs = deterministic_state_dict(heads)
    shapes = empty_state(keys)
    config = model_config(shapes | theirs, 'detectron2', output_stride=16)
    with torch.device('meta'):
        head = MODELS.build(config['decode_head']).eval()
    ours = convert(shapes | theirs, 'detectron2')
    start = 'decode_head.'
    ours = {k.removeprefix(start): v for k, v in ours.items() if k.startswith(start)}
    head.load_state_dict(ours, strict=True, assign=True)
    low_level, x = torch.randn(1, 256, 17, 25), torch.randn(1, 2048, 5, 7)
    with torch.no_grad():
        actual = head([low_level, None, None, x])
        expected = logits_of(theirs, low_level, x)
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_backbone_is_that_of_the_golden_file_but_for_its_depth():
    panoptic, deeplab = (
        model_config(empty_state(keys), 'detectron2', output_stride=16)
        for keys in (METADATA[PANOPTIC]['keys'], detectron2_deeplab_keys('deeplabv3'))
    )
    assert deeplab['backbone'] == panoptic['backbone'] | dict(depth=101)
    assert deeplab['backbone']['type'] == 'ResNetV1c'
    preprocessor = deeplab['data_preprocessor']
    assert preprocessor == panoptic['data_preprocessor'] and preprocessor['bgr_to_rgb']
