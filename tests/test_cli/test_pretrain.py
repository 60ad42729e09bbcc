"""``configs/pretrain``: train an image classifier, start a segmentor from it."""

from pathlib import Path

import pytest
import torch
from mmengine import Config
from mmseg.registry import MODELS
from predicting import write_image
from training import ROOT, TRAIN, weights

PRETRAIN = ROOT / 'configs' / 'pretrain'

# At 64 px, two images a step, in this process.
OPTIONS = [
    'train_cfg.max_iters=2',
    'train_cfg.val_interval=2',
    'default_hooks.checkpoint.interval=2',
    'train_dataloader.batch_size=2',
    'train_dataloader.dataset.pipeline.1.scale=64',
    'val_dataloader.dataset.pipeline.1.scale=72',
    'val_dataloader.dataset.pipeline.2.crop_size=64',
    'model.head.in_channels=128',
    'model.head.num_classes=2',
    'model.head.topk=1',
    'val_evaluator.topk=1',
]
OPTIONS += [
    f'{loader}_dataloader.{option}'
    for loader in ('train', 'val')
    for option in (
        'num_workers=0',
        'persistent_workers=False',
        'dataset.metainfo.classes=cat,dog',
    )
]
NARROW = {
    'resnet50_imagenet': dict(type='ResNetMulti', depth=26, base_channels=4),
    'aligned_xception65_imagenet': dict(
        type='AlignedXception', depth=41, widen_factor=0.0625
    ),
}


def write_images(folder: Path) -> Path:
    """Write two classes of images in ImageNet's layout."""
    for split in ('train', 'val'):
        for name in ('cat/0', 'cat/1', 'dog/0', 'dog/1'):
            write_image(folder / split / f'{name}.png', (80, 90))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize('name', NARROW)
def test_segmentor_starts_from_the_pretrained_classifier(server, tmp_path, name):
    data, log = write_images(tmp_path / 'imagenet'), tmp_path / 'log'
    narrow = [f'model.backbone.{k}={v}' for k, v in NARROW[name].items() if k != 'type']
    options = ['--cfg-options', f'data_root={data}', *OPTIONS, *narrow]
    config, run = PRETRAIN / f'{name}.py', tmp_path / 'run'
    code = server.run(TRAIN, config, '--work-dir', run, *options, log=log)
    assert code == 0, log.read_text()[-3000:]
    assert 'accuracy/top1' in log.read_text()
    checkpoint = run / 'iter_2.pth'
    init_cfg = dict(type='Pretrained', checkpoint=str(checkpoint))
    model = MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(NARROW[name], output_stride=8, init_cfg=init_cfg),
            decode_head=dict(
                type='FCNHead', in_channels=128, in_index=3, channels=8, num_classes=2
            ),
        )
    )
    model.init_weights()
    trained = weights(checkpoint)
    assert any(key.startswith('head.fc') for key in trained)
    for key, value in model.backbone.state_dict().items():
        assert torch.equal(value, trained[f'backbone.{key}']), key


@pytest.mark.parametrize(
    'name, segmentor',
    [
        ('resnet50_imagenet', 'deeplabv2_r101'),
        ('aligned_xception65_imagenet', 'deeplabv3_x65'),
    ],
)
def test_classifier_sees_images_as_the_segmentor_does(name, segmentor):
    """Same mean, scale and channel order; same network at output stride 32."""
    path = ROOT / 'configs' / '_base_' / 'models' / f'{segmentor}.py'
    theirs = Config.fromfile(path).model
    ours = Config.fromfile(PRETRAIN / f'{name}.py').model
    assert list(ours.data_preprocessor.mean) == list(theirs.data_preprocessor.mean)
    assert list(ours.data_preprocessor.std) == list(theirs.data_preprocessor.std)
    assert ours.data_preprocessor.to_rgb == theirs.data_preprocessor.bgr_to_rgb
    assert ours.backbone.type == f'mmseg.{theirs.backbone.type}'
    assert ours.backbone.output_stride == 32
