"""The segmentor with and without a CRF behind it."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmcv.transforms import Compose
from mmengine.dataset import pseudo_collate
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from small_segmentor import random_images, random_samples, small_segmentor

from mmseg_deeplab.models import predicting

pytestmark = pytest.mark.usefixtures('device')

SIZE = (33, 49)
K = 3
MEAN = dict(mean=[104.008, 116.669, 122.675], std=[50.0, 60.0, 70.0])
# Strong enough to move many pixels of random logits.
CRF = dict(type='DenseCRF', num_iterations=3, bilateral_xy=10.0, bilateral_rgb=30.0)
KINDS = ('LeanEncoderDecoder', 'MultiScaleEncoderDecoder')


def build(kind: str = 'LeanEncoderDecoder', *, head: dict | None = None, **options):
    return small_segmentor(
        kind,
        num_classes=K,
        head_options=dict(align_corners=True) | (head or {}),
        preprocessor=MEAN,
        test_cfg=dict(keep_logits=True),
        **options,
    )


@pytest.fixture(scope='module')
def photos(tmp_path_factory) -> list[str]:
    """Write two images of coloured squares with noise, one of another size."""
    folder = tmp_path_factory.mktemp('photos')
    generator = np.random.default_rng(0)
    paths = []
    for index, (height, width) in enumerate([SIZE, (66, 98)]):
        squares = generator.integers(0, 200, (3, 5, 3), dtype=np.uint8)
        image = cv2.resize(squares, (width, height), interpolation=cv2.INTER_NEAREST)
        image += generator.integers(0, 20, image.shape, dtype=np.uint8)
        paths.append(str(folder / f'{index}.png'))
        cv2.imwrite(paths[-1], image)
    return paths


def rgb(path: str) -> torch.Tensor:
    image = cv2.imread(path)[..., ::-1].copy()
    return torch.from_numpy(image).permute(2, 0, 1)


def batch(paths: list[str], *steps: dict) -> dict:
    pipeline = Compose(
        [dict(type='LoadCheckedImage'), *steps, dict(type='PackSegInputs')]
    )
    return pseudo_collate([pipeline(dict(img_path=path)) for path in paths])


def predict(model, *arguments) -> list[SegDataSample]:
    with torch.no_grad():
        return model.test_step(batch(*arguments))


TO_SIZE = dict(type='Resize', scale=SIZE[::-1], keep_ratio=False)
FLIP = dict(type='RandomFlip', prob=1.0)


@pytest.mark.parametrize('crf', [CRF, dict(CRF, learnable=True, num_classes=K)])
def test_losses_are_those_of_stock(crf):
    stock, model = build('EncoderDecoder'), build(crf=crf)
    model.load_state_dict(stock.state_dict(), strict='learnable' not in crf)
    inputs, samples = random_images(1, SIZE), random_samples(1, SIZE, K)
    found, expected = (m.loss(inputs, samples) for m in (model, stock))
    torch.testing.assert_close(found, expected)
    assert not any(p.requires_grad for n, p in model.named_parameters() if 'crf' in n)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('steps', [(), (FLIP,), (TO_SIZE,), (TO_SIZE, FLIP)])
def test_the_crf_refines_at_the_size_of_each_original(photos, kind, steps):
    paths = photos if TO_SIZE in steps else photos[:1]  # one size in, two sizes out
    plain, model = build(kind), build(kind, crf=CRF)
    model.load_state_dict(plain.state_dict())
    before, after = predict(plain, paths, *steps), predict(model, paths, *steps)
    for path, old, new in zip(paths, before, after, strict=True):
        image = rgb(path)
        expected = model.crf(image[None], old.seg_logits.data.softmax(0)[None])[0]
        assert expected.shape[1:] == image.shape[1:]
        torch.testing.assert_close(new.seg_logits.data.softmax(0), expected)
        assert torch.equal(new.pred_sem_seg.data[0], expected.argmax(0))
        assert (new.pred_sem_seg.data != old.pred_sem_seg.data).float().mean() > 0.01


def test_prediction_without_samples_refines_the_input():
    model = build(crf=CRF)
    image = torch.randint(0, 256, (2, 3, *SIZE)).float()  # RGB
    prepare = model.data_preprocessor
    inputs = (image.flip(1) - prepare.mean) / prepare.std
    with torch.no_grad(), predicting(crf=False, keep_logits=True):
        before = model.predict(inputs)
    with torch.no_grad():
        after = model.predict(inputs)
    logits = torch.stack([sample.seg_logits.data for sample in before])
    expected = model.crf(image, logits.softmax(1)).argmax(1)
    found = torch.cat([sample.pred_sem_seg.data for sample in after])
    assert torch.equal(found, expected)


def test_slide_inference_is_refined_once_and_whole(photos):
    model = build(crf=CRF)
    model.test_cfg.update(mode='slide', crop_size=(33, 33), stride=(16, 16))
    with predicting(crf=False, keep_logits=True):
        before = predict(model, photos[:1])[0].seg_logits.data
    expected = model.crf(rgb(photos[0])[None], before.softmax(0)[None]).argmax(1)
    assert torch.equal(predict(model, photos[:1])[0].pred_sem_seg.data, expected)


@pytest.mark.parametrize('stride', [(34, 16), (16, 34), (0, 16)])
def test_windows_that_leave_pixels_between_them_are_refused(photos, stride):
    slide = dict(mode='slide', crop_size=(33, 33), stride=stride)
    message = r'test_cfg.stride=.*1 to \(33, 33\).*\(22, 22\)'
    model = build()
    with pytest.raises(ValueError, match=message):
        small_segmentor('LeanEncoderDecoder', num_classes=K, test_cfg=slide)
    model.test_cfg.update(slide)
    with pytest.raises(ValueError, match=message):
        predict(model, photos[:1])


def augmented(path: str, ratios: tuple[float, ...]) -> dict:
    """Return the batch of an image at each scale, with and without flip."""
    scales = [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in ratios]
    flips = [dict(type='RandomFlip', prob=p) for p in (1.0, 0.0)]
    views = dict(
        type='TestTimeAug', transforms=[scales, flips, [dict(type='PackSegInputs')]]
    )
    pipeline = Compose([dict(type='LoadCheckedImage'), views])
    return pseudo_collate([pipeline(dict(img_path=path))])


# The first view is a flipped one, of the original size or of another.
@pytest.mark.parametrize('ratios', [(1.0, 0.5), (0.5, 1.0), (0.5, 1.5)])
@pytest.mark.parametrize('kind', KINDS)
def test_tta_refines_the_average_of_the_views(photos, kind, ratios):
    model = build(kind, crf=CRF)
    wrapped = MODELS.build(dict(type='LeanTTAModel', module=model))
    data = augmented(photos[0], ratios)
    with torch.no_grad():
        found = wrapped.test_step(data)[0]
        average = torch.zeros(K, *SIZE)
        for inputs, samples in zip(data['inputs'], data['data_samples'], strict=True):
            scaled = inputs[0].float() - model.data_preprocessor.mean
            scaled = (scaled / model.data_preprocessor.std)[None]
            logits = model.encode_decode(scaled, [dict(img_shape=scaled.shape[-2:])])
            if samples[0].flip:
                logits = logits.flip(3)
            logits = F.interpolate(logits, SIZE, mode='bilinear', align_corners=True)
            average += logits[0].softmax(0) / len(data['inputs'])
    expected = model.crf(rgb(photos[0])[None], average[None])[0]
    torch.testing.assert_close(found.seg_logits.data.softmax(0), expected)
    assert torch.equal(found.pred_sem_seg.data[0], expected.argmax(0))


def test_a_crf_that_was_off_is_on_again_after_an_error():
    model = build(crf=CRF)
    with pytest.raises(ZeroDivisionError), predicting(crf=False):
        raise ZeroDivisionError
    assert model._refines()


@pytest.mark.parametrize('kind', KINDS)
def test_a_sigmoid_head_is_refused(kind):
    head = dict(num_classes=2, out_channels=1, threshold=0.5)
    head['loss_decode'] = dict(type='CrossEntropyLoss', use_sigmoid=True)
    assert build(kind, head=head).crf is None
    with pytest.raises(ValueError, match=r'out_channels=1 \(sigmoid\).*Remedy'):
        build(kind, head=head, crf=CRF)


def test_a_compatibility_of_other_classes_is_refused():
    with pytest.raises(ValueError, match=r'one of 2 classes, decode_head has 3'):
        build(crf=dict(CRF, compatibility=np.eye(2).tolist()))
