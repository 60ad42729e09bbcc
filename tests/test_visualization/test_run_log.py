"""Reading the logs of trainings: where they are, how parts join, what is refused."""

import json

import pytest

from mmseg_deeplab.visualization.run_log import read_scalars, run_name, series


def log(folder, name: str, records: list[dict], end: str = '\n'):
    """Write one part of a run; return its log."""
    file = folder / name / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(json.dumps(record) for record in records) + end)
    return file


def losses(*pairs: tuple[int, float]) -> list[dict]:
    return [dict(loss=value, lr=0.1, step=step) for step, value in pairs]


TEST = dict(mIoU=40.0, step=10)
BEFORE = losses((5, 4.0), (10, 3.0))
# What the first part and the resumed one log, and the steps that are left.
PARTS = {
    'the steps it repeats': (BEFORE, [*losses((10, 1.0)), TEST], [5, 10], [10]),
    # Its interval is another one.
    'all behind its checkpoint': (
        [*BEFORE, *losses((15, 2.5), (20, 2.2)), TEST],
        losses((12, 1.0), (24, 0.5)),
        [5, 10, 12, 24],
        [10],
    ),
    'all where it began anew': ([*BEFORE, TEST], losses((5, 1.0)), [5], []),
    'nothing by a validation made up for': (
        BEFORE,
        [TEST, *losses((15, 1.0))],
        [5, 10, 15],
        [10],
    ),
}


@pytest.mark.parametrize('name', PARTS)
def test_a_resumed_run_replaces(tmp_path, name):
    first, second, steps, tests = PARTS[name]
    log(tmp_path, '20260101_1', first)
    log(tmp_path, '20260101_2', second)
    records = read_scalars(tmp_path)
    last = dict(zip(*series(first, 'loss'), strict=True))
    last |= dict(zip(*series(second, 'loss'), strict=True))
    assert series(records, 'loss') == (steps, [last[step] for step in steps])
    assert series(records, 'mIoU') == (tests, [40.0] * len(tests))


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
