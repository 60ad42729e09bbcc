"""Prediction with a file alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_segmentor import metadata, tiny_segmentor

from mmseg_deeplab.export.check_file import random_images, reference_logits
from mmseg_deeplab.export.export_formats import write_torchscript
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor
from mmseg_deeplab.inference.exported import ExportedPredictor

IMAGES = [random_images((1, *size))[0] for size in [(30, 41), (17, 60), (30, 41)]]
IMAGES[2] = 255 - IMAGES[2]


def write(folder: Path, output: str, model=None, **changes) -> ExportedPredictor:
    """Write a file and open it."""
    graph = PredictionGraph(model or tiny_segmentor(), output).eval()
    path = folder / f'{output}.torchscript'
    path.write_bytes(write_torchscript(graph, metadata(output, **changes)))
    return ExportedPredictor(path)


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


def test_it_is_a_predictor_by_its_suffix(predictor):
    found = load_predictor(ModelSource(None, str(predictor.path)))
    assert isinstance(found, ExportedPredictor)
    assert isinstance(found, Predictor)
    assert found.classes == ('road', 'sky', 'tree')
    assert found.palette[1] == [70, 130, 180]
    assert found.align_corners is True


def test_an_image_of_floats_is_refused(predictor):
    with pytest.raises(TypeError, match='float32'):
        predictor.predict([np.zeros((4, 4, 3), np.float32)])
