"""Panoptic-DeepLab: sizes, backbones, predictions under flips, padding and resizing."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from panoptic_network import NORM, network_config

from mmseg_deeplab.models import set_output_stride
from mmseg_deeplab.utils.errors import InputError

pytestmark = pytest.mark.usefixtures('device')

SLIDE = dict(mode='slide', crop_size=(9, 9), stride=(9, 9))


def build(head=(), **options):
    torch.manual_seed(0)
    return MODELS.build(network_config(head, **options)).eval()


@pytest.mark.parametrize(
    'head',
    [
        {},
        dict(separable=False, image_pooling=dict(norm_cfg=None)),
        dict(separable_aspp=True, separable_center=False),
        dict(image_pooling=False, align_corners=True),
    ],
)
@pytest.mark.parametrize('size', [(64, 96), (65, 97), (33, 50), (1, 1)])
def test_outputs_have_stride_4(head, size):
    model, images = build(head), torch.randn(2, 3, *size)
    low = model.backbone(images)[0].shape[2:]
    shapes = [tuple(out.shape) for out in model(images, mode='tensor')]
    assert shapes == [(2, channels, *low) for channels in (3, 1, 2)]


@pytest.mark.parametrize('stages', [1, 2, 3])
def test_a_stage_for_each_low_level(stages):
    index = tuple(reversed(range(stages)))
    channels = tuple(16 * 2**i for i in index)
    head = dict(
        low_level_index=index,
        low_level_in_channels=channels,
        low_level_channels=(8,) * stages,
        instance_low_level_channels=(4,) * stages,
    )
    logits, _, _ = build(head)(torch.randn(1, 3, 64, 64), mode='tensor')
    assert logits.shape[2:] == (17, 17)  # Caffe's pool rounds up
    with pytest.raises(ValueError, match='one entry for each stage'):
        build(head | dict(low_level_channels=(8,) * (stages + 1)))


@pytest.mark.parametrize('output_stride', [8, 16, 32])
def test_output_strides_share_weights(output_stride):
    strided = MODELS.build(set_output_stride(network_config(), output_stride))
    strided.load_state_dict(build().state_dict())
    rates = tuple(6 * i * 16 // output_stride for i in (1, 2, 3))
    assert strided.decode_head.dilations == (1, *rates)
    assert strided.decode_head.instance.dilations == (1, *rates)


def test_on_a_backbone_of_mmsegmentation():
    backbone = dict(
        type='MobileNetV2', widen_factor=0.25, out_indices=(1, 2, 4, 6), norm_cfg=NORM
    )
    head = dict(in_channels=80, low_level_in_channels=(8, 8))
    model = build(head, backbone=backbone)
    outputs = model(torch.randn(1, 3, 40, 56), mode='tensor')
    assert [out.shape[1] for out in outputs] == [3, 1, 2]


def scene(height=64, width=96):
    """Return outputs of stride 4 for two squares, and the ids they stand for."""
    ids = torch.zeros(height, width, dtype=torch.int32)
    sides = torch.arange(height), torch.arange(width)
    rows, columns = torch.meshgrid(*sides, indexing='ij')
    heat, offset = torch.zeros(1, height, width), torch.zeros(2, height, width)
    for number, (y, x, half) in enumerate(((18, 20, 10), (38, 66, 16)), 1):
        inside = ((rows - y).abs() <= half) & ((columns - x).abs() <= half)
        ids[inside] = 1000 + number
        offset[:, inside] = torch.stack([y - rows, x - columns])[:, inside].float()
        distance = (rows - y) ** 2 + (columns - x) ** 2
        heat[0] = torch.maximum(heat[0], torch.exp(-distance / 2 / 4.0**2))
    heat *= 1 - 1e-4 * (rows + columns)  # no plateau when it is resized
    classes = ids // 1000
    logits = F.one_hot(classes.long(), 3).permute(2, 0, 1) * 10.0
    return ids, logits, heat, offset


def predict(model, outputs, size, **metainfo):
    model._forward = lambda inputs: outputs
    sample = SegDataSample(metainfo=metainfo)
    model.predict(torch.zeros(1, 3, *size), [sample])
    return sample


@pytest.fixture
def known():
    model = build(dict(stride=1), grouping=dict(stuff_area=32))
    return model, *scene()


def batch(*maps):
    return tuple(one[None] for one in maps)


def test_squares_become_instances(known):
    model, ids, *maps = known
    sample = predict(model, batch(*maps), ids.shape)
    assert (sample.pred_panoptic_seg.data[0] == ids).all()
    assert (sample.pred_sem_seg.data[0] == ids // 1000).all()
    segments = sample.segments_info
    assert [s['id'] for s in segments] == [0, 1001, 1002]
    assert [s['isthing'] for s in segments] == [False, True, True]
    assert [s['area'] for s in segments] == [(ids == s['id']).sum() for s in segments]
    assert all(0.9 < s['score'] <= 1 for s in segments)


def test_flip_padding_and_size_are_undone(known):
    model, ids, logits, heat, offset = known
    # What a network sees of an image twice as large, after a flip and padding.
    flipped = [one.flip(-1) for one in (logits, heat, offset)]
    flipped[2][1] *= -1
    padded = [F.pad(one, (0, 8, 0, 4)) for one in flipped]
    changes = dict(flip=True, flip_direction='horizontal', padding_size=(0, 8, 0, 4))
    shapes = dict(ori_shape=(128, 192), img_shape=(64, 96))
    sample = predict(model, batch(*padded), (68, 104), **changes, **shapes)
    found = sample.pred_panoptic_seg.data[0]
    large = ids.repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert found.shape == large.shape
    assert (found == large).float().mean() > 0.97
    assert {s['id'] for s in sample.segments_info} == {0, 1001, 1002}


def test_no_instance_and_nothing_at_all(known):
    model, ids, logits, heat, offset = known
    sample = predict(model, batch(logits, heat * 0, offset), ids.shape)
    assert set(sample.pred_panoptic_seg.data.unique().tolist()) == {-1, 0}
    model.grouping['stuff_area'] = 10**6
    sample = predict(model, batch(logits, heat * 0, offset), ids.shape)
    assert (sample.pred_panoptic_seg.data == -1).all()
    assert sample.segments_info == []


def test_logits_are_kept_on_demand(known):
    model, ids, *maps = known
    model.test_cfg = dict(keep_logits=True)
    sample = predict(model, batch(*maps), ids.shape)
    assert torch.equal(sample.seg_logits.data, maps[0])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(crf=dict(type='DenseCRF')), 'crf=None'),
        (dict(test_cfg=SLIDE), 'whole images'),
        (dict(thing_classes=(1, 3)), 'ids of the 3 classes'),
        (dict(grouping=dict(label_divisor=256)), 'grouping takes .*label_divisor'),
    ],
)
def test_what_makes_no_instances_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


@pytest.mark.parametrize('padding', [0, 4])
def test_losses_are_those_of_full_size_maps(known, padding):
    model, ids, _, heat, offset = known
    classes = (ids // 1000).long()
    weight = 1.0 + 2 * (ids == 1001)
    # The preprocessor pads images and labels, and leaves the targets.
    labels = F.pad(classes[None], (0, padding, 0, padding), value=255)
    sample = SegDataSample(gt_sem_seg=PixelData(data=labels))
    sample.gt_panoptic_targets = PixelData(
        center=heat,
        center_weight=torch.ones_like(heat),
        offset=offset,
        offset_weight=(classes > 0)[None].float(),
        semantic_weight=weight[None],
    )
    head = model.decode_head
    small = [torch.randn(1, channels, 16, 24) for channels in (3, 1, 2)]
    found = head.loss_by_feat(tuple(small), [sample])

    height, width = ids.shape
    full = [
        F.interpolate(one, labels.shape[1:], mode='bilinear')[0][:, :height, :width]
        for one in small
    ]
    pixels = F.cross_entropy(full[0][None], classes[None], reduction='none') * weight
    hardest = pixels.flatten().sort(descending=True).values[: int(0.2 * labels.numel())]
    difference = (full[2] - offset).abs().sum(0)[classes > 0]
    expected = dict(
        loss_semantic=hardest.mean(),
        loss_center=200 * (full[1] - heat).square().mean(),
        loss_offset=0.01 * difference.mean(),
    )
    assert {name: loss.item() for name, loss in found.items()} == pytest.approx(
        {name: loss.item() for name, loss in expected.items()}, rel=1e-5
    )


@pytest.mark.parametrize('name', ['loss_decode', 'sampler'])
def test_losses_of_other_heads_are_refused(name):
    with pytest.raises(InputError, match=f'reads no {name}'):
        build({name: dict(type='OHEMPixelSampler')})
