"""Checkpoints in the format of safetensors."""

import json

import numpy as np
import pytest
import torch
from local import serving_folder
from mmengine.runner import CheckpointLoader, load_checkpoint
from safetensors import safe_open
from safetensors.torch import save_file

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.checkpoints.formats.safetensors_file import dump_safetensors
from mmseg_deeplab.models import ResNetMulti

META = {'classes': ['Straße', 'b"c'], 'palette': [[1, 2, 3]], 'iter': 7}


def tensors() -> dict[str, torch.Tensor]:
    """Return tensors that share memory, have gaps, and have another layout."""
    base = torch.arange(24.0).reshape(4, 6)
    image = torch.arange(120.0).reshape(2, 3, 4, 5)
    return {
        'tied': base,
        'tied_too': base,
        'part': base[1:3],
        'transposed': base.t(),
        'channels_last': image.to(memory_format=torch.channels_last),
        'counter': torch.tensor(5),
        'half': torch.ones(3, dtype=torch.bfloat16),
        'trained': torch.ones(2, requires_grad=True),
    }


def test_tensors_and_meta_come_back(tmp_path):
    path, again = tmp_path / 'x.safetensors', tmp_path / 'y.safetensors'
    path.write_bytes(dump_safetensors(tensors(), META))
    content = load(path)
    assert content['meta'] == META
    assert content['state_dict'].keys() == tensors().keys()
    with safe_open(path, framework='np') as file:  # another reader
        assert {k: json.loads(v) for k, v in file.metadata().items()} == {'meta': META}
        for key in tensors().keys() - {'half'}:
            values = tensors()[key].detach().numpy()
            np.testing.assert_array_equal(file.get_tensor(key), values)
    again.write_bytes(dump_safetensors(content['state_dict'], META))
    for key, value in load(again)['state_dict'].items():
        assert torch.equal(value, content['state_dict'][key])
        assert value.dtype == content['state_dict'][key].dtype
        assert value.is_contiguous()


@pytest.mark.parametrize('texts', [None, {'format': 'pt'}, {'meta': 'no JSON'}])
def test_foreign_files_load(tmp_path, texts):
    save_file({'w': torch.ones(2)}, tmp_path / 'x.safetensors', texts)
    content = load(tmp_path / 'x.safetensors')
    assert content['state_dict']['w'].tolist() == [1, 1]
    assert content['meta'] == (texts or {})


@pytest.mark.parametrize('keep', [0, 4, 60, -1])
def test_truncated_files_are_named(tmp_path, keep):
    data = dump_safetensors(tensors(), META)
    (tmp_path / 'cut.safetensors').write_bytes(data[:keep])
    with pytest.raises(ValueError, match=r'cut\.safetensors .*not a whole file'):
        load(tmp_path / 'cut.safetensors')


def test_other_files_of_this_name_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.safetensors'):
        load(tmp_path / 'none.safetensors')
    torch.save({'w': torch.ones(2)}, tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match='not a whole file of safetensors'):
        load(tmp_path / 'x.safetensors')


def test_mmengine_loads_it(tmp_path):
    source, target = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    file = tmp_path / 'a.b-c.safetensors'
    file.write_bytes(dump_safetensors(source.state_dict(), META))
    content = load_checkpoint(target, str(file), strict=True)
    assert torch.equal(target.weight, source.weight)
    assert content['meta'] == META


@pytest.mark.parametrize(
    'name',
    ['x.pth', 'https://h/x.pth', 's3://b/x.safetensors', 'torchvision://x', 'x.pth?a'],
)
def test_other_names_keep_their_loader(name):
    chosen = CheckpointLoader._get_checkpoint_loader(name)
    assert 'safetensors' not in chosen.__name__


def test_it_is_downloaded_once(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    (tmp_path / 'x.safetensors').write_bytes(dump_safetensors(tensors(), META))
    with serving_folder(tmp_path) as address:
        url = f'{address}/x.safetensors?download=true'
        assert CheckpointLoader.load_checkpoint(url)['meta'] == META
    assert CheckpointLoader.load_checkpoint(url)['meta'] == META


def test_a_backbone_starts_from_it(tmp_path):
    source = ResNetMulti(depth=26, base_channels=4)
    file = tmp_path / 'backbone.safetensors'
    file.write_bytes(dump_safetensors(source.state_dict(), {}))
    init_cfg = dict(type='Pretrained', checkpoint=str(file))
    target = ResNetMulti(depth=26, base_channels=4, init_cfg=init_cfg)
    target.init_weights()
    assert torch.equal(target.conv1.weight, source.conv1.weight)
