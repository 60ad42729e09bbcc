"""Losses and predictions never wait for a GPU, and leave no tensor on the CPU.

Fake tensors on a device that need not exist: they have shapes and devices but no
values. What asks for a value, or mixes devices, raises an error.
"""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.ops import bilinear_rows, upsample_cross_entropy
from mmseg_deeplab.ops.upsample_cross_entropy import _weight_on

SIZE = 65, 97
LEAVES = [
    'deeplabv1_vgg16_voc12aug',
    'deeplabv2_r26_msc_synthetic_streets',
    'deeplabv3_mobilenetv3_voc12aug',
    'deeplabv3plus_mobilenetv2_synthetic_streets',
    'deeplabv3plus_r50_voc12aug_vainf',
]


class NoCopies(TorchDispatchMode):
    """Refuse copies between the CPU and the GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._to_copy.default:
            assert result.device == args[0].device, 'a copy between devices'
        return result


@pytest.fixture
def gpu(monkeypatch):
    """Make fake tensors on a GPU; tables of them are forgotten at the end."""
    monkeypatch.setenv('MMSEG_DEEPLAB_TRITON', '0')
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield
    bilinear_rows.axis_tables.cache_clear()
    _weight_on.cache_clear()


def build(load_config, leaf, **options):
    config = load_config(f'{leaf}.py').model
    config.update(data_preprocessor=None, pretrained=None, **options)
    config.backbone.pop('init_cfg', None)
    with torch.device('cuda'):
        return MODELS.build(config)


def batch():
    label = torch.zeros(1, *SIZE, dtype=torch.long, device='cuda')
    info, truth = dict(img_shape=SIZE, ori_shape=SIZE), PixelData(data=label)
    samples = [SegDataSample(metainfo=info, gt_sem_seg=truth) for _ in range(2)]
    return torch.zeros(2, 3, *SIZE, device='cuda'), samples


@pytest.mark.parametrize('leaf', LEAVES)
@pytest.mark.usefixtures('gpu')
def test_a_training_step_does_not_wait(load_config, leaf):
    model, inputs = build(load_config, leaf), batch()
    model.loss(*inputs)  # brings tables to the GPU
    with NoCopies():
        model.loss(*inputs)  # which computes the gradient of the logits as well


@pytest.mark.parametrize('mode', ['whole', 'slide'])
@pytest.mark.parametrize('leaf', LEAVES)
@pytest.mark.usefixtures('gpu')
def test_a_prediction_and_its_count_do_not_wait(load_config, leaf, mode):
    windows = dict(mode=mode, crop_size=(49, 49), stride=(33, 33))
    model, inputs = build(load_config, leaf, test_cfg=windows).eval(), batch()
    metric = SegmentationMetric()
    metric.dataset_meta = dict(classes=range(model.num_classes))
    with torch.no_grad():
        model.predict(*inputs)  # brings tables to the GPU
        with NoCopies():
            samples = model.predict(*inputs)
            metric.process({}, [sample.to_dict() for sample in samples])


@pytest.mark.usefixtures('gpu')
def test_what_waits_is_noticed():
    with pytest.raises(torch._subclasses.fake_tensor.DataDependentOutputException):
        torch.zeros(3, device='cuda').sum().item()
    with pytest.raises(AssertionError, match='between devices'), NoCopies():
        torch.zeros(3, device='cuda').cpu()


@pytest.mark.usefixtures('gpu')
def test_weights_of_classes_are_brought_once():
    logits, target = torch.zeros(1, 2, 3, 3, device='cuda'), batch()[1][0].gt_sem_seg
    upsample_cross_entropy(logits, target.data[..., :3], class_weight=[1, 2])
    with NoCopies():
        upsample_cross_entropy(logits, target.data[..., :3], class_weight=[1, 2])
