"""The recipe of the schedules: poly to zero, and accumulation as Caffe's iter_size."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS, PARAM_SCHEDULERS

SCHEDULE = '_base_/schedules/deeplabv2_20k.py'


def segmentor() -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='EncoderDecoder',
            backbone=dict(
                type='ResNetMulti', depth=26, base_channels=4, frozen_bn='all'
            ),
            decode_head=dict(
                type='ClassifierModule', in_channels=128, in_index=3, num_classes=3
            ),
        )
    )


def test_poly_follows_its_formula_in_every_group(load_config):
    config = load_config(SCHEDULE)
    wrapper = build_optim_wrapper(segmentor(), config.optim_wrapper)
    scheduler = dict(config.param_scheduler[0], end=10)
    scheduler = PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=wrapper))
    base = [group['lr'] for group in wrapper.param_groups]
    for step in range(10):
        # mmengine arrives at zero in the last iteration, Caffe would after it.
        expected = [lr * (1 - step / 9) ** 0.9 for lr in base]
        found = [group['lr'] for group in wrapper.param_groups]
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)
        scheduler.step()


def test_ten_images_accumulated_are_a_batch_of_ten(load_config):
    options = load_config(SCHEDULE).optim_wrapper
    assert options.accumulative_counts == 10
    model = segmentor()
    twin = copy.deepcopy(model)
    images, weights = torch.randn(10, 3, 17, 17), torch.randn(1, 3, 3, 3)
    one = build_optim_wrapper(model, options)
    for image in images:
        one.update_params((model(image[None], mode='tensor') * weights).mean())
    batch = build_optim_wrapper(twin, {**options, 'accumulative_counts': 1})
    batch.update_params((twin(images, mode='tensor') * weights).mean())
    for found, expected in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)
