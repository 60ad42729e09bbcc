"""Whole models on a GPU, against the CPU: run by `make gpu`."""

import pytest
import torch
from mmseg.registry import MODELS
from small_segmentor import random_images, random_samples
from training import free_port

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device'),
]
SIZE = 65, 97
LEAVES = [
    'deeplabv1_vgg16_voc12aug',
    'deeplabv2_r26_msc_synthetic_streets',
    'deeplabv3_mobilenetv3_voc12aug',
    'deeplabv3plus_r50_voc12aug_vainf',
    'deeplabv3plus_x65_voc12aug',
    'panoptic_deeplab_r26_synthetic_streets',
]


def build(load_config, leaf):
    config = load_config(f'{leaf}.py').model
    config.update(data_preprocessor=None, pretrained=None)
    config.backbone.pop('init_cfg', None)
    torch.manual_seed(0)
    return MODELS.build(config).eval()


def batch(device):
    samples = [sample.to(device) for sample in random_samples(2, SIZE, 9)]
    return random_images(2, SIZE).to(device), samples


@pytest.mark.parametrize('leaf', LEAVES)
def test_logits_are_those_of_the_cpu(load_config, leaf, device):
    model = build(load_config, leaf)
    found = []
    for place in ('cpu', 'cuda'):
        with torch.no_grad():
            outputs = model.to(place)(batch(place)[0], mode='tensor')
        found.append(outputs if isinstance(outputs, tuple) else (outputs,))
    for expected, on_gpu in zip(*found, strict=True):
        scale = expected.abs().max()
        assert (on_gpu.cpu() - expected).abs().max() <= 1e-3 * scale


@pytest.mark.parametrize('leaf', LEAVES[:-1])
def test_a_training_step_does_not_wait(load_config, leaf):
    model = build(load_config, leaf).cuda()
    inputs = batch('cuda')
    model.loss(*inputs)  # compiles kernels and brings tables to the GPU
    torch.cuda.set_sync_debug_mode('error')
    try:
        losses = model.loss(*inputs)
        sum(v for name, v in losses.items() if 'loss' in name).backward()
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_mixed_precision_is_near_float32(load_config, dtype):
    model = build(load_config, 'deeplabv3plus_r50_voc12aug_vainf').cuda()
    inputs = batch('cuda')
    expected = model.loss(*inputs)['decode.loss_ce'].item()
    with torch.autocast('cuda', dtype):
        found = model.loss(*inputs)['decode.loss_ce'].item()
    assert found == pytest.approx(expected, rel=0.02)


def test_synchronised_batch_norm_of_one_process_is_batch_norm():
    address = f'tcp://127.0.0.1:{free_port()}'
    torch.distributed.init_process_group(
        'nccl', init_method=address, rank=0, world_size=1
    )
    try:
        plain = torch.nn.BatchNorm2d(4).cuda()
        synchronised = torch.nn.SyncBatchNorm(4).cuda()
        x = torch.randn(3, 4, 9, 7, device='cuda')
        torch.testing.assert_close(synchronised(x), plain(x))
    finally:
        torch.distributed.destroy_process_group()
