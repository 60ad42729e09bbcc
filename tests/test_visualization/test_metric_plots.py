"""Plots of evaluations: what they show, and which files they refuse."""

import json
from itertools import pairwise

import numpy as np
import pytest
from drawn import drawn, legend_of
from matplotlib.colors import to_rgb

from mmseg_deeplab.visualization import plot_classes, plot_confusion, plot_trimap
from mmseg_deeplab.visualization.metric_plots import ABSENT


def write(folder, name: str, **report):
    """Write a report of an evaluation."""
    file = folder / name / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(report))
    return file


def write_classes(folder, name: str, values: dict[str, float | None]):
    """Write a report whose recall is half of the IoU."""
    half = {label: value and value / 2 for label, value in values.items()}
    per_class = {n: dict(IoU=v, Recall=half[n]) for n, v in values.items()}
    return write(folder, name, per_class=per_class)


def write_confusion(folder, counts, classes=None):
    counts = np.asarray(counts)
    classes = classes or [f'class {i}' for i in range(len(counts))]
    per_class = {name: dict(IoU=1.0) for name in classes}
    return write(folder, 'a', per_class=per_class, confusion=counts.tolist())


def write_trimap(folder, name: str, values: list, around: str = 'labels'):
    """Write a report with three widths; whole images have the last value plus 1."""
    trimap = dict(around=around, widths=[1, 5, 40], mIoU=values, aAcc=[90, 91, 92])
    metrics = dict(mIoU=values[-1] + 1, aAcc=93.0)
    return write(folder, name, metrics=metrics, trimap=trimap)


@pytest.fixture
def evaluations(tmp_path):
    return [
        write_classes(tmp_path, 'a', dict(road=50.0, sky=90.0, train=None, pole=10.0)),
        write_classes(tmp_path, 'b', dict(road=60.0, sky=80.0, train=5.0, pole=0.0)),
    ]


def bars(axes) -> dict[str, list[float]]:
    """Return the lengths of the bars by the class at the same height, top first."""
    return {
        label.get_text(): [
            bar.get_width()
            for bar in axes.patches
            if abs(bar.get_y() + bar.get_height() / 2 - place) < 0.5
        ]
        for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
    }


def test_bars_stand_side_by_side_and_the_legend_has_the_means(evaluations, tmp_path):
    figure = drawn(plot_classes, evaluations, tmp_path / 'c.png', labels=['x', 'y'])
    (axes,) = figure.axes
    assert list(bars(axes)) == ['road', 'sky', 'train', 'pole']
    assert axes.yaxis_inverted() and bars(axes)['sky'] == [90, 80]
    # The class that never occurs in the first evaluation does not count.
    assert legend_of(figure) == ['x (mean 50.00)', 'y (mean 36.25)']
    spans = sorted((b.get_y(), b.get_y() + b.get_height()) for b in axes.patches)
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(spans))


def test_bars_of_another_metric_sorted_by_the_first_file(evaluations, tmp_path):
    options = dict(figure='Recall', sort=True)
    (axes,) = drawn(plot_classes, evaluations, tmp_path / 'c.png', **options).axes
    assert list(bars(axes)) == ['sky', 'road', 'pole', 'train']
    assert bars(axes)['sky'] == [45, 40] and axes.get_xlabel() == 'Recall, %'


def test_cells_are_shares_of_the_ground_truth(tmp_path):
    file = write_confusion(tmp_path, [[60, 20, 20], [0, 0, 0], [1, 2, 1]], list('abc'))
    axes = drawn(plot_confusion, file, tmp_path / 'c.svg').axes[0]
    cells = axes.images[0].get_array()
    np.testing.assert_allclose(cells[::2], [[0.6, 0.2, 0.2], [0.25, 0.5, 0.25]])
    assert np.isnan(np.ma.filled(cells, np.nan)[1]).all()
    assert axes.get_facecolor()[:3] == to_rgb(ABSENT)
    numbers = {text.get_position(): text.get_text() for text in axes.texts}
    assert numbers == {
        (0, 0): '60', (1, 0): '20', (2, 0): '20',
        (0, 2): '25', (1, 2): '50', (2, 2): '25',
    }  # fmt: skip
    assert (axes.get_ylabel(), axes.get_xlabel()) == ('ground truth', 'prediction')
    assert [t.get_text() for t in axes.get_yticklabels()] == ['a', 'b', 'c']
    assert axes.yaxis_inverted()  # the first class is at the top


