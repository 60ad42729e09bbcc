"""LeanEncoderDecoder against EncoderDecoder with the same weights."""

import pytest
import torch
import torch.nn.functional as F
from largest_tensor import LargestTensor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from small_segmentor import (
    HEADS,
    IGNORED,
    auxiliary_head,
    random_images,
    random_samples,
    small_segmentor,
)

from mmseg_deeplab.models import ClassifierModule, predicting
from mmseg_deeplab.models.decode_heads.resizing_heads import RESIZING_HEADS
from mmseg_deeplab.models.segmentors import lean_loss

pytestmark = pytest.mark.usefixtures('device')

SIZE = (33, 49)
K = 4
AUXILIARY = auxiliary_head(K)
CE, DICE = dict(type='CrossEntropyLoss'), dict(type='DiceLoss')
SIGMOID, SOFT_DICE = dict(CE, use_sigmoid=True), dict(type='SoftDiceLoss')
WEIGHTS = [1.0, 3.0, 0.5, 2.0]


def build(kind: str, head: str = 'ClassifierModule', *, aux=None, test_cfg=None, **own):
    """Return a small segmentor with random weights that tell classes apart."""
    options = dict(auxiliary_head=aux, test_cfg=test_cfg, std=0.2)
    model = small_segmentor(kind, head, num_classes=K, head_options=own, **options)
    _balance(model)
    return model


@torch.no_grad()
def _balance(model) -> None:
    """Move the classifier's bias, so that each class is the best somewhere."""
    logits = model._forward(images())
    bias = next(
        value
        for name, value in model.decode_head.named_parameters()
        if name.endswith('bias') and len(value) == model.out_channels
    )
    bias -= logits.mean((0, 2, 3))


def pair(*arguments, **options):
    """Return stock model and ours, with the same weights."""
    stock = build('EncoderDecoder', *arguments, **options)
    lean = build('LeanEncoderDecoder', *arguments, **options)
    lean.load_state_dict(stock.state_dict())
    return stock, lean


def images(count: int = 2, size: tuple[int, int] = SIZE) -> torch.Tensor:
    return random_images(count, size)


def labelled(count: int = 2, size: tuple[int, int] = SIZE) -> list[SegDataSample]:
    return random_samples(count, size, K)


def losses(model, inputs, samples) -> dict[str, torch.Tensor]:
    """Return the losses after their gradients were taken."""
    torch.manual_seed(3)  # dropout
    result = model.train().loss(inputs, samples)
    sum(value for name, value in result.items() if 'loss' in name).backward()
    return {name: value.detach() for name, value in result.items()}


def check_losses(stock, lean, samples=None):
    samples = samples or labelled()
    inputs = images(len(samples), samples[0].img_shape)
    expected, found = (losses(model, inputs, samples) for model in (stock, lean))
    assert list(found) == list(expected)
    torch.testing.assert_close(found, expected)
    gradients = {name: p.grad for name, p in stock.named_parameters()}
    for name, parameter in lean.named_parameters():
        expected = gradients[name]
        if expected is None:  # of a part that only other heads use
            assert parameter.grad is None
            continue
        atol = 1e-4 * expected.abs().max().item() + 1e-7
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-4, atol=atol)


@pytest.mark.parametrize('head', HEADS)
def test_losses_and_all_gradients_are_those_of_stock(head):
    stock, lean = pair(head, aux=AUXILIARY)
    for part in (lean.decode_head, lean.auxiliary_head):
        assert lean_loss.has_plain_loss(part)
    assert stock.state_dict().keys() == lean.state_dict().keys()
    check_losses(stock, lean)


@pytest.mark.parametrize(
    'loss',
    [
        dict(CE, avg_non_ignore=False),
        dict(CE, class_weight=[0.5, 2.0, 1.0, 0.0]),
        dict(CE, avg_non_ignore=True, loss_weight=0.3, loss_name='loss_seg'),
        [dict(CE, loss_weight=0.3), dict(CE, class_weight=WEIGHTS)],
        [
            dict(CE, loss_name='loss_a'),
            dict(CE, loss_name='loss_b', avg_non_ignore=True),
        ],
        [CE, dict(DICE, loss_name='loss_dice')],
        [dict(CE, class_weight=WEIGHTS), dict(SOFT_DICE, class_weight=WEIGHTS)],
        [dict(CE, loss_weight=0.5), dict(type='SoftmaxFocalLoss')],
    ],
)
@pytest.mark.parametrize('align_corners', [False, True])
def test_the_settings_of_cross_entropy_are_kept(loss, align_corners):
    stock, lean = pair(loss_decode=loss, align_corners=align_corners)
    assert lean_loss.has_plain_loss(lean.decode_head)
    check_losses(stock, lean)


