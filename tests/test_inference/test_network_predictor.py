"""The predictor against MMSegmentation's inferencer, image by image."""

import cv2
import numpy as np
import pytest
import torch
from largest_tensor import LargestTensor
from predicting import smooth_image, write_model

from mmseg_deeplab.inference import DeepLabInferencer, ModelSource, load_predictor
from mmseg_deeplab.utils.errors import InputError

CRF = dict(type='DenseCRF', num_iterations=2)
RESIZED = (
    'test_dataloader = dict(dataset=dict(pipeline=['
    "dict(type='LoadCheckedImage'), dict(type='Resize', scale_factor=0.5),"
    "dict(type='PackSegInputs')]))"
)

GREY = (
    'model = dict(data_preprocessor=dict(mean=[115], std=[58], bgr_to_rgb=False),'
    'backbone=dict(in_channels=1))\n'
    'test_dataloader = dict(dataset=dict(pipeline=['
    "dict(type='LoadCheckedImage', color_type='grayscale'),"
    "dict(type='PackSegInputs')]))"
)


@pytest.fixture(scope='module')
def predictor(source):
    return load_predictor(source)


def stock(source: ModelSource, image: np.ndarray, **options):
    """Return the sample of the inferencer, which has tests of its own."""
    options |= dict(cfg_options={'model.test_cfg.keep_logits': True}, device='cpu')
    call = DeepLabInferencer(source.config, source.checkpoint, **options)
    return call(np.ascontiguousarray(image[..., ::-1]), return_datasamples=True)


def agreement(one: np.ndarray, other: torch.Tensor) -> float:
    return (one == other.squeeze(0).numpy()).mean()


def test_labels_and_probabilities_are_those_of_the_inferencer(source, predictor):
    image = smooth_image()
    expected = stock(source, image)
    (plain,) = predictor.predict([image])
    assert plain.labels.dtype == np.uint8
    assert plain.labels.shape == (40, 72)
    assert plain.probabilities is None
    assert agreement(plain.labels, expected.pred_sem_seg.data) > 0.999
    (found,) = predictor.predict([image], probabilities=True)
    assert found.probabilities.dtype == np.float32
    softmax = expected.seg_logits.data.softmax(0).numpy()
    np.testing.assert_allclose(found.probabilities, softmax, atol=1e-4)
    assert np.array_equal(found.labels, plain.labels)


def test_images_of_any_sizes_are_those_alone(predictor):
    sizes = [(40, 72), (33, 50), (40, 72), (64, 64), (33, 50)]
    images = [smooth_image(size, seed) for seed, size in enumerate(sizes)]
    alone = [predictor.predict([image])[0].labels for image in images]
    for found, expected in zip(predictor.predict(images), alone, strict=True):
        assert np.array_equal(found.labels, expected)


def test_images_of_one_size_are_one_batch(predictor, monkeypatch):
    segmentor, batches = predictor.segmentor, []
    forward = segmentor.backbone.forward
    monkeypatch.setattr(
        segmentor.backbone, 'forward', lambda x: batches.append(len(x)) or forward(x)
    )
    predictor.predict([smooth_image(s) for s in ((40, 72), (24, 24), (40, 72))])
    assert batches == [2, 1]


def test_labels_alone_make_no_logits_of_full_size(predictor):
    image = smooth_image((512, 512))
    with LargestTensor() as labels_only:
        predictor.predict([image])
    with LargestTensor() as all_of_it:
        predictor.predict([image], probabilities=True)
    assert labels_only.elements < 8 * 512 * 512 <= all_of_it.elements


@pytest.mark.parametrize(
    'options', [dict(crf=True), dict(crf=True, tta=True), dict(tta=True)]
)
def test_crf_and_tta_are_those_of_the_inferencer(source, options):
    image = smooth_image((32, 40))
    expected = stock(source, image, **options)
    (found,) = load_predictor(source, **options).predict([image], probabilities=True)
    assert agreement(found.labels, expected.pred_sem_seg.data) > 0.995
    assert np.array_equal(found.probabilities.argmax(0), found.labels)
    if 'crf' in options:  # the inferencer keeps no average of the views
        expected = expected.seg_logits.data.softmax(0).numpy()
        np.testing.assert_allclose(found.probabilities, expected, atol=2e-3)