@pytest.mark.slow
def test_names_of_150_classes_are_legible_and_inside_the_plot(tmp_path):
    counts = np.random.default_rng(0).integers(0, 100, (150, 150))
    names = [f'television receiver {i}'[: 5 + i % 18] + f' {i}' for i in range(150)]
    file = write_confusion(tmp_path, counts, names)
    figure = drawn(plot_confusion, file, tmp_path / 'c.png')
    axes = figure.axes[0]
    assert not axes.texts
    width, height = figure.get_size_inches() * figure.dpi
    sides = dict(intervalx=axes.get_xticklabels(), intervaly=axes.get_yticklabels())
    for side, labels in sides.items():
        assert [label.get_text() for label in labels] == names
        boxes = [label.get_window_extent() for label in labels]
        spans = sorted(tuple(getattr(box, side)) for box in boxes)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert min(min(box.x0, box.y0) for box in boxes) >= 0
        assert all(box.x1 <= width and box.y1 <= height for box in boxes)
        assert labels[0].get_fontsize() >= 6  # points


def test_a_line_holds_the_trimap_of_its_file(tmp_path):
    values = (('a', 50.0), ('b', None))
    files = [write_trimap(tmp_path, n, [40, v, 60]) for n, v in values]
    (axes,) = drawn(plot_trimap, files, tmp_path / 'c.png').axes
    curve, whole, other = axes.lines[:3]
    assert curve.get_xydata().tolist() == [[1, 40], [5, 50], [40, 60]]
    assert whole.get_ydata() == [61, 61]
    assert whole.get_color() == curve.get_color() != other.get_color()
    assert np.isnan(other.get_ydata()).tolist() == [False, True, False]
    assert legend_of(axes) == ['a/metrics.json (61.0)', 'b/metrics.json (61.0)']
    options = dict(labels=['x', 'y'], figure='aAcc')
    (axes,) = drawn(plot_trimap, files, tmp_path / 'c.png', **options).axes
    assert axes.lines[0].get_ydata().tolist() == [90, 91, 92]
    assert legend_of(axes)[1] == 'y (93.0)'
    assert axes.get_ylabel().startswith('pixel accuracy')


def test_evaluations_that_do_not_compare_are_refused(evaluations, tmp_path):
    out = tmp_path / 'c.png'
    other = write_classes(tmp_path, 'c', dict(road=1.0, sea=2.0))
    with pytest.raises(ValueError, match=r'c/metrics\.json were not .*has pole, sea'):
        plot_classes([evaluations[0], other], out)
    trimaps = [write_trimap(tmp_path, n, [1, 2, 3], n) for n in ('labels', 'void')]
    with pytest.raises(ValueError, match=r'different borders.*trimap_around'):
        plot_trimap(trimaps, out)


def test_wrong_options_are_refused(evaluations, tmp_path):
    out = tmp_path / 'c.png'
    with pytest.raises(ValueError, match=r"has no 'Dice', but \['IoU', 'Recall'\]"):
        plot_classes(evaluations, out, figure='Dice')
    with pytest.raises(ValueError, match=r"mIoU, aAcc.*'IoU'"):
        plot_trimap(evaluations, out, figure='IoU')
    with pytest.raises(ValueError, match=r"2 files .* received \['x'\]"):
        plot_trimap(evaluations, out, labels=['x'])


@pytest.mark.parametrize(
    ('plot', 'message'),
    [
        (plot_classes, r"no report with 'per_class'\. Eval"),
        (plot_trimap, "'trimap'.*trimap_widths=1,2"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, plot, message):
    file = write(tmp_path, 'wrong', metrics=dict(mIoU=1))
    with pytest.raises(ValueError, match=rf'wrong/metrics\.json: .*{message}'):
        plot([file], tmp_path / 'c.png')


def test_a_wrong_matrix_is_named(tmp_path):
    file = write(tmp_path, 'a', per_class=dict(a={}, b={}), confusion=[[1, 2]])
    with pytest.raises(ValueError, match=r'of 2 classes has the shape \(1, 2\)'):
        plot_confusion(file, tmp_path / 'c.png')
