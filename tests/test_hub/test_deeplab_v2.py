"""get_deeplab_v2: the lineage's interface, without its faults."""

import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from golden import reference_input, reference_output, reference_state

from mmseg_deeplab import get_deeplab_v2

ISHT7 = 'isht7_deeplabv2_resnet101_ms'


@functools.cache
def network() -> torch.nn.Module:
    return get_deeplab_v2(num_classes=21, pretrain=False)


def lineage_state() -> dict[str, torch.Tensor]:
    return {
        key.removeprefix('Scale.').replace('layer5.', 'layer6.'): value
        for key, value in reference_state(ISHT7).items()
    }


def test_reference_weights_give_reference_logits():
    model = network()
    assert model.state_dict().keys() == lineage_state().keys()
    model.load_state_dict(lineage_state())
    x = reference_input('odd')
    with torch.no_grad():
        logits = model.eval()(x)
    stored = torch.from_numpy(reference_output(ISHT7, 'logits_odd'))
    expected = F.interpolate(stored, size=x.shape[2:], mode='bilinear').numpy()
    assert np.abs(logits.numpy() - expected).max() <= 1e-4 * np.abs(expected).max()
    assert model.train()(x)[1:] == (None, None)


def test_every_trainable_tensor_is_in_the_groups_once():
    model = network()
    groups = model.optim_parameters(2.5e-4)
    listed = [p for group in groups for p in group['params']]
    trainable = [p for p in model.parameters() if p.requires_grad]
    assert len(listed) == len(set(listed)) == len(trainable)
    assert [group['lr'] for group in groups] == [2.5e-4, pytest.approx(2.5e-3)]
    assert set(groups[1]['params']) == set(model.layer6.parameters())
    torch.optim.SGD(groups, lr=2.5e-4, momentum=0.9, weight_decay=5e-4)


def test_missing_file_says_what_to_download_and_where_to_put_it(tmp_path):
    path = tmp_path / 'DeepLab_resnet_pretrained_imagenet.pth'
    with pytest.raises(FileNotFoundError, match=f'{path}: no such file.*https://'):
        get_deeplab_v2(pretrain_model_path=path)


def test_pretrained_file_fills_the_backbone_and_not_the_head(tmp_path):
    path = tmp_path / 'DeepLab_resnet_pretrained_imagenet.pth'
    torch.save(reference_state(ISHT7), path)
    model = get_deeplab_v2(num_classes=21, pretrain_model_path=path)
    found = model.layer3[7].bn2.running_var
    assert torch.equal(found, reference_state(ISHT7)['Scale.layer3.7.bn2.running_var'])
    deviation = model.layer6.conv2d_list[0].weight.std().item()
    assert deviation == pytest.approx(0.01, rel=0.05)