def test_the_crf_of_the_config_can_be_left_out(source):
    image = smooth_image()
    options = {'model.type': 'LeanEncoderDecoder', 'model.crf': CRF}
    with_crf = load_predictor(source, cfg_options=options).predict([image])
    without = load_predictor(source, cfg_options=options, crf=False).predict([image])
    plain = load_predictor(source).predict([image])
    assert np.array_equal(without[0].labels, plain[0].labels)
    assert not np.array_equal(with_crf[0].labels, plain[0].labels)


def test_the_crf_sees_the_image_that_a_pipeline_has_resized(tmp_path):
    source, image = write_model(tmp_path, extra=RESIZED), smooth_image()
    with_crf = load_predictor(source, crf=True)
    crf = with_crf.segmentor.crf
    (before,) = load_predictor(source).predict([image], probabilities=True)
    expected = crf(
        torch.from_numpy(image).permute(2, 0, 1)[None],
        torch.from_numpy(before.probabilities)[None],
    )
    (found,) = with_crf.predict([image], probabilities=True)
    np.testing.assert_allclose(found.probabilities, expected[0].numpy(), atol=1e-5)


def test_one_output_channel_is_a_sigmoid(tmp_path):
    head = (
        "model = dict(decode_head=dict(_delete_=True, type='FCNHead', in_channels=256,"
        'in_index=3, channels=4, num_convs=1, concat_input=False, num_classes=2,'
        'out_channels=1, threshold=0.8, align_corners=False))'
    )
    source, image = write_model(tmp_path, extra=head, meta={}), smooth_image()
    expected = stock(source, image)
    (found,) = load_predictor(source).predict([image], probabilities=True)
    np.testing.assert_allclose(
        found.probabilities[1], expected.seg_logits.data[0], atol=1e-4
    )
    np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-6)
    assert agreement(found.labels, expected.pred_sem_seg.data) > 0.999
    assert len(np.unique(found.labels)) == 2


def test_a_network_of_one_channel_sees_grey_images(tmp_path):
    source, image = write_model(tmp_path, extra=GREY), smooth_image()
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(tmp_path / 'grey.png'), grey)
    call = DeepLabInferencer(source.config, source.checkpoint, device='cpu')
    read = call(str(tmp_path / 'grey.png'), return_datasamples=True)
    (found,) = load_predictor(source).predict([image])
    assert agreement(found.labels, read.pred_sem_seg.data) > 0.999
    assert len(np.unique(found.labels)) > 1


def test_more_channels_are_refused(tmp_path):
    source = write_model(tmp_path)
    four = 'model=dict(data_preprocessor=dict(mean=[1] * 4, std=[1] * 4))'
    (tmp_path / 'leaf.py').write_text((tmp_path / 'leaf.py').read_text() + four)
    with pytest.raises(InputError, match=r'mean is for 4 channels.*channels=N'):
        load_predictor(source)


def test_another_output_stride_is_that_of_the_config(source):
    fine = load_predictor(source, output_stride=8)
    coarse = load_predictor(source, output_stride=16)
    image = torch.zeros(1, 3, 64, 64)
    found = (one.segmentor(image, mode='tensor') for one in (fine, coarse))
    assert [logits.shape[-1] for logits in found] == [9, 5]  # 64 / 8 + 1: ceil_mode


@pytest.mark.parametrize(
    ('image', 'error', 'match'),
    [
        (np.zeros((4, 4, 3)), TypeError, 'float64'),
        ([[1, 2, 3]], TypeError, 'list'),
        (np.zeros((4, 4), np.uint8), ValueError, r'\(4, 4\)'),
        (np.zeros((4, 4, 4), np.uint8), ValueError, r'\(4, 4, 4\)'),
        (np.zeros((0, 4, 3), np.uint8), ValueError, r'\(0, 4, 3\)'),
    ],
)
def test_refuses_what_is_no_rgb_image(predictor, image, error, match):
    with pytest.raises(error, match=match):
        predictor.predict([image])
