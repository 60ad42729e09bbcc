"""Models by name, address or file: as local files, downloaded and converted once."""

import io
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from http_files import FileServer
from local import serving
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints import (
    is_model,
    load,
    local_file,
    model_files,
    references,
    zoo_model,
)
from mmseg_deeplab.checkpoints.model_zoo import ZooModel
from mmseg_deeplab.checkpoints.references import original_file, zoo_files
from mmseg_deeplab.utils import downloading
from mmseg_deeplab.utils.errors import InputError

DATA = Path(__file__).parents[1] / 'data'
CONFIG = """model = dict(type='EncoderDecoder')
scale = (64, -1)
"""


@pytest.fixture(autouse=True)
def no_pause(home, monkeypatch):
    monkeypatch.setattr(downloading, 'PAUSE', 0)


@pytest.fixture
def server():
    with serving(FileServer()) as server:
        yield server


def saved(**content) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def zoo_entry(server, name, content, **options) -> ZooModel:
    sha256 = server.put(name, content)
    return ZooModel(
        **dict(name='one', family='-', method='-', dataset='-'),
        **dict(urls=(server.url('404', name), server.url('good', name))),
        **dict(licence='-', sha256=sha256[:8]) | options,
    )


def test_a_leaf_and_its_checkpoint(server, home):
    model = zoo_entry(server, 'a-1.pth', b'x', config='deeplabv3_r50_cityscapes_zoo')
    config, checkpoint = zoo_files(model)
    assert config == 'deeplabv3_r50_cityscapes_zoo'
    assert Path(checkpoint).read_bytes() == b'x' and home in Path(checkpoint).parents
    requests = len(server.log)
    assert zoo_files(model).checkpoint == checkpoint and len(server.log) == requests


def test_a_config_of_mmsegmentation_gets_our_segmentor(server):
    path = 'deeplabv3plus/deeplabv3plus_r18-d8_4xb2-80k_cityscapes-512x1024.py'
    config, _ = zoo_files(zoo_entry(server, 'a.pth', b'x', config=f'mmseg::{path}'))
    cfg = Config.fromfile(config)
    assert cfg.model.type == 'LeanEncoderDecoder' and cfg.model.backbone.depth == 18
    assert cfg.test_dataloader.dataset.type == 'CityscapesDataset'


def test_another_code_base_is_converted_once(server, monkeypatch):
    from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

    state = deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, aux_loss=True
    ).state_dict()
    convert = dict(source='torchvision', output_stride=16)
    model = zoo_entry(
        server, 'a.pth', saved(**state), convert=convert, class_names='voc'
    )
    config, checkpoint = zoo_files(model)
    content = torch.load(checkpoint, weights_only=True)
    assert content['meta']['dataset_meta']['classes'][15] == 'person'
    built = MODELS.build(Config.fromfile(config).model)
    built.load_state_dict(content['state_dict'])
    monkeypatch.setattr(references, 'convert_file', None)
    assert zoo_files(model) == (config, checkpoint)
    names = sorted(path.name for path in Path(checkpoint).parent.glob('[!.]*'))
    assert names == ['a.pth', 'one.pth', 'one.py']


def test_an_archive_of_tensorflow(server):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w:gz') as archive:
        archive.add(DATA / 'tensorflow', 'deeplab')
    model = zoo_entry(server, 'a.tar.gz', stream.getvalue())
    assert tarfile.is_tarfile(original_file(model))


def test_what_cannot_be_converted_leaves_nothing(server):
    model = zoo_entry(
        server, 'a.pth', saved(odd=torch.ones(1)), convert=dict(source='vainf')
    )
    with pytest.raises(ValueError, match='odd'):
        zoo_files(model)
    names = [path.name for path in original_file(model).parent.glob('[!.]*')]
    assert names == ['a.pth']


def test_what_no_converter_reads_is_said():
    with pytest.raises(ValueError, match=r'not supported yet.*KerasHub'):
        model_files('deeplabv3plus_r50_voc12_keras')


def test_a_name_works_offline(home):
    name = 'deeplabv3plus_r101_cityscapes'
    model = zoo_model(name)
    file = home / 'models' / model.name / model.urls[0].rpartition('/')[2]
    file.parent.mkdir(parents=True)
    file.write_bytes(saved(state_dict={}))
    assert model_files(name) == ('deeplabv3plus_r101_cityscapes_zoo', str(file))
    assert local_file('cityscapes') == str(file)
    with pytest.raises(ValueError, match='not with 068fcfe9 as its name says'):
        CheckpointLoader.load_checkpoint(name)


def test_an_address(server, home):
    meta = dict(cfg=CONFIG)
    url = server.url('good', 'a.pth')
    server.put('a.pth', saved(state_dict={}, meta=meta))
    config, checkpoint = model_files(url)
    assert Config.fromfile(config).scale == (64, -1)
    assert home in Path(config).parents and home in Path(checkpoint).parents
    assert load(checkpoint)['meta'] == meta
    assert CheckpointLoader.load_checkpoint(url)['meta'] == {}  # mmengine would run it
    assert len(server.log) == 1


