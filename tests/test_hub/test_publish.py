"""Published models: the same network, whole, checked by its name, and nothing else."""

import hashlib
import json
import re

import cv2
import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmseg.apis import init_model
from mmseg.registry import MODELS
from training import ROOT, few_streets, train_here, write_scalars

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.config import read_config
from mmseg_deeplab.hub import publish
from mmseg_deeplab.hub.model_card import logged_metrics, read_metrics
from mmseg_deeplab.hub.published_config import initial_weights, published_config

CONFIG = 'deeplabv2_r26_synthetic_streets'
PUBLISH = ROOT / 'tools' / 'publish_model.py'
CLASSES = ['road', 'sidewalk', 'building', 'sky', 'vegetation', 'person', 'car', 'pole']
PTH = pytest.mark.parametrize('published', ['pth'], indirect=True)


@pytest.fixture(scope='module')
def cfg():
    """Return the quickstart's config, narrower, with two small scenes to test on."""
    narrow = {'model.backbone.base_channels': 4, 'model.decode_head.in_channels': 128}
    return read_config(CONFIG, narrow | few_streets(2, (32, 64)))


@pytest.fixture(scope='module')
def trained(cfg, tmp_path_factory):
    """Return a checkpoint as mmengine writes them, of random weights."""
    torch.manual_seed(0)
    state = MODELS.build(cfg.model).state_dict()
    secret = '/home/me/secret'
    palette = np.arange(24).reshape(8, 3).tolist()
    dataset_meta = dict(classes=tuple(CLASSES), palette=palette, label_map={0: 1})
    meta = dict(iter=7, epoch=0, seed=np.int64(3), cfg=f'data_root = "{secret}"')
    content = dict(
        state_dict=state,
        optimizer=dict(state={k: dict(momentum_buffer=v) for k, v in state.items()}),
        message_hub=dict(runtime_info=dict(work_dir=secret)),
        meta=dict(meta, dataset_meta=dataset_meta),
    )
    path = tmp_path_factory.mktemp('run') / 'iter_7.pth'
    torch.save(content, path)
    return path


@pytest.fixture(scope='module', params=['pth', 'safetensors'])
def published(request, cfg, trained, tmp_path_factory):
    """Return the published files of each format."""
    out = tmp_path_factory.mktemp(request.param)
    return publish(cfg, trained, out, name='tiny', file_format=request.param)


def logits(config: str | Config, checkpoint: str) -> torch.Tensor:
    model = init_model(config, checkpoint, device='cpu')
    image = torch.linspace(-2, 2, 3 * 33 * 65).reshape(1, 3, 33, 65)
    with torch.no_grad():
        return model(image, mode='tensor')


def test_logits_are_equal_to_the_bit(cfg, trained, published):
    before = logits(Config(cfg.to_dict()), str(trained))  # init_model changes it
    after = logits(str(published.config), str(published.weights))
    assert before.std() > 0
    assert torch.equal(before, after)


def test_weights_and_what_explains_them_alone_are_kept(trained, published):
    content = load(published.weights)
    assert content.keys() == {'state_dict', 'meta'}
    meta = content['meta']
    names = ['cfg', 'dataset_meta', 'epoch', 'iter', 'published_with', 'seed']
    assert sorted(meta) == names
    assert meta['dataset_meta']['classes'] == CLASSES
    assert meta['dataset_meta']['palette'][1] == [3, 4, 5]
    assert (meta['iter'], meta['seed']) == (7, 3)
    assert 'ResNetMulti' in meta['cfg']


def test_nothing_tells_of_the_machine(published):
    for path in (published.weights, published.config, published.card):
        assert b'/home' not in path.read_bytes()
        assert str(ROOT).encode() not in path.read_bytes()


def test_the_name_ends_in_the_hash(published):
    digest = hashlib.sha256(published.weights.read_bytes()).hexdigest()
    assert published.weights.stem == f'tiny-{digest[:8]}'
    assert digest in published.card.read_text()


