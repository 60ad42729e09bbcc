"""Reading the logs of trainings: where they are, how parts join, what is refused."""

import pytest
from training import write_scalars

from mmseg_deeplab.visualization.run_log import read_scalars, run_name, series


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
    write_scalars(tmp_path / '20260101_1', first)
    write_scalars(tmp_path / '20260101_2', second)
    records = read_scalars(tmp_path)
    last = dict(zip(*series(first, 'loss'), strict=True))
    last |= dict(zip(*series(second, 'loss'), strict=True))
    assert series(records, 'loss') == (steps, [last[step] for step in steps])
    assert series(records, 'mIoU') == (tests, [40.0] * len(tests))


def test_a_run_can_be_named_by_any_of_its_folders_or_by_its_log(tmp_path):
    file = write_scalars(tmp_path / 'mine' / '1', losses((5, 4.0)))
    named = [tmp_path / 'mine', tmp_path / 'mine' / '1', file.parent, file]
    assert all(read_scalars(run) == losses((5, 4.0)) for run in named)
    assert [run_name(run).name for run in named] == ['mine', '1', '1', '1']


@pytest.mark.parametrize(
    ('interval', 'logged', 'found'), [(10, (1, 2), [20, 40]), (1, (2, 4), [2, 4])]
)
def test_validations_by_epoch_move_to_its_last_step(tmp_path, interval, logged, found):
    """As MMEngine logs them with ``by_epoch``; those by iteration stay."""
    steps = [interval * number for number in (1, 2, 3, 4)]
    train = [
        dict(loss=1.0, epoch=1 + i // 2, step=step) for i, step in enumerate(steps)
    ]
    scores = [40.0 + step for step in logged]
    tests = [dict(mIoU=v, step=step) for v, step in zip(scores, logged, strict=True)]
    write_scalars(tmp_path / '1', [*train, *tests])
    assert series(read_scalars(tmp_path), 'mIoU') == (found, scores)


def test_the_half_line_of_a_killed_run_is_left_out(tmp_path):
    file = write_scalars(tmp_path / '1', losses((5, 4.0)))
    file.write_text(file.read_text() + '{"loss": 3.9, "st')
    assert read_scalars(tmp_path) == losses((5, 4.0))


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'is empty'),
        ('{\n "metrics": {}\n}\n', 'line 1: is no log of mmengine'),
        ('{"loss": 1.0}\n', "line 1: .*expected an object with a step, received '{"),
        ('{"loss": 1.0, "step": 1}\nhello\n{"step": 2}\n', 'line 2: is no log'),
        ('[1]\n', r"received '\[1\]'"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    (tmp_path / 'wrong.json').write_text(text)
    with pytest.raises(ValueError, match=rf'wrong\.json.* ?{message}'):
        read_scalars(tmp_path / 'wrong.json')