@pytest.mark.parametrize('ignored', [3, IGNORED])
def test_another_ignore_index_and_a_list_of_auxiliary_heads(ignored):
    samples = labelled()
    for sample in samples:
        sample.gt_sem_seg.data[sample.gt_sem_seg.data == IGNORED] = ignored
    aux = [dict(AUXILIARY, ignore_index=ignored)] * 2
    check_losses(*pair(aux=aux, ignore_index=ignored), samples)
    for sample in samples:  # without a label there is no loss
        sample.gt_sem_seg.data[:] = ignored
    check_losses(*pair(aux=aux, ignore_index=ignored), samples)


@pytest.mark.parametrize(
    'options',
    [
        dict(sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100)),
        dict(loss_decode=SIGMOID),
        dict(loss_decode=DICE),
        dict(loss_decode=dict(type='LovaszLoss', reduction='none')),
    ],
    ids=['ohem', 'sigmoid', 'dice', 'lovasz'],
)
def test_other_losses_are_left_to_the_head(options, monkeypatch):
    monkeypatch.setattr(lean_loss, 'upsample_cross_entropy', None)  # not called
    check_losses(*pair(**options))


@MODELS.register_module()
class OppositeHead(ClassifierModule):
    """A head that does more than resize its logits and does not declare itself."""

    def loss_by_feat(self, *_):
        return dict(loss_mine=7)

    def predict_by_feat(self, *arguments):
        return -super().predict_by_feat(*arguments)


def test_a_head_that_is_not_declared_has_its_own_loss():
    model = build('LeanEncoderDecoder', 'OppositeHead')
    assert model.loss(images(), labelled()) == {'decode.loss_mine': 7}


def test_heads_of_mmsegmentation_with_own_methods_are_not_declared():
    stock = {h.__name__ for h in RESIZING_HEADS if h.__module__.startswith('mmseg.')}
    assert len(stock) == 24 and {'ASPPHead', 'UPerHead', 'SegformerHead'} <= stock
    assert not stock & {'DAHead', 'EncHead', 'OCRHead', 'PointHead', 'STDCHead'}


def test_a_training_step_makes_no_tensor_of_full_size():
    size, classes = (128, 128), 150
    model = build('LeanEncoderDecoder', num_classes=classes).train()
    samples = labelled(1, size)
    with LargestTensor() as largest:
        model.loss(images(1, size), samples)['decode.loss_ce'].backward()
    assert largest.elements < classes * size[0] * size[1] / 3


FLIPPED = dict(flip=True, flip_direction='horizontal')
UPSIDE_DOWN = dict(flip=True, flip_direction='vertical')
# What a pipeline did to the image: (padding left, right, top, bottom), flip, and the
# original size where the image was resized.
GEOMETRY = dict(
    nothing=dict(),
    padded=dict(padding_size=[2, 3, 1, 4]),
    padded_later=dict(img_padding_size=[0, 5, 0, 2], padding_size=[9] * 4),
    flipped=FLIPPED,
    upside_down=dict(UPSIDE_DOWN, padding_size=[0, 5, 2, 0]),
    enlarged=dict(ori_shape=(50, 81)),
    shrunk=dict(UPSIDE_DOWN, ori_shape=(20, 31)),
    everything=dict(FLIPPED, padding_size=[2, 3, 1, 4], ori_shape=(70, 60)),
)
SLIDE = dict(mode='slide', crop_size=(17, 25), stride=(11, 13))
MODES = dict(
    whole=dict(),
    slide=SLIDE,
    slide_together=dict(SLIDE, slide_batch_size=4),
    one_window=dict(mode='slide', crop_size=(64, 64), stride=(32, 32)),
)


