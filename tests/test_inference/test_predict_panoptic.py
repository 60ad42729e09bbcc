"""Prediction with a panoptic model: files, painted frames, refused options."""

import json

import av
import cv2
import numpy as np
import pytest
from panoptic_network import CLASSES, PALETTE, write_model
from PIL import Image
from predicting import smooth_image, write_image, write_video

from mmseg_deeplab.inference import (
    FileOutputs,
    ModelSource,
    load_predictor,
    predict_files,
)
from mmseg_deeplab.inference.overlay import paint
from mmseg_deeplab.utils.errors import InputError


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path, grouping=dict(stuff_area=16, nms_kernel=31))


def predict(model, source, out) -> str:
    task = ModelSource(*model), [str(source)], FileOutputs(out)
    outcome = predict_files(*task, show_progress=False)
    assert not outcome.failures
    return outcome.summary()


def test_files_hold_the_segments_that_the_model_finds(model, tmp_path):
    image = write_image(tmp_path / 'in' / 'a.png', (65, 98))
    out = tmp_path / 'out'
    report = predict(model, tmp_path / 'in', out)
    prediction = load_predictor(ModelSource(*model)).predict([image])[0]
    infos = prediction.segments.infos
    rgb = np.asarray(Image.open(out / 'panoptic' / 'a.png')).astype(int)
    numbers = rgb @ [1, 256, 65536]
    for number, info in enumerate(infos, start=1):
        assert ((numbers == number) == (prediction.segments.ids == info['id'])).all()
    written = json.loads((out / 'panoptic' / 'a.json').read_text())['segments_info']
    assert [s['area'] for s in written] == [s['area'] for s in infos]
    labels = np.array(Image.open(out / 'labels' / 'a.png'))
    assert (labels == prediction.labels).all()
    painted = paint(image, prediction, PALETTE)
    shown = cv2.imread(str(out / 'overlays' / 'a.jpg'))[..., ::-1].astype(int)
    assert np.abs(shown - painted).mean() < 5
    for index in (1, 2):
        count = sum(s['category_id'] == index for s in infos)
        assert (f'{count} {CLASSES[index]}' in report) == (count > 0)
    (out / 'panoptic' / 'a.png').unlink()  # it is made again
    assert predict(model, tmp_path / 'in', out) == report
    assert (out / 'panoptic' / 'a.png').is_file()


def test_frames_of_a_video_show_instances(model, tmp_path):
    source = tmp_path / 'a.mp4'
    write_video(source, [smooth_image((64, 96), seed) for seed in range(2)])
    predict(model, source, tmp_path / 'out')
    images, shown = (
        [frame.to_ndarray(format='rgb24') for frame in av.open(str(path)).decode()]
        for path in (source, tmp_path / 'out' / 'overlays' / 'a.mp4')
    )
    predictions = load_predictor(ModelSource(*model)).predict(images)
    for image, prediction, found in zip(images, predictions, shown, strict=True):
        painted = paint(image, prediction, PALETTE).astype(int)
        assert np.abs(painted - found).mean() < 12


@pytest.mark.parametrize('option', ['--crf', '--tta', '--msc'])
def test_options_that_change_classes_alone_are_refused(option, model, tmp_path):
    name = option.removeprefix('--')
    with pytest.raises(InputError, match=f'Remedy: leave {option} out'):
        load_predictor(ModelSource(*model), **{name: True})
