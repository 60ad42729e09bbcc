"""The export from the command line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from training import ROOT, Server, write_random_network

from mmseg_deeplab.inference.exported import ExportedPredictor
from mmseg_deeplab.utils.onnx_runtime import import_onnxruntime

EXPORT = ROOT / 'tools' / 'export.py'


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> tuple[Path, Path]:
    return write_random_network(tmp_path_factory.mktemp('model'))


@pytest.mark.slow
def test_onnx_and_int8(server: Server, model, tmp_path):
    log, out = tmp_path / 'log', tmp_path / 'model.onnx'
    options = ('--int8', '--num-calibration-images', 3, '--num-evaluation-images', 5)
    command = (EXPORT, *model, '--out', out, *options)
    assert server.run(*command, log=log) == 0, log.read_text()
    result = json.loads((tmp_path / 'model_int8.json').read_text())
    calibration = dict(images=3, of='train_dataloader', method='minmax')
    assert result['calibration'] == calibration
    assert [result[name]['images'] for name in ('float', 'int8')] == [5, 5]
    change = result['int8']['metrics']['mIoU'] - result['float']['metrics']['mIoU']
    assert f'mIoU {change:+.2f} on 5 images' in log.read_text()
    assert 'largest error of a logit' in log.read_text()
    small = ExportedPredictor(tmp_path / 'model_int8.onnx')
    assert small.metadata.int8 == calibration
    # Without this package, as docs/deployment.md shows.
    runtime = import_onnxruntime(purpose='this test')
    session = runtime.InferenceSession(out)
    image = np.random.default_rng(0).integers(0, 256, (33, 50, 3), dtype=np.uint8)
    found = session.run(['labels'], {'image': image[None]})[0][0]
    expected = ExportedPredictor(out).predict([image])[0].labels
    np.testing.assert_array_equal(found, expected)
    assert (small.predict([image])[0].labels == expected).mean() > 0.8


@pytest.mark.slow
def test_int8_of_images_without_labels(server: Server, model, tmp_path):
    """Neither the config's labels nor its images need exist."""
    log, out, config = tmp_path / 'log', tmp_path / 'model.onnx', tmp_path / 'a.py'
    data = model[0].parent / 'data'
    config.write_text(model[0].read_text().replace(str(data), 'gone'))
    options = ('--int8', data / 'images', '--evaluation-split', 'none')
    command = (config, model[1], '--out', out, *options)
    assert server.run(EXPORT, *command, log=log) == 0, log.read_text()
    files = [ExportedPredictor(path) for path in (out, tmp_path / 'model_int8.onnx')]
    images = [cv2.imread(str(p))[..., ::-1] for p in (data / 'images').glob('*.png')]
    labels = [[p.labels for p in file.predict(images)] for file in files]
    expected = 100 * np.mean(np.equal(*labels))
    assert expected > 50
    result = json.loads((tmp_path / 'model_int8.json').read_text())
    assert result['agreement'] == pytest.approx(expected, abs=0.006)
    assert f'{expected:.2f} % of the pixels of 8 images' in log.read_text()