def unlabelled(geometry: dict, size: tuple[int, int] = SIZE) -> SegDataSample:
    left, right, top, bottom = geometry.get(
        'img_padding_size', geometry.get('padding_size', [0] * 4)
    )
    inside = (size[0] - top - bottom, size[1] - left - right)
    metainfo = dict(ori_shape=inside, img_shape=inside, pad_shape=size)
    return SegDataSample(metainfo=metainfo | geometry)


def check_predictions(stock, lean, geometries, inputs=None):
    """Compare labels, and logits where they are kept."""
    inputs = images(len(geometries)) if inputs is None else inputs

    def predict(model, **options):
        samples = geometries and [unlabelled(one) for one in geometries]
        with torch.no_grad(), predicting(**options):
            return model.eval().predict(inputs, samples)

    expected, kept = predict(stock), predict(lean, keep_logits=True)
    for found, with_logits, theirs in zip(predict(lean), kept, expected, strict=True):
        assert 'seg_logits' not in found
        logits = theirs.seg_logits.data
        torch.testing.assert_close(with_logits.seg_logits.data, logits)
        best, second = logits.topk(2, dim=0).values
        others = theirs.pred_sem_seg.data
        assert len(others.unique()) > 1
        for labels in (found.pred_sem_seg.data, with_logits.pred_sem_seg.data):
            assert labels.dtype == others.dtype
            assert labels.shape == others.shape
            assert (labels == others)[0][best - second > 1e-5].all()


@pytest.mark.parametrize('head', HEADS)
def test_predictions_of_each_head_are_those_of_stock(head):
    stock, lean = pair(head)
    assert type(lean.decode_head) in RESIZING_HEADS
    check_predictions(stock, lean, [GEOMETRY['nothing']])


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('mode', MODES.values(), ids=MODES)
def test_predictions_of_each_geometry_are_those_of_stock(mode, align_corners):
    stock, lean = pair(align_corners=align_corners, test_cfg=mode)
    for geometry in GEOMETRY.values():
        check_predictions(stock, lean, [geometry])


@pytest.mark.parametrize('mode', MODES.values(), ids=MODES)
def test_each_image_of_a_batch_has_its_own_geometry(mode):
    stock, lean = pair(test_cfg=mode)
    names = ('nothing', 'enlarged', 'flipped', 'shrunk')
    check_predictions(stock, lean, [GEOMETRY[name] for name in names])


@pytest.mark.parametrize('mode', MODES.values(), ids=MODES)
def test_blocks_of_few_rows_meet_without_a_seam(mode, monkeypatch):
    name = 'mmseg_deeplab.models.segmentors.logit_windows'
    monkeypatch.setattr(f'{name}.CPU_BLOCK', 1)
    monkeypatch.setattr(f'{name}.MIN_ROWS', 3)
    stock, lean = pair(test_cfg=mode)
    check_predictions(stock, lean, [GEOMETRY['everything'], GEOMETRY['upside_down']])


@pytest.mark.parametrize('mode', MODES.values(), ids=MODES)
def test_images_without_samples(mode):
    stock, lean = pair(test_cfg=mode)
    check_predictions(stock, lean, None, images())


@pytest.mark.parametrize('mode', [dict(), SLIDE], ids=['whole', 'slide'])
@pytest.mark.parametrize('geometry', [dict(), dict(ori_shape=(150, 150))])
def test_a_prediction_makes_no_tensor_of_full_size(mode, geometry):
    size, classes = (200, 200), 150
    mode = mode and dict(mode, crop_size=(65, 65), stride=(40, 40))
    lean = build('LeanEncoderDecoder', num_classes=classes, test_cfg=mode).eval()
    samples = [unlabelled(geometry, size)]
    with LargestTensor() as largest, torch.no_grad():
        lean.predict(images(1, size), samples)
    assert largest.elements < classes * size[0] * size[1] / 2
    assert 'seg_logits' not in samples[0]


