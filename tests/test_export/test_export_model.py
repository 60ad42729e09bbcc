"""From a config and a checkpoint to a file, and prediction with the file alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_segmentor import CLASSES, metadata, tiny_segmentor
from training import write_random_network

from mmseg_deeplab.export import export_model
from mmseg_deeplab.export.check_file import random_images, reference_logits
from mmseg_deeplab.export.export_formats import write_torchscript
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor
from mmseg_deeplab.inference.exported import ExportedPredictor


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Return a folder with ``tiny.py`` and ``tiny.pth``."""
    folder = tmp_path_factory.mktemp('model')
    write_random_network(folder, meta=dict(classes=CLASSES, palette=[[1, 2, 3]] * 3))
    return folder


def export(folder: Path, tmp_path: Path, **options):
    out = tmp_path / 'out.torchscript'
    options = dict(format='torchscript', out=out) | options
    return export_model(str(folder / 'tiny.py'), str(folder / 'tiny.pth'), **options)


def test_the_file_predicts_what_config_and_checkpoint_do(folder, tmp_path):
    exported = export(folder, tmp_path, output='probabilities')
    source = ModelSource(str(folder / 'tiny.py'), str(folder / 'tiny.pth'))
    image = random_images((1, 45, 70))[0]
    file = load_predictor(ModelSource(None, str(exported.path), trust_program=True))
    assert isinstance(file, Predictor) and file.palette == [[1, 2, 3]] * 3
    both = file, load_predictor(source)
    found, expected = (p.predict([image], probabilities=True)[0] for p in both)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    assert exported.agreement.logit_error < 1e-5
    assert exported.metadata.classes == CLASSES
    assert exported.metadata.mean == [127.5] * 3
    assert exported.metadata.channels == 'BGR'
    assert 'probabilities of 3 classes' in exported.text()


def test_crf_and_windows_are_noted(folder, tmp_path):
    slide = dict(mode='slide', crop_size=(16, 16), stride=(8, 8))
    crf = {'model.type': 'LeanEncoderDecoder', 'model.crf': dict(type='DenseCRF')}
    options = crf | {'model.test_cfg': slide}
    exported = export(folder, tmp_path, cfg_options=options, out=None)
    assert exported.path == folder / 'tiny.torchscript'  # beside the checkpoint
    text = exported.text()
    assert 'note: the CRF of the config is not exported' in text
    assert 'no sliding windows of (16, 16)' in text


def pipeline(step: dict) -> dict:
    steps = [dict(type='LoadImageFromFile'), step, dict(type='PackSegInputs')]
    return {'test_dataloader.dataset.pipeline': steps}


def test_resizing_is_handed_on(folder, tmp_path):
    resize = dict(type='Resize', scale=(128, 96), keep_ratio=True)
    exported = export(folder, tmp_path, cfg_options=pipeline(resize))
    assert exported.metadata.resize == dict(scale=(128, 96), keep_ratio=True)
    assert 'what the test pipeline does: resize by' in exported.text()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(format='caffe'), "received 'caffe'"),
        (dict(output='logits'), "received 'logits'"),
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


IMAGES = [random_images((1, *size))[0] for size in [(30, 41), (17, 60), (30, 41)]]
IMAGES[2] = 255 - IMAGES[2]


def write(folder: Path, output: str, model=None, **changes) -> ExportedPredictor:
    """Write a file and open it."""
    graph = PredictionGraph(model or tiny_segmentor(), output).eval()
    path = folder / f'{output}.torchscript'
    path.write_bytes(write_torchscript(graph, metadata(output, **changes)))
    return ExportedPredictor(path, trust_program=True)


@pytest.fixture(scope='module', params=['labels', 'probabilities'])
def predictor(request, tmp_path_factory) -> ExportedPredictor:
    return write(tmp_path_factory.mktemp('file'), request.param)


def logits(image: np.ndarray) -> np.ndarray:
    return reference_logits(tiny_segmentor(), image[None])[0]


def test_images_of_several_sizes_come_back_in_order(predictor):
    keep = predictor.metadata.output == 'probabilities'
    found = predictor.predict(IMAGES, probabilities=keep)
    for image, one in zip(IMAGES, found, strict=True):
        assert one.labels.dtype == np.uint8
        np.testing.assert_array_equal(one.labels, logits(image).argmax(0))
        if keep:
            expected = torch.from_numpy(logits(image)).softmax(0).numpy()
            np.testing.assert_allclose(one.probabilities, expected, atol=1e-6)
    assert predictor.predict(IMAGES)[0].probabilities is None


def test_labels_have_no_probabilities(tmp_path):
    with pytest.raises(ValueError, match='--output probabilities'):
        write(tmp_path, 'labels').predict(IMAGES, probabilities=True)


# Labels move by up to half a pixel of the larger grid.
@pytest.mark.parametrize(
    ('output', 'share'), [('labels', 0.9), ('probabilities', 0.97)]
)
def test_a_resizing_pipeline_is_followed(output, share, tmp_path):
    resize = dict(scale=(80, 60), keep_ratio=False)
    predictor = write(tmp_path, output, resize=resize)
    image = np.kron(random_images((1, 5, 6))[0], np.ones((6, 7, 1), np.uint8))
    assert predictor.prepare(image).shape == (60, 80, 3)
    resized = torch.from_numpy(logits(predictor.prepare(image)))[None]
    expected = torch.nn.functional.interpolate(
        resized, size=image.shape[:2], mode='bilinear', align_corners=True
    )
    found = predictor.predict([image])[0].labels
    assert found.shape == image.shape[:2]
    assert (found == expected[0].argmax(0).numpy()).mean() > share


def test_a_single_channel_has_a_threshold(tmp_path):
    model = tiny_segmentor(num_classes=2, out_channels=1)
    model.decode_head.threshold = 0.2
    foreground = reference_logits(model, IMAGES[0][None])[0, 0]  # after the sigmoid
    predictor = write(tmp_path, 'probabilities', model, threshold=0.2)
    found = predictor.predict(IMAGES[:1])[0].labels
    np.testing.assert_array_equal(found, foreground > 0.2)
