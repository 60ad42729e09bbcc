"""The alternating training of an architecture search."""

import signal
from itertools import islice, pairwise

import pytest
import torch
from mmengine.hooks import Hook
from training import TRAIN, same_weights, train_here, write_config

from mmseg_deeplab.datasets import AlternatingHalvesSampler
from mmseg_deeplab.engine.architecture_search import RECORD, read_record

SEARCH = """
model = dict(
    model,
    type='ArchitectureSearchSegmentor',
    backbone=dict(type='AutoDeepLabSearchNet', num_layers=2,
                  num_blocks=1, filters=2),
    decode_head=dict(
        type='MultiStrideASPPHead', in_channels=[2, 4, 8], channels=4,
        num_classes=3, dropout_ratio=0, align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss')))
train_dataloader['sampler'] = dict(
    type='AlternatingHalvesSampler', batch_size=2, warmup_iters=2, seed=4)
optim_wrapper = dict(
    constructor='ArchitectureSearchOptimWrapperConstructor',
    weights=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
    architecture=dict(optimizer=dict(type='Adam', lr=0.01)))
param_scheduler = dict(weights=param_scheduler, architecture=[])
custom_hooks = [dict(type='ArchitectureSearchHook', interval=1)]
"""


def test_halves_are_apart_and_taken_in_turn():
    sampler = AlternatingHalvesSampler(range(9), 2, warmup_iters=2, seed=1)
    half_a, half_b = (set(half) for half in sampler.halves())
    assert half_a | half_b == set(range(9))
    assert (len(half_a), len(half_b)) == (4, 5)
    stream = iter(sampler)
    batches = [set(islice(stream, 2)) for _ in range(8)]
    is_b = [batch <= half_b for batch in batches]
    assert is_b == [False, False, False, True, False, True, False, True]
    assert all(batch <= half_a for batch, b in zip(batches, is_b, strict=True) if not b)


def test_a_resumed_sampler_goes_on():
    sampler = AlternatingHalvesSampler(range(10), 2, warmup_iters=3)
    expected = list(islice(sampler, 40))
    sampler.skip(14)
    assert list(islice(sampler, 26)) == expected[14:]


class Remember(Hook):
    """Keep all parameters after each step."""

    def __init__(self):
        self.states = []

    def after_train_iter(self, runner, *_, **__):
        named = runner.model.named_parameters()
        self.states.append({name: value.detach().clone() for name, value in named})


def test_each_step_changes_its_own_parameters(tmp_path):
    config = write_config(tmp_path, iters=6, extra=SEARCH)
    hook = Remember()
    train_here(config, tmp_path / 'run', hooks=[hook])
    for step, (old, new) in enumerate(pairwise(hook.states), start=1):
        changed = {
            name.rpartition('.')[2] in ('alpha', 'beta')
            for name in old
            if not torch.equal(old[name], new[name])
        }
        assert changed == {step in (3, 5)}  # after a warm-up of two steps


@pytest.mark.slow
def test_a_killed_search_goes_on_as_if_nothing_had_been(server, tmp_path):
    config = write_config(tmp_path, iters=10, extra=SEARCH)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train_here(config, whole)
    log = tmp_path / 'log.txt'
    run = server.start(TRAIN, config, '--work-dir', killed, log=log)
    run.wait_for_step(5)
    run.send(signal.SIGKILL)
    run.wait()
    train_here(config, killed, resume=True)
    assert same_weights(whole / 'iter_10.pth', killed / 'iter_10.pth')
    one, other = read_record(whole), read_record(killed)
    assert one == other


@pytest.mark.slow
def test_a_line_cut_off_by_a_kill_takes_no_other_with_it(tmp_path):
    work = tmp_path / 'work'
    config = write_config(tmp_path, iters=2, interval=2, extra=SEARCH)
    train_here(config, work)
    with (work / RECORD).open('a') as record:
        record.write('\n{"iteration": 3, "alp')
    train_here(config, work, resume=True, train_cfg__max_iters=4)
    assert [line['iteration'] for line in read_record(work)] == [1, 2, 3, 4]