def test_half_precision_is_compared_in_float32():
    stock, lean = (model.bfloat16().eval() for model in pair())
    with torch.no_grad():
        found = lean.predict(images().bfloat16())
        logits = stock._forward(images().bfloat16()).float()
    expected = F.interpolate(logits, SIZE, mode='bilinear').argmax(1)
    labels = torch.cat([sample.pred_sem_seg.data for sample in found])
    assert (labels == expected).float().mean() > 0.999


def test_keep_logits_is_an_option_of_test_cfg():
    _, lean = pair(test_cfg=dict(keep_logits=True))
    sample = unlabelled(GEOMETRY['enlarged'])
    with torch.no_grad():
        assert lean.eval().predict(images(1), [sample])[0] is sample
    assert sample.to_dict()['seg_logits']['data'].shape == (K, 50, 81)
    lean.test_cfg.keep_logits = False
    with torch.no_grad():
        lean.predict(images(1), [sample])
    assert 'seg_logits' not in sample  # those of the first prediction


@pytest.mark.parametrize('mode', [dict(), SLIDE], ids=['whole', 'slide'])
def test_a_head_that_is_not_declared_predicts_itself(mode):
    stock, lean = pair('OppositeHead', test_cfg=mode)
    with torch.no_grad():
        found, expected = (
            m.eval().predict(images(1), [unlabelled({})])[0] for m in (lean, stock)
        )
    torch.testing.assert_close(found.seg_logits.data, expected.seg_logits.data)
    assert torch.equal(found.pred_sem_seg.data, expected.pred_sem_seg.data)


def test_mistakes_are_named():
    _, lean = pair(test_cfg=dict(SLIDE, slide_batch_size=0))
    with pytest.raises(ValueError, match=r'slide_batch_size must be 1 or more'):
        lean.predict(images(1))
    _, lean = pair()
    sample = unlabelled(dict(flip=True, flip_direction='diagonal'))
    with pytest.raises(ValueError, match=r"flip_direction='diagonal' cannot be undone"):
        lean.predict(images(1), [sample])


def views() -> dict:
    """Return a batch of two images, each at two scales and flipped."""
    inputs, samples = [], []
    for size in ((33, 49), (25, 37)):
        for direction in (None, 'horizontal', 'vertical'):
            image = images(2, size)
            if direction:
                image = image.flip(-1 if direction == 'horizontal' else -2)
            metainfo = dict(ori_shape=SIZE, img_shape=size, img_path='a.png')
            metainfo |= dict(flip=direction is not None, flip_direction=direction)
            inputs.append(list(image))
            samples.append([SegDataSample(metainfo=metainfo) for _ in image])
    return dict(inputs=inputs, data_samples=samples)


@pytest.mark.parametrize('head', ['ClassifierModule', 'sigmoid'])
@pytest.mark.parametrize('tta', ['LeanTTAModel', 'BatchedTTAModel', 'SegTTAModel'])
@pytest.mark.parametrize('kind', ['EncoderDecoder', 'LeanEncoderDecoder'])
def test_augmented_predictions_are_those_of_stock(kind, tta, head):
    options = {}
    if head == 'sigmoid':
        options = dict(num_classes=2, out_channels=1, threshold=0.5)
        options['loss_decode'] = SIGMOID
    model, sizes = build(kind, **options).eval(), []
    model.test_cfg.keep_logits = tta == 'SegTTAModel'
    data = views()
    with torch.no_grad(), predicting(keep_logits=True):
        every = [
            model.test_step({key: value[view] for key, value in data.items()})
            for view in range(6)
        ]
    model.backbone.register_forward_pre_hook(lambda _, x: sizes.append(len(x[0])))
    found = MODELS.build(dict(type=tta, module=model)).test_step(views())
    assert sizes == ([6] * 2 if tta == 'BatchedTTAModel' else [2] * 6)
    for index, sample in enumerate(found):
        logits = torch.stack([view[index].seg_logits.data for view in every])
        if head == 'sigmoid':
            if tta == 'SegTTAModel':  # takes the sigmoid twice
                continue
            expected = (logits.mean(0) > 0.5).long()
        else:
            expected = logits.softmax(1).mean(0).argmax(0)
        labels = sample.pred_sem_seg.data
        assert (labels == expected).float().mean() > 0.999
        assert ('seg_logits' in sample) == (tta == 'SegTTAModel')
