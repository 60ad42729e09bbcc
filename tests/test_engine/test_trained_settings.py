"""A checkpoint meets a config: classes, normalisation, optimizer and schedule."""

from pathlib import Path

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS
from training import evaluate_here, log_of, scalars, train_here, write_config

from mmseg_deeplab.engine.resumed_settings import replay


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> Path:
    """Return a folder with a config and a training of 3 iterations, to its end."""
    folder = tmp_path_factory.mktemp('trained')
    train_here(write_config(folder, iters=3, interval=3), folder / 'run')
    return folder


def resume(trained: Path, work_dir: Path, **options: object) -> dict[int, float]:
    """Resume the training in a new folder; return the learning rate by iteration."""
    work_dir.mkdir()
    (work_dir / 'iter_3.pth').symlink_to(trained / 'run' / 'iter_3.pth')
    train_here(trained / 'tiny.py', work_dir, resume=True, **options)
    return {line['step']: line['lr'] for line in scalars(work_dir) if 'lr' in line}


def test_a_longer_schedule_goes_on_as_if_it_had_been_there_from_the_start(
    trained, tmp_path
):
    rates = resume(
        trained,
        tmp_path / 'run',
        train_cfg__max_iters=6,
        param_scheduler__0__end=6,
        optim_wrapper__optimizer__lr=0.01,
    )
    expected = {step: 0.01 * (1 - (step - 1) / 5) ** 0.9 for step in (4, 5, 6)}
    assert rates == pytest.approx(expected)
    assert 'param_scheduler.0.end 3 -> 6' in log_of(tmp_path / 'run')
    assert 'initial_lr 0.003 -> 0.01' in log_of(tmp_path / 'run')


def test_other_settings_of_the_optimizer_count_and_its_state_stays(trained, tmp_path):
    resume(
        trained,
        tmp_path / 'run',
        train_cfg__max_iters=4,
        optim_wrapper__optimizer__momentum=0.5,
        model__decode_head__loss_decode__loss_weight=0.0,  # no gradient
    )
    assert 'momentum 0.9 -> 0.5' in log_of(tmp_path / 'run')
    before, after = (
        torch.load(path, weights_only=False)['optimizer']['state'][0]['momentum_buffer']
        for path in (trained / 'run/iter_3.pth', tmp_path / 'run/iter_4.pth')
    )
    assert torch.equal(after, 0.5 * before)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'optimizer': dict(_delete_=True, type='AdamW')}, 'not of AdamW: .*betas'),
        ({'paramwise_cfg': {'bias_lr_mult': 2.0}}, 'is of 1 groups with'),
    ],
)
def test_another_optimizer_is_refused(trained, tmp_path, options, message):
    options = {f'optim_wrapper__{name}': value for name, value in options.items()}
    with pytest.raises(ValueError, match=rf'iter_3\.pth: cannot .*{message}.*Remedy'):
        resume(trained, tmp_path / 'run', **options)


@pytest.mark.parametrize('epochs', [0, 3])
def test_a_replay_equals_a_training(epochs):
    """Warm-up, poly and steps by epochs, against real steps of the optimizer."""
    settings = [
        dict(type='LinearLR', start_factor=0.1, end=4, by_epoch=False),
        dict(type='PolyLR', begin=4, end=12, power=0.9, by_epoch=False),
        dict(type='MultiStepLR', milestones=[1, 3], gamma=0.5, by_epoch=True),
    ]

    def build() -> tuple[OptimWrapper, list]:
        optimizer = dict(type='SGD', lr=1.0)
        wrapper = build_optim_wrapper(torch.nn.Linear(1, 1), dict(optimizer=optimizer))
        kinds = ({**one, 'optimizer': wrapper} for one in settings)
        return wrapper, [PARAM_SCHEDULERS.build(kind) for kind in kinds]

    real, trained = build()
    for iteration in range(1, 10):
        real.step()
        for scheduler in trained[:2]:
            scheduler.step()
        if epochs and iteration % 3 == 0:
            trained[2].step()
    wrapper, schedulers = build()
    replay(schedulers, iters=9, epochs=epochs)
    assert wrapper.get_lr() == real.get_lr()
    assert [s.last_step for s in schedulers] == [s.last_step for s in trained]


@pytest.mark.parametrize(('end', 'effect'), [(2, 'stays as it is'), (9, 'not get')])
def test_a_schedule_that_does_not_end_with_the_training_is_named(tmp_path, end, effect):
    config = write_config(tmp_path, iters=3)
    options = {'param_scheduler__0__end': end, 'train_cfg__max_iters': 3}
    train_here(config, tmp_path / 'run', **options)
    log = log_of(tmp_path / 'run')
    assert f'ends at iteration {end}, the training at iteration 3' in log
    assert effect in log


def test_a_resume_after_the_end_says_so(trained, tmp_path):
    assert resume(trained, tmp_path / 'run') == {}
    assert 'The checkpoint is of iteration 3, and the training ends at 3' in log_of(
        tmp_path / 'run'
    )


def test_a_schedule_by_epochs_is_refused_where_iterations_are_counted(tmp_path):
    config = write_config(tmp_path, iters=3)
    with pytest.raises(ValueError, match=r'PolyLR counts epochs.*by_epoch=False'):
        train_here(config, tmp_path / 'run', param_scheduler__0__by_epoch=True)


def evaluate(trained: Path, work_dir: Path, **options: object) -> str:
    """Test the trained network with other settings; return the log."""
    checkpoint = trained / 'run' / 'iter_3.pth'
    evaluate_here(trained / 'tiny.py', checkpoint, work_dir, **options)
    return log_of(work_dir)


def test_exchanged_classes_end_a_test_and_other_names_are_logged(trained, tmp_path):
    names = 'test_dataloader__dataset__metainfo__classes'
    log = evaluate(trained, tmp_path / 'other', **{names: ('a', 'bee', 'c')})
    assert 'class names differ' in log
    assert '1 b; the data set of test_dataloader has 1 bee' in log
    with pytest.raises(ValueError, match=r'iter_3\.pth has 1 b, 2 c; .*1 c, 2 b'):
        evaluate(trained, tmp_path / 'exchanged', **{names: ('a', 'c', 'b')})


@pytest.mark.parametrize('as_start', [True, False])
def test_exchanged_classes_end_a_resume_but_not_a_start_from_weights(
    trained, tmp_path, as_start
):
    places = (f'{s}_dataloader__dataset__metainfo__classes' for s in ('train', 'val'))
    classes = dict.fromkeys(places, ('b', 'a', 'c'))
    if as_start:
        path = str(trained / 'run' / 'iter_3.pth')
        train_here(trained / 'tiny.py', tmp_path, load_from=path, **classes)
        assert 'order of the classes differs: ' + path in log_of(tmp_path)
    else:
        with pytest.raises(ValueError, match=r'classes differs: .*iter_3\.pth has'):
            resume(trained, tmp_path / 'run', train_cfg__max_iters=6, **classes)


def test_another_normalisation_is_logged(trained, tmp_path):
    mean = {'model__data_preprocessor__mean': [0.0, 0.0, 0.0]}
    log = evaluate(trained, tmp_path, **mean)
    assert "was trained with images normalised by {'mean': [127.5, 127.5, 127.5]" in log
    assert "the data_preprocessor of the config has {'mean': [0.0, 0.0, 0.0]" in log