def test_an_address_cannot_lead_out_of_the_cache(server, home):
    server.put('..%2F..%2F..%2Fout.pth', b'x')
    file = local_file(server.url('good', '..%2F..%2F..%2Fout.pth'))
    assert home in Path(file).resolve().parents
    with pytest.raises(InputError, match='name of a file'):
        local_file('https://example.org/')


def test_a_config_beside_a_downloaded_checkpoint_runs_no_code(server):
    server.put('a.pth', saved(state_dict={}))
    url = server.url('good', 'a.pth')
    Path(local_file(url)).with_suffix('.py').write_text('import os')
    with pytest.raises(InputError, match='line 1'):
        model_files(url)


def test_a_training_checkpoint_loads_by_its_address(server):
    log = HistoryBuffer([0.5], [1])
    content = dict(state_dict={}, message_hub=dict(log_scalars=dict(loss=log)))
    server.put('iter_1.pth', saved(meta=dict(seed=np.int64(3)), **content))
    loaded = CheckpointLoader.load_checkpoint(server.url('good', 'iter_1.pth'))
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 0.5
    assert loaded['meta'] == dict(seed=3)


def test_the_hash_in_an_address_is_checked(server):
    server.put('a-01234567.pth', b'x')
    with pytest.raises(OSError, match='another hash'):
        local_file(server.url('good', 'a-01234567.pth'))


def test_what_torch_hub_has_is_used_if_its_name_has_digits_of_its_hash(
    server, tmp_path
):
    cached = tmp_path / 'torch' / 'hub' / 'checkpoints' / 'a-2d711642.pth'
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b'x')
    assert local_file(server.url('404', 'a-2d711642.pth')) == str(cached)
    cached.rename(cached.with_name('a.pth'))
    server.put('a.pth', b'another file of this name')
    assert local_file(server.url('good', 'a.pth')) != str(cached)


def test_an_address_that_is_none_is_named():
    with pytest.raises(InputError, match=r'http://\[x/a.pth: no address'):
        local_file('http://[x/a.pth')


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_file_with_its_config_beside_it(tmp_path, suffix):
    file = tmp_path / f'a{suffix}'
    file.write_bytes(b'')
    file.with_suffix('.py').write_text('import os')  # the user's own, which may be code
    assert is_model(str(file))
    assert model_files(str(file)) == (str(file.with_suffix('.py')), str(file))


@pytest.mark.parametrize(
    'cfg', [None, 'import os', 'model = dict(type="os.system", command="id")']
)
def test_no_config_or_one_that_runs_code(tmp_path, cfg):
    (tmp_path / 'a.pth').write_bytes(saved(state_dict={}, meta=dict(cfg=cfg)))
    with pytest.raises(ValueError, match=r'a\.pth.*CONFIG CHECKPOINT'):
        model_files(str(tmp_path / 'a.pth'))


def test_a_config_alone_is_no_model():
    with pytest.raises(ValueError, match=r'a\.py: a config has no weights'):
        model_files('a.py')


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(FileNotFoundError, match='deeplabv3plus_r101_cityscapes'):
        local_file('deeplabv3plus_r101_citiscapes')


@pytest.mark.parametrize(
    ('scheme', 'name'),
    [
        ('open-mmlab', 'resnet50_v1c'),
        ('torchvision', 'vgg16'),
        ('mmcls', 'mobilenet_v2'),
    ],
)
def test_initial_weights_by_name(scheme, name, server, monkeypatch):
    url = server.url('good', 'a.pth')
    state = {'backbone.conv.weight': torch.ones(1), 'head.fc': torch.ones(1)}
    server.put('a.pth', saved(state_dict=state))
    known = {scheme: lambda: {name: url}}
    monkeypatch.setattr(references, 'INITIAL_WEIGHTS', known)
    loaded = CheckpointLoader.load_checkpoint(f'{scheme}://{name}')['state_dict']
    is_classifier = scheme == 'mmcls'
    assert ('conv.weight' in loaded) == is_classifier
    assert model_files(f'{scheme}://{name}').config is None
    with pytest.raises(FileNotFoundError, match=rf'no such weights.*{name}'):
        local_file(f'{scheme}://none')


def test_every_initial_weight_of_the_configs_is_known(root):
    text = '\n'.join(path.read_text() for path in root.glob('configs/**/*.py'))
    named = set(re.findall(r"'((?!http|hf)[a-z-]+)://([\w./-]+)'", text))
    known = {scheme: references.INITIAL_WEIGHTS[scheme]() for scheme, _ in named}
    assert len(named) > 8 and all(name in known[scheme] for scheme, name in named)
