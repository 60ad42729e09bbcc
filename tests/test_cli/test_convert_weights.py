"""The command convert: what it writes builds and loads strictly."""

import torch
from golden import reference_state
from mmengine import Config
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import convert, convert_file, load

KAZUTO = 'kazuto_deeplabv2_resnet101_msc'


def test_the_command_writes_a_checkpoint_and_its_config(command, tmp_path):
    torch.save(reference_state(KAZUTO), tmp_path / 'theirs.pth')
    files = tmp_path / 'theirs.pth', tmp_path / 'out' / 'ours.pth'
    command('convert', 'kazuto1011', *files, '--output-stride', 16)
    model = MODELS.build(Config.fromfile(tmp_path / 'out' / 'ours.py').model)
    state = load(tmp_path / 'out' / 'ours.pth')['state_dict']
    model.load_state_dict(state, strict=True)
    assert state.keys() == convert(reference_state(KAZUTO), 'kazuto1011').keys()
    assert model.backbone.output_stride == 16


def test_a_backbone_alone_gets_no_config(tmp_path):
    state = {k: v for k, v in reference_state(KAZUTO).items() if 'aspp' not in k}
    torch.save(state, tmp_path / 'theirs.pth')
    written = convert_file('kazuto1011', tmp_path / 'theirs.pth', tmp_path / 'ours.pth')
    assert written == [tmp_path / 'ours.pth']
