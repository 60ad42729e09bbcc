"""MODEL on the command line: by name, address and file; mistakes in it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import reference_state
from http_files import FileServer
from local import serving
from PIL import Image
from predicting import write_image
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from mmseg_deeplab.checkpoints import local_file, zoo_model
from mmseg_deeplab.cli import parse_arguments
from mmseg_deeplab.config import read_config
from mmseg_deeplab.hub import publish
from mmseg_deeplab.inference import DeepLabInferencer, load_predictor, take_model
from mmseg_deeplab.utils import downloading
from mmseg_deeplab.utils.errors import InputError

NAME = 'deeplabv3_mobilenet_voc'  # its address has no hash


@pytest.fixture(scope='module')
def published(source, tmp_path_factory):
    """Return a small model with its config inside, and the source it is made of."""
    cfg, out = read_config(source.config), tmp_path_factory.mktemp('out')
    return publish(cfg, source.checkpoint, out, name='tiny'), source


@pytest.fixture(autouse=True)
def street(home, tmp_path, monkeypatch):
    """Have an image in the current folder."""
    monkeypatch.setattr(downloading, 'PAUSE', 0)
    monkeypatch.chdir(tmp_path)
    write_image(tmp_path / 'street.png', (40, 60))


def put_in_cache(home: Path, name: str, state: dict) -> Path:
    """Put a file where the download of a name would be."""
    model = zoo_model(name)
    name = model.file_name or model.urls[0].rpartition('/')[2]
    file = home / 'models' / model.name / name
    file.parent.mkdir(parents=True)
    torch.save(state, file)
    return file


def labels(folder: Path = Path('out')) -> np.ndarray:
    return np.array(Image.open(folder / 'labels' / 'street.png'))


def test_predict_by_a_converted_file_is_what_the_source_predicts(command):
    torch.manual_seed(0)
    network = deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, aux_loss=True
    ).eval()
    torch.save(network.state_dict(), 'theirs.pth')
    command('convert', 'torchvision', 'theirs.pth', 'ours.pth', '--output-stride', 16)
    with pytest.raises(SystemExit, match='0'):
        command('predict', 'ours.pth', 'street.png', '--out', 'out', '--device', 'cpu')
    image = np.array(Image.open('street.png')).astype('f4') / 255
    image = (image - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    batch = torch.from_numpy(image.astype('f4')).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = network(batch)['out'].argmax(1)[0].numpy()
    assert (labels() == expected).mean() > 0.99


def test_predict_by_name_is_as_after_a_conversion_by_hand(command, home):
    put_in_cache(home, NAME, reference_state('vainf_deeplabv3_mobilenet_os16'))
    command('convert', 'vainf', NAME, 'own.pth', '--output-stride', 16)
    for model, out in ((NAME, 'a'), ('own.pth', 'b')):
        with pytest.raises(SystemExit, match='0'):
            command('predict', model, 'street.png', '--out', out, '--device', 'cpu')
    assert (labels(Path('a')) == labels(Path('b'))).all()
    assert load_predictor(take_model([NAME])[0]).classes[15] == 'person'
    assert command('download', NAME).count(str(home)) == 2


@pytest.mark.parametrize('form', ['file', 'url', 'config beside'])
def test_predict_by_file_and_address(command, published, form):
    files, source = published
    model = str(files.weights)
    if form == 'config beside':
        Path('tiny.pth').write_bytes(files.weights.read_bytes())
        Path('tiny.py').write_bytes(files.config.read_bytes())
        model = 'tiny.pth'
    with serving(FileServer()) as server:
        if form == 'url':
            server.put(files.weights.name, files.weights.read_bytes())
            model = server.url('good', files.weights.name)
        with pytest.raises(SystemExit, match='0'):
            command('predict', model, 'street.png', '--out', 'out', '--device', 'cpu')
    inferencer = DeepLabInferencer(source.config, source.checkpoint, device='cpu')
    sample = inferencer('street.png', return_datasamples=True)
    assert (labels() == sample.pred_sem_seg.data[0].numpy()).all()


def test_a_config_beside_a_download_runs_no_code():
    with serving(FileServer()) as server:
        server.put('a.pth', b'')
        url = server.url('good', 'a.pth')
        Path(local_file(url)).with_suffix('.py').write_text('import os')
        with pytest.raises(InputError, match='line 1'):
            take_model([url])


@pytest.mark.slow
def test_inferencer_and_export_by_file(command, published):
    files, _ = published
    assert DeepLabInferencer(files.weights, device='cpu').model is not None
    Path('tiny.pth').write_bytes(files.weights.read_bytes())
    command('export', 'tiny.pth')
    assert Path('tiny.onnx').is_file()


def test_options_stand_between_config_and_checkpoint():
    args = parse_arguments('export', ['a.py', '--out', 'a.onnx', 'a.pth'])
    assert (args.config, args.checkpoint, args.out) == ('a.py', 'a.pth', 'a.onnx')


def test_models_as_a_table_and_as_json(command):
    found = json.loads(command('models', 'vainf', '--json'))
    assert len(found) == 8 and {one['licence'] for one in found} == {'MIT'}
    table = command('models', 'deeplabv3plus_r101_c*')
    assert 'cityscapes, deeplabv3plus_r101_cityscapes' in table and '80.97' in table


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (
            ('predict', 'deeplabv3plus_r101_citiscapes', 'street.png', '--out', 'out'),
            r'deeplabv3plus_r101_cityscapes',
        ),
        (('download', 'citiscapes'), r"'citiscapes' does not exist.*cityscapes"),
        (('models', 'nothing_like_it'), r'no model has such a name'),
        (('export', 'x65_imagenet_tf'), r'a backbone alone, for init_cfg'),
        (('test', 'cityscapes', 'x.pth'), r"a whole model: leave out 'x\.pth'"),
        (('export', 'model.onnx'), r'only for prediction'),
    ],
)
def test_a_mistake_is_one_line(command, home, arguments, message):
    put_in_cache(home, 'cityscapes', {})
    folder = home / 'models' / 'x65_imagenet_tf'
    folder.mkdir()
    for name in ('deeplabv3_xception_2018_01_04.tar.gz', 'x65_imagenet_tf.pth'):
        (folder / name).touch()
    with pytest.raises(SystemExit, match=rf'(?s)^error: [^\n]*{message}[^\n]*$'):
        command(*arguments)
    assert not Path('out').exists()


def test_no_network_is_one_line(command, monkeypatch, home):
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:9')  # nobody listens there
    with pytest.raises(SystemExit, match=r'^error: [^\n]*no connection[^\n]*$'):
        command('download', 'cityscapes')
    assert not [path for path in home.rglob('[!.]*') if path.is_file()]
