"""The curves of trainings: what is drawn, smoothed, named and refused."""

import math

import numpy as np
import pytest
from drawn import drawn, legend_of, points
from training import write_scalars

from mmseg_deeplab.visualization import plot_curves
from mmseg_deeplab.visualization.curves import smooth
from mmseg_deeplab.visualization.plot_style import COLOURS


def write_run(folder, name: str, offset: float = 0.0, **more: float):
    """Write a run of four steps with two validations."""
    records = []
    for step in (10, 20, 30, 40):
        records.append(dict(loss=offset + 1 / step, lr=1 / step, step=step) | more)
        if step % 20 == 0:
            records.append(dict(mIoU=50 + offset - step / 10, step=step))
    write_scalars(folder / name / '1', records)
    return folder / name


@pytest.fixture
def runs(tmp_path):
    return [write_run(tmp_path, 'a'), write_run(tmp_path, 'b', 3.0)]


def test_one_run_has_a_panel_for_each_name(runs, tmp_path):
    loss, score, rate = drawn(plot_curves, runs[:1], tmp_path / 'c.png').axes
    steps = (10, 20, 30, 40)
    assert points(loss.lines[0]) == [[s, 1 / s] for s in steps]
    assert points(score.lines[0]) == [[20, 48], [40, 46]]
    assert points(rate.lines[0]) == [[s, 1 / s] for s in steps]
    assert legend_of(score) == ['best 48 at 20']
    assert loss.get_legend() is None


def test_runs_share_the_panels_and_differ_in_colour(runs, tmp_path):
    loss, score, _ = drawn(plot_curves, runs, tmp_path / 'c.png').axes
    assert [line.get_color() for line in loss.lines] == list(COLOURS[:2])
    assert points(loss.lines[1])[0] == [10, 3.1]
    assert legend_of(loss) == ['a', 'b']
    assert legend_of(score) == ['a\nbest 48 at 20', 'b\nbest 51 at 20']


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    runs = [write_run(tmp_path, f'{name}/run') for name in 'xy']
    figure = drawn(plot_curves, runs, tmp_path / 'c.png', names=['loss'])
    assert legend_of(figure.axes[0]) == ['x/run', 'y/run']


def test_smoothing_leaves_the_values_as_faint_lines(runs, tmp_path):
    figure = drawn(plot_curves, runs[:1], tmp_path / 'c.png', smoothing=0.5)
    raw, smoothed = figure.axes[0].lines
    assert points(raw) == [[s, 1 / s] for s in (10, 20, 30, 40)]
    assert raw.get_alpha() < 0.5 and smoothed.get_alpha() is None
    second = (0.5 * 1 / 10 + 1 / 20) / 1.5  # by hand
    assert smoothed.get_ydata()[:2].tolist() == pytest.approx([0.1, second])
    assert [len(axes.lines) for axes in figure.axes[1:]] == [1, 1]


def test_the_average_is_that_of_its_definition():
    values = np.random.default_rng(0).normal(size=20)
    weights = 0.8 ** np.arange(20)
    expected = [
        np.dot(weights[: i + 1][::-1], values[: i + 1]) / weights[: i + 1].sum()
        for i in range(20)
    ]
    np.testing.assert_allclose(smooth(values, 0.8), expected)
    np.testing.assert_array_equal(smooth(values, 0.0), values)
    np.testing.assert_allclose(smooth([3.0] * 5, 0.99), 3.0)


def test_infinite_values_do_not_spoil_the_average():
    found = smooth([1.0, math.inf, 2.0, math.nan], 0.5)
    np.testing.assert_allclose(found, [1.0, math.inf, 2.5 / 1.5, math.nan])


def test_a_run_without_validation_has_no_panel_for_it(tmp_path):
    file = tmp_path / 'log.json'
    file.write_text('{"loss": 1.0, "lr": 0.1, "step": 10}\n')
    figure = drawn(plot_curves, [file], tmp_path / 'c.png')
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ['training loss', 'learning rate']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(names=['acc']), r'no acc was logged; there are loss, lr, mIoU'),
        (dict(smoothing=1.0), r'smoothing must be in \[0, 1\), received 1\.0'),
        (dict(labels=['x']), r"2 files need as many labels, received \['x'\]"),
    ],
)
def test_wrong_options_are_refused(runs, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        plot_curves(runs, tmp_path / 'c.png', **options)