@PTH
def test_torch_hub_accepts_the_hash_in_the_name(trained, published, tmp_path):
    options = dict(check_hash=True, weights_only=True, progress=False)
    options['model_dir'] = str(tmp_path)
    found = torch.hub.load_state_dict_from_url(published.weights.as_uri(), **options)
    assert found['state_dict'].keys() == load(trained)['state_dict'].keys()


@pytest.mark.slow
@PTH
def test_another_process_gives_the_same_bytes(
    server, cfg, trained, published, tmp_path
):
    (tmp_path / 'tiny.py').write_text(cfg.pretty_text)
    options = ['--out', tmp_path, '--format', published.weights.suffix[1:]]
    code = server.run(
        *(PUBLISH, tmp_path / 'tiny.py', trained, *options), log=tmp_path / 'log'
    )
    assert code == 0, (tmp_path / 'log').read_text()[-3000:]
    again = tmp_path / published.weights.name
    assert again.read_bytes() == published.weights.read_bytes()
    assert (tmp_path / published.card.name).read_text() == published.card.read_text()


@PTH
def test_a_training_cannot_go_on_from_it(published, tmp_path):
    with pytest.raises(ValueError, match=r'cannot be resumed.*message_hub'):
        train_here(published.config, tmp_path, resume_from=published.weights)


@PTH
def test_the_snippet_on_the_card_runs(published, tmp_path, monkeypatch, capsys):
    cv2.imwrite(str(tmp_path / 'image.png'), np.zeros((32, 64, 3), np.uint8))
    (snippet,) = re.findall(r'```python\n(.*?)```', published.card.read_text(), re.S)
    for file in (published.weights, published.config):
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)
    exec(snippet, {})
    assert 'torch.Size([32, 64])' in capsys.readouterr().out


def test_a_model_hub_reads_the_head_of_the_card(cfg, trained, tmp_path):
    per_class = {c: {'IoU': 3.25 if c == 'sky' else None} for c in CLASSES}
    metrics = {'metrics': {'mIoU': 12.5, 'aAcc': 50}, 'per_class': per_class}
    (tmp_path / 'metrics.json').write_text(json.dumps(metrics))
    options = dict(licence='cc-by-4.0', metrics=tmp_path / 'metrics.json')
    card = publish(cfg, trained, tmp_path / 'out', name='tiny', **options).card
    head = ModelCard.load(card).data
    miou = head.eval_results[0]
    assert head.license == 'cc-by-4.0' and miou.dataset_name == 'SyntheticStreets'
    assert (miou.metric_type, miou.metric_value) == ('mean_iou', 12.5)
    text = card.read_text()
    assert '| mIoU | aAcc |\n| --- | --- |\n| 12.50 | 50.00 |\n' in text
    assert '| 3 | sky | 9, 10, 11 | 3.25 |' in text
    assert '| 7 | pole | 21, 22, 23 | - |' in text and '| iterations | 7 |' in text
    count = sum(p.numel() for p in MODELS.build(cfg.model).parameters())
    assert f'{count / 1e6:.2f} M parameters' in text


def test_other_content_is_not_overwritten(cfg, trained, tmp_path):
    first = publish(cfg, trained, tmp_path, name='tiny')
    publish(cfg, trained, tmp_path, name='tiny')  # the same: nothing to say
    first.card.write_text('mine')
    with pytest.raises(ValueError, match=r'tiny-.*\.md exists'):
        publish(cfg, trained, tmp_path, name='tiny')
    assert first.card.read_text() == 'mine'
    publish(cfg, trained, tmp_path, name='tiny', overwrite=True)
    assert first.card.read_text() != 'mine'


def test_a_file_that_runs_code_is_refused(cfg, tmp_path):
    torch.save({'state_dict': {}, 'x': torch.compile}, tmp_path / 'bad.pth')
    with pytest.raises(ValueError, match='refused'):
        publish(cfg, tmp_path / 'bad.pth', tmp_path / 'out', name='bad')
    assert not (tmp_path / 'out').exists()


