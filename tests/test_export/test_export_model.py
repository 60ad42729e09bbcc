"""From a config and a checkpoint to a file: what is found, noted and refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS
from tiny_segmentor import CLASSES
from training import write_config

from mmseg_deeplab.export import export_model
from mmseg_deeplab.export.check_file import random_images
from mmseg_deeplab.inference import ModelSource, load_predictor
from mmseg_deeplab.inference.exported import ExportedPredictor
from mmseg_deeplab.inference.prediction_config import prediction_config


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """A config with its data, and a checkpoint with random weights."""
    folder = tmp_path_factory.mktemp('model')
    config = write_config(folder)
    torch.manual_seed(0)
    model = MODELS.build(prediction_config(str(config), {}).model)
    model.decode_head.conv_seg.weight.data.normal_()
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=[[1, 2, 3]] * 3))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'tiny.pth')
    return folder


def export(folder: Path, tmp_path: Path, **options):
    out = tmp_path / 'out.torchscript'
    options = dict(format='torchscript', out=out) | options
    return export_model(str(folder / 'tiny.py'), str(folder / 'tiny.pth'), **options)


def test_the_file_predicts_what_config_and_checkpoint_do(folder, tmp_path):
    exported = export(folder, tmp_path, output='probabilities')
    source = ModelSource(str(folder / 'tiny.py'), str(folder / 'tiny.pth'))
    image = random_images((1, 45, 70))[0]
    found, expected = (
        one.predict([image], probabilities=True)[0]
        for one in (ExportedPredictor(exported.path), load_predictor(source))
    )
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    assert exported.agreement.logit_error < 1e-5
    assert exported.metadata.classes == CLASSES
    assert exported.metadata.mean == [127.5] * 3
    assert exported.metadata.channels == 'BGR'
    assert 'probabilities of 3 classes' in exported.text()


def test_the_default_place_is_beside_the_checkpoint(folder, tmp_path):
    exported = export(folder, tmp_path, out=None)
    assert exported.path == folder / 'tiny.torchscript'


def test_crf_and_windows_are_noted(folder, tmp_path):
    slide = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))
    options = {
        'model.type': 'LeanEncoderDecoder',
        'model.crf': dict(type='DenseCRF'),
        'model.test_cfg': slide,
    }
    text = export(folder, tmp_path, cfg_options=options).text()
    assert 'note: the CRF of the config is not exported' in text
    assert 'sliding windows of (16, 16)' in text


def pipeline(*steps: dict) -> dict:
    load = dict(type='LoadImageFromFile')
    steps = [load, dict(type='LoadAnnotations'), *steps, dict(type='PackSegInputs')]
    return {'test_dataloader.dataset.pipeline': steps}


def test_resizing_is_handed_on(folder, tmp_path):
    resize = dict(type='Resize', scale=(128, 96), keep_ratio=True)
    exported = export(folder, tmp_path, cfg_options=pipeline(resize))
    assert exported.metadata.resize == dict(scale=(128, 96), keep_ratio=True)
    assert 'the test pipeline resizes images' in exported.text()
    predictor = ExportedPredictor(exported.path)
    assert predictor.prepare(random_images((1, 32, 64))[0]).shape == (64, 128, 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(format='caffe'), "received 'caffe'"),
        (dict(out='x.onnx'), r'x.onnx: .* ends in \.torchscript'),
        (dict(output='scores'), "received 'scores'"),
        (
            dict(cfg_options=pipeline(dict(type='RandomFlip', prob=1.0))),
            'RandomFlip in the test pipeline',
        ),
    ],
)
def test_what_is_refused(folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export(folder, tmp_path, **options)
    assert not list(tmp_path.iterdir())
