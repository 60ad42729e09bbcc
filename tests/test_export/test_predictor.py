"""Prediction with a file alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_segmentor import metadata, tiny_segmentor

from mmseg_deeplab.export import ExportedPredictor
from mmseg_deeplab.export.check_file import random_images, reference_logits
from mmseg_deeplab.export.export_formats import write_torchscript
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor


def write(folder: Path, output: str = 'labels', **changes) -> Path:
    graph = PredictionGraph(tiny_segmentor(), output).eval()
    path = folder / f'{output}.torchscript'
    path.write_bytes(write_torchscript(graph, metadata(output, **changes)))
    return path


@pytest.fixture(scope='module')
def labels(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp('labels'))


@pytest.fixture(scope='module')
def probabilities(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp('probabilities'), 'probabilities')


def images() -> list[np.ndarray]:
    return [random_images((1, *size))[0] for size in [(30, 41), (17, 60), (30, 41)]]


def logits(image: np.ndarray) -> np.ndarray:
    return reference_logits(tiny_segmentor(), image[None])[0]


def test_images_of_several_sizes_come_back_in_order(labels):
    given = images()
    given[2] = 255 - given[2]
    for image, found in zip(
        given, ExportedPredictor(labels).predict(given), strict=True
    ):
        assert found.labels.dtype == np.uint8
        assert found.probabilities is None
        np.testing.assert_array_equal(found.labels, logits(image).argmax(0))


def test_probabilities(probabilities):
    predictor = ExportedPredictor(probabilities)
    for image, found in zip(
        images(), predictor.predict(images(), probabilities=True), strict=True
    ):
        expected = torch.from_numpy(logits(image)).softmax(0).numpy()
        np.testing.assert_allclose(found.probabilities, expected, atol=1e-6)
        np.testing.assert_array_equal(found.labels, expected.argmax(0))
    assert predictor.predict(images())[0].probabilities is None


def test_labels_have_no_probabilities(labels):
    with pytest.raises(ValueError, match='--output probabilities'):
        ExportedPredictor(labels).predict(images(), probabilities=True)


# Labels move by up to half a pixel of the larger grid.
@pytest.mark.parametrize(
    ('output', 'share'), [('labels', 0.9), ('probabilities', 0.97)]
)
def test_a_resizing_pipeline_is_followed(output, share, tmp_path):
    path = write(tmp_path, output, resize=dict(scale=(80, 60), keep_ratio=False))
    image = np.kron(random_images((1, 5, 6))[0], np.ones((6, 7, 1), np.uint8))
    predictor = ExportedPredictor(path)
    assert predictor.prepare(image).shape == (60, 80, 3)
    found = predictor.predict([image])[0].labels
    resized = torch.from_numpy(logits(predictor.prepare(image)))[None]
    expected = torch.nn.functional.interpolate(
        resized, size=image.shape[:2], mode='bilinear', align_corners=True
    )
    assert found.shape == image.shape[:2]
    assert (found == expected[0].argmax(0).numpy()).mean() > share


def test_a_single_channel_has_a_threshold(tmp_path):
    model = tiny_segmentor(num_classes=2, out_channels=1)
    model.decode_head.threshold = 0.2
    meta = metadata('probabilities', threshold=0.2)
    path = tmp_path / 'binary.torchscript'
    graph = PredictionGraph(model, 'probabilities').eval()
    path.write_bytes(write_torchscript(graph, meta))
    image = images()[0]
    found = ExportedPredictor(path).predict([image])[0].labels
    np.testing.assert_array_equal(
        found, reference_logits(model, image[None])[0, 0] > 0.2
    )


def test_it_is_a_predictor_by_its_suffix(labels):
    predictor = load_predictor(ModelSource(None, str(labels)))
    assert isinstance(predictor, ExportedPredictor)
    assert isinstance(predictor, Predictor)
    assert predictor.classes == ('road', 'sky', 'tree')
    assert predictor.palette[1] == [70, 130, 180]
    assert predictor.align_corners is True


def test_an_image_of_floats_is_refused(labels):
    with pytest.raises(TypeError, match='float32'):
        ExportedPredictor(labels).predict([np.zeros((4, 4, 3), np.float32)])
