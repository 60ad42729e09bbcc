"""Multi-scale inputs with max fusion: the references' logits, the release's losses."""

import pytest
import torch
import torch.nn.functional as F
from golden import reference_input, reference_output, reference_state
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from small_segmentor import (
    HEADS,
    auxiliary_head,
    random_images,
    random_samples,
    small_segmentor,
)

from mmseg_deeplab.checkpoints import convert, model_config
from mmseg_deeplab.models import predicting
from mmseg_deeplab.models.segmentors.image_pyramid import (
    resize_images,
    subsample_labels,
)

pytestmark = pytest.mark.usefixtures('device')

K = 3
CASES = [
    ('kazuto_deeplabv2_resnet101_msc', 'kazuto1011', 'msc_odd'),
    ('kazuto_deeplabv2_resnet101_msc', 'kazuto1011', 'msc_even'),
    ('kazuto_deeplabv2_resnet101_msc', 'kazuto1011', 'msc_wide'),
    ('isht7_deeplabv2_resnet101_ms', 'resnet_multi', 'ms_max_square'),
]


@pytest.fixture(scope='module')
def reference(request):
    """Yield a reference's name and its converted weights in the wrapper."""
    name, source = request.param
    state = reference_state(name)
    config = model_config(state, source, output_stride=8)
    with torch.device('meta'):
        model = MODELS.build(dict(config, type='MultiScaleEncoderDecoder'))
    model.load_state_dict(convert(state, source), strict=True, assign=True)
    return name, model.eval()


@pytest.mark.parametrize(
    'reference, array',
    [((name, source), array) for name, source, array in CASES],
    indirect=['reference'],
    ids=[array for *_, array in CASES],
)
def test_same_logits_as_the_reference(reference, array):
    name, model = reference
    with torch.no_grad():
        logits = model(reference_input(array.rpartition('_')[2]), mode='tensor')
    stored = torch.as_tensor(reference_output(name, array))
    assert logits.shape == stored.shape
    assert (logits - stored).abs().max() <= 1e-4 * stored.abs().max()


def build(head='ClassifierModule', *, kind='MultiScaleEncoderDecoder', **options):
    """Return a small segmentor; corners are aligned by the head of DeepLab v2 alone."""
    given = dict(align_corners=head == 'ClassifierModule', dropout_ratio=0)
    given |= options.pop('head_options', {})
    options = dict(frozen_bn='all') | options
    return small_segmentor(kind, head, num_classes=K, head_options=given, **options)


def images(height: int = 65, width: int = 65, count: int = 2) -> torch.Tensor:
    return random_images(count, (height, width))


def labelled(height: int = 65, width: int = 65, count: int = 2) -> list[SegDataSample]:
    return random_samples(count, (height, width), K)


def labels_of(samples: list[SegDataSample]) -> torch.Tensor:
    return torch.cat([sample.gt_sem_seg.data for sample in samples])