def test_a_config_of_another_network_is_refused(cfg, trained, tmp_path):
    other = Config(cfg.to_dict())
    other.model.decode_head.num_classes = 5
    with pytest.raises(ValueError, match='size mismatch'):
        publish(other, trained, tmp_path, name='other')


@pytest.mark.parametrize('name', ['v3.1', '-x', 'a b', ''])
def test_names_that_torch_hub_would_misread_are_refused(cfg, trained, tmp_path, name):
    with pytest.raises(ValueError, match='name'):
        publish(cfg, trained, tmp_path, name=name)


@pytest.mark.parametrize(('ema', 'shift'), [(None, 1), (True, 1), (False, 0)])
def test_average_or_trained_weights(cfg, trained, tmp_path, ema, shift):
    content = load(trained)
    before = {key: value.clone() for key, value in content['state_dict'].items()}
    average = {f'module.{key}': value + 1 for key, value in before.items()}
    content['ema_state_dict'] = {'steps': torch.tensor(9), **average}
    EMAHook()._swap_ema_state_dict(content)  # what the hook does before it saves
    torch.save(content, tmp_path / 'iter_7.pth')
    file = publish(cfg, tmp_path / 'iter_7.pth', tmp_path, name='x', ema=ema).weights
    state = load(file)['state_dict']
    assert all(torch.equal(state[key], before[key] + shift) for key in before)


def test_an_average_that_is_not_there_is_refused(cfg, trained, tmp_path):
    with pytest.raises(ValueError, match=r'--no-ema: .*no moving average'):
        publish(cfg, trained, tmp_path, name='tiny', ema=False)


def test_the_published_config_downloads_nothing_and_names_no_machine(tmp_path):
    cfg = read_config('deeplabv3_r101_camvid')
    assert initial_weights(cfg.model)
    cfg.data_root = '/home/me/camvid/'
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = '/home/me/camvid/'
    cfg.test_dataloader.dataset.ann_file = '/home/me/camvid/lists/test.txt'
    cfg.load_from = '/home/me/iter_9.pth'
    cfg.vis_backends = [dict(type='WandbVisBackend', init_kwargs=dict(entity='me'))]
    clean = published_config(cfg)
    assert 'Pretrained' not in clean.pretty_text
    assert 'me' not in re.findall(r'\w+', clean.pretty_text)
    assert clean.test_dataloader.dataset.data_root == 'data/camvid'
    assert clean.test_dataloader.dataset.ann_file == 'lists/test.txt'
    assert 'Pretrained' in cfg.pretty_text  # left alone


def test_paths_that_cannot_be_moved_are_named(cfg):
    other = Config(cfg.to_dict())
    other.custom_hooks = [dict(type='X', file='/home/me/x')]
    with pytest.raises(ValueError, match=r"custom_hooks\.0\.file='/home/me/x'"):
        published_config(other)


def test_class_weights_in_a_file_are_written_in(cfg, tmp_path):
    file = tmp_path / 'weights.json'
    file.write_text(json.dumps([1, 2, 3, 4, 5, 6, 7, 8.5]))
    other = Config(cfg.to_dict())
    other.model.decode_head.loss_decode.class_weight = str(file)
    loss = published_config(other).model.decode_head.loss_decode
    assert loss.class_weight == [1, 2, 3, 4, 5, 6, 7, 8.5]


def test_the_log_gives_the_metrics_of_the_checkpoints_own_step(tmp_path):
    records = dict(mIoU=10.0, step=5), dict(loss=1.0, step=7), dict(mIoU=12.0, step=7)
    write_scalars(tmp_path / 'time', records)
    assert logged_metrics(tmp_path, 7).overall == {'mIoU': 12.0}
    assert logged_metrics(tmp_path, 6) is None


def test_metrics_of_other_classes_are_refused(tmp_path):
    metrics = {'metrics': {'mIoU': 1.0}, 'per_class': {'cat': {}}}
    (tmp_path / 'm.json').write_text(json.dumps(metrics))
    with pytest.raises(ValueError, match='another model'):
        read_metrics(tmp_path / 'm.json', CLASSES)
