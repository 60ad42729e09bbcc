"""Reading the logs of trainings: where they are, how parts join, what is refused."""

import json

import pytest

from mmseg_deeplab.visualization.run_log import (
    read_scalars,
    run_name,
    series,
)


def log(folder, name: str, records: list[dict], end: str = '\n'):
    """Write one part of a run; return its log."""
    file = folder / name / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(json.dumps(record) for record in records) + end)
    return file


def losses(*pairs: tuple[int, float]) -> list[dict]:
    return [dict(loss=value, lr=0.1, step=step) for step, value in pairs]


def test_a_resumed_run_replaces_the_steps_it_repeats(tmp_path):
    log(tmp_path, '20260101_1', [dict(loss=2.0, step=1), dict(loss=9.0, step=2)])
    log(tmp_path, '20260101_2', [dict(loss=1.0, step=2), dict(mIoU=50.0, step=2)])
    records = read_scalars(tmp_path)
    assert series(records, 'loss') == ([1, 2], [2.0, 1.0])
    assert series(records, 'mIoU') == ([2], [50.0])


def test_a_resumed_run_replaces_all_behind_its_checkpoint(tmp_path):
    """Also steps that it does not log itself, as its interval is another one."""
    test = dict(mIoU=40.0, step=10)
    log(tmp_path, '1', [*losses((5, 4.0), (10, 3.0), (15, 2.5), (20, 2.2)), test])
    log(tmp_path, '2', losses((12, 1.0), (24, 0.5)))
    records = read_scalars(tmp_path)
    assert series(records, 'loss') == ([5, 10, 12, 24], [4.0, 3.0, 1.0, 0.5])
    assert series(records, 'mIoU') == ([10], [40.0])


def test_a_run_that_started_anew_replaces_everything(tmp_path):
    log(tmp_path, '1', [*losses((5, 4.0), (10, 3.0)), dict(mIoU=9.0, step=10)])
    log(tmp_path, '2', losses((5, 1.0)))
    records = read_scalars(tmp_path)
    assert series(records, 'loss') == ([5], [1.0])
    assert series(records, 'mIoU') == ([], [])


def test_a_validation_made_up_for_after_a_resume_keeps_the_training(tmp_path):
    log(tmp_path, '1', losses((5, 4.0), (10, 3.0)))
    log(tmp_path, '2', [dict(mIoU=9.0, step=10), *losses((15, 1.0))])
    records = read_scalars(tmp_path)
    assert series(records, 'loss')[0] == [5, 10, 15]
    assert series(records, 'mIoU') == ([10], [9.0])


def test_a_run_can_be_named_by_any_of_its_folders_or_by_its_log(tmp_path):
    file = log(tmp_path / 'mine', '1', losses((5, 4.0)))
    named = [tmp_path / 'mine', tmp_path / 'mine' / '1', file.parent, file]
    assert all(read_scalars(run) == losses((5, 4.0)) for run in named)
    assert [run_name(run).name for run in named] == ['mine', '1', '1', '1']


def test_validations_by_epoch_move_to_the_last_step_of_the_epoch(tmp_path):
    """As MMEngine logs them with ``by_epoch`` and ``log_metric_by_epoch``."""
    train = [dict(loss=1.0, epoch=1 + i // 2, step=10 * i + 10) for i in range(4)]
    log(tmp_path, '1', [*train, dict(mIoU=30.0, step=1), dict(mIoU=40.0, step=2)])
    assert series(read_scalars(tmp_path), 'mIoU') == ([20, 40], [30.0, 40.0])


def test_validations_by_iteration_stay_where_they_are(tmp_path):
    train = [dict(loss=1.0, epoch=1 + i // 2, step=i + 1) for i in range(4)]
    log(tmp_path, '1', [*train, dict(mIoU=30.0, step=2), dict(mIoU=40.0, step=4)])
    assert series(read_scalars(tmp_path), 'mIoU')[0] == [2, 4]


def test_the_half_line_of_a_killed_run_is_left_out(tmp_path):
    file = log(tmp_path, '1', losses((5, 4.0)))
    file.write_text(file.read_text() + '{"loss": 3.9, "st')
    assert read_scalars(tmp_path) == losses((5, 4.0))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is empty'),
        ('{\n "figures": {}\n}\n', 'line 1: is no log of mmengine'),
        ('{"loss": 1.0}\n', "line 1: .*expected an object with a step, received '{"),
        ('{"loss": 1.0, "step": 1}\nhello\n{"step": 2}\n', 'line 2: is no log'),
        ('[1]\n', r"received '\[1\]'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    (tmp_path / 'wrong.json').write_text(text)
    with pytest.raises(ValueError, match=rf'wrong\.json.* ?{message}'):
        read_scalars(tmp_path / 'wrong.json')