def up(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    return F.interpolate(logits, size, mode='bilinear', align_corners=True)


def plain_pyramid(model, batch: torch.Tensor) -> dict[float, torch.Tensor]:
    """Return the logits of 65x65 images at three scales, in plain torch."""
    found = {}
    for scale, side in ((1.0, 65), (0.75, 49), (0.5, 33)):
        found[scale] = model.decode_head(model.backbone(up(batch, (side, side))))
    return found


def release_losses(model, batch, labels, **options) -> torch.Tensor:
    """Return the four losses of ``train.prototxt``, summed."""
    logits = plain_pyramid(model, batch)
    grid = logits[1.0].shape[-2:]
    on_grid = torch.stack([up(found, grid) for found in logits.values()])
    targets = labels[:, ::8, ::8], labels[:, ::16, ::16]
    options = dict(ignore_index=255, **options)
    return (
        F.cross_entropy(on_grid.amax(0), targets[0], **options)
        + F.cross_entropy(logits[1.0], targets[0], **options)
        + F.cross_entropy(on_grid[1], targets[0], **options)
        + F.cross_entropy(logits[0.5], targets[1], **options)
    )


def upsampled_losses(model, batch, labels, **options) -> torch.Tensor:
    """Return the losses on logits at the size of the labels, summed."""
    logits = plain_pyramid(model, batch)
    grid = logits[1.0].shape[-2:]
    fused = torch.stack([up(found, grid) for found in logits.values()]).amax(0)
    return sum(
        F.cross_entropy(up(found, (65, 65)), labels, ignore_index=255, **options)
        for found in (fused, *logits.values())
    )


def total(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    return sum(value for name, value in losses.items() if 'loss' in name)


WEIGHTS = [0.5, 1.0, 2.0]


@pytest.mark.parametrize('weights', [None, WEIGHTS], ids=['plain', 'class_weight'])
@pytest.mark.parametrize('subsampling', [True, False], ids=['release', 'upsampled'])
def test_loss_and_gradient_are_those_of_plain_torch(subsampling, weights):
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=weights is None)
    loss['class_weight'] = weights
    model = build(head_options=dict(loss_decode=loss), label_subsampling=subsampling)
    samples, batch = labelled(), images()
    options = {} if weights is None else dict(weight=torch.tensor(weights))
    expected = (release_losses if subsampling else upsampled_losses)(
        model, batch, labels_of(samples), **options
    )
    trained = [p for p in model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(expected, trained)
    found = total(model.loss(batch, samples))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    for own, other in zip(torch.autograd.grad(found, trained), gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-6)


def test_the_sampler_of_the_head_chooses_pixels_of_the_coarse_grid():
    ohem = dict(type='OHEMPixelSampler', thresh=0.4, min_kept=2)
    model = build(head_options=dict(sampler=ohem))
    samples, batch = labelled(), images()
    labels = labels_of(samples)[:, ::8, ::8]
    logits = model(batch, mode='tensor')
    pixelwise = F.cross_entropy(logits, labels, ignore_index=255, reduction='none')
    hard = pixelwise > -torch.log(torch.tensor(0.4))
    expected = pixelwise[hard].sum() / (labels != 255).sum()
    assert 0 < hard.sum() < (labels != 255).sum()
    losses = model.loss(batch, samples)
    torch.testing.assert_close(losses['decode.loss_ce'], expected)


def test_names_of_the_losses():
    losses = build(scales=(0.5, 1.0, 1.25)).loss(images(), labelled())
    parts = ('decode', 'decode_x1', 'decode_x0.5', 'decode_x1.25')
    assert [name for name in losses if 'loss' in name] == [
        f'{part}.loss_ce' for part in parts
    ]


def test_the_auxiliary_head_sees_scale_one_as_in_stock():
    auxiliary = auxiliary_head(K)
    model = build(auxiliary_head=auxiliary)
    stock = build(kind='EncoderDecoder', auxiliary_head=auxiliary)
    stock.load_state_dict(model.state_dict())
    samples = labelled()
    found = model.loss(images(), samples)['aux.loss_ce']
    torch.testing.assert_close(found, stock.loss(images(), samples)['aux.loss_ce'])


@pytest.mark.parametrize('head', ['ClassifierModule', 'FCNHead'])
def test_one_scale_is_the_stock_segmentor(head):
    model = build(head, scales=(1.0,), label_subsampling=False)
    stock = build(head, kind='EncoderDecoder')
    stock.load_state_dict(model.state_dict(), strict=True)
    samples = labelled()
    found, expected = (m.loss(images(), samples) for m in (model, stock))
    assert found.keys() == expected.keys()
    torch.testing.assert_close(found, expected)
    with torch.no_grad(), predicting(keep_logits=True):
        own, other = (m.predict(images())[1] for m in (model, stock))
    torch.testing.assert_close(own.seg_logits.data, other.seg_logits.data)


@pytest.mark.parametrize('head', HEADS)
def test_any_head_predicts_the_maximum_and_trains(head):
    model, batch = build(head, frozen_bn='none'), images(48, 64)
    align = model.align_corners
    with torch.no_grad():
        single = []
        for scale in (1.0, 0.75, 0.5):
            scaled = resize_images(batch, scale, model.resize)
            found = model.decode_head(model.extract_feat(scaled))
            grid = single[0].shape[-2:] if single else found.shape[-2:]
            single.append(
                F.interpolate(found, grid, mode='bilinear', align_corners=align)
            )
        logits = model(batch, mode='tensor')
    torch.testing.assert_close(logits, torch.stack(single).amax(0))
    model.train()
    total(model.loss(batch, labelled(48, 64))).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_slide_inference_fuses_in_every_window():
    model, batch = build(), images(65, 97, count=1)
    model.test_cfg.update(mode='slide', crop_size=(65, 65), stride=(32, 32))
    with torch.no_grad(), predicting(keep_logits=True):
        found = model.predict(batch)[0].seg_logits.data
        expected, count = torch.zeros(K, 65, 97), torch.zeros(65, 97)
        for window in (slice(0, 65), slice(32, 97)):
            logits = model(batch[..., window], mode='tensor')
            expected[..., window] += up(logits, (65, 65))[0]
            count[..., window] += 1
    torch.testing.assert_close(found, expected / count)


def test_every_scale_moves_the_running_statistics():
    model = build(frozen_bn='none').train()
    model.loss(images(), labelled())
    assert model.backbone.bn1.num_batches_tracked == 3


@pytest.mark.parametrize(
    ('side', 'scale', 'rule', 'expected'),
    [
        (321, 0.75, 'align_corners', 241),  # train.prototxt
        (321, 0.5, 'align_corners', 161),
        (513, 0.75, 'align_corners', 385),  # test.prototxt
        (513, 0.5, 'align_corners', 257),
        (1, 0.5, 'align_corners', 1),
        (65, 0.5, 'scale_factor', 32),  # floor
        (33, 0.75, 'scale_factor', 24),
    ],
)
def test_sizes_of_the_pyramid(side, scale, rule, expected):
    scaled = resize_images(torch.zeros(1, 3, side, 2), scale, rule)
    assert scaled.shape[-2] == expected


@pytest.mark.parametrize('size', [(8, 13), (1, 1), (33, 50)])
def test_labels_at_cell_centres_are_torchs_nearest_exact(size):
    labels = torch.arange(33 * 50).view(1, 1, 33, 50)
    expected = F.interpolate(labels.double(), size, mode='nearest-exact').long()
    assert torch.equal(subsample_labels(labels, size, 'scale_factor'), expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(scales=(0.5, 0.75)), r'hold 1\.0.*\(0\.5, 0\.75\)'),
        (dict(scales=(1.0, 1.0)), r'different'),
        (dict(scales=(0.0, 1.0)), r'positive'),
        (dict(scales=()), r'received \(\)'),
        (dict(resize='nearest'), r"resize .*received 'nearest'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_a_head_with_its_own_predict_is_refused():
    with pytest.raises(TypeError, match=r'DAHead is not known as one'):
        build('DAHead', head_options=dict(channels=8, pam_channels=4))


def test_an_image_without_a_pixel_at_a_scale_is_refused():
    with pytest.raises(ValueError, match=r'\(1, 9\).*no pixel left at scale 0\.5'):
        resize_images(torch.zeros(1, 3, 1, 9), 0.5, 'scale_factor')
