"""Trainings that cannot succeed end with an error, and spoil nothing."""

import math
import signal

import pytest
import torch
from mmengine.hooks import Hook
from training import TRAIN, Server, train_here, weights, write_config

from mmseg_deeplab.utils.errors import InputError


class Lossless(Hook):
    """Replace the loss of some iterations, as seen by later hooks, by nan."""

    priority = 'HIGHEST'

    def __init__(self, iterations: set[int]) -> None:
        self.iterations = iterations

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter + 1 in self.iterations:
            outputs['loss'] = torch.tensor(math.nan)


def test_ten_iterations_without_a_finite_loss_end_the_training(tmp_path):
    config = write_config(tmp_path, iters=25, interval=12)
    with pytest.raises(InputError, match=r'nan at iteration 24 .*in 10 iter.*Remedy'):
        train_here(config, tmp_path, hooks=[Lossless({*range(3, 12), *range(15, 25)})])
    assert (tmp_path / 'iter_12.pth').exists()  # nine in a row are borne


def test_weights_that_are_no_numbers_push_out_no_good_checkpoint(tmp_path):
    config = write_config(tmp_path, iters=2)
    train_here(config, tmp_path / 'run')
    options = {'optim_wrapper__optimizer__lr': 1e38, 'train_cfg__max_iters': 9}
    options['param_scheduler__0__end'] = 9
    with pytest.raises(InputError, match=r'tensors of the model are not finite at it'):
        train_here(config, tmp_path / 'run', resume=True, **options)
    paths = sorted((tmp_path / 'run').glob('iter_*.pth'))
    assert len(paths) == 2  # as many as are kept
    for path in paths:
        assert all(value.isfinite().all() for value in weights(path).values())


def test_infinite_constants_of_a_network_are_saved(tmp_path):
    class Masked(Hook):
        priority = 'HIGHEST'

        def before_train(self, runner):
            runner.model.register_buffer('mask', torch.tensor([0.0, -math.inf]))

    train_here(write_config(tmp_path, iters=1), tmp_path / 'run', hooks=[Masked()])
    assert (tmp_path / 'run' / 'iter_1.pth').exists()


@pytest.mark.slow
def test_a_second_training_in_the_folder_of_a_first_is_refused(
    server: Server, tmp_path
):
    config = write_config(tmp_path, iters=100000, interval=100000)
    command = (TRAIN, config, '--work-dir', tmp_path / 'run')
    first = server.start(*command, log=tmp_path / 'first')
    first.wait_for_step(1)
    assert server.run(*command, log=tmp_path / 'second') == 1
    lines = (tmp_path / 'second').read_text().splitlines()
    (line,) = [line for line in lines if line.startswith('error: ')]
    assert f'another training is at work in this folder (process {first.pid}' in line
    first.send(signal.SIGKILL)
    first.wait()
    third = server.start(*command, log=tmp_path / 'third')
    third.wait_for_step(1)
    third.send(signal.SIGTERM)
    assert third.wait() == 0


def test_validation_images_of_the_training_are_named(tmp_path):
    runner = train_here(write_config(tmp_path, iters=1), tmp_path / 'run')
    (log,) = (tmp_path / 'run').glob('*/*.log')
    line = next(x for x in log.read_text().splitlines() if 'images of the val' in x)
    assert '8 of 8 images of the validation are also in the training set' in line
    assert '0.png is ' in line
    assert runner.iter == 1
