"""The heat map of a confusion matrix: its numbers, its names, its room."""

import json
from itertools import pairwise

import numpy as np
import pytest
from drawn import drawn
from matplotlib.colors import to_rgb

from mmseg_deeplab.visualization import plot_confusion
from mmseg_deeplab.visualization.confusion_plot import NEVER


def write(folder, counts, classes=None):
    """Write a report with a confusion matrix."""
    classes = classes or [f'class {i}' for i in range(len(counts))]
    report = dict(
        per_class={name: dict(IoU=1.0) for name in classes},
        confusion=np.asarray(counts).tolist(),
    )
    file = folder / 'metrics.json'
    file.write_text(json.dumps(report))
    return file


@pytest.fixture(scope='module')
def large(tmp_path_factory):
    """Return counts of 150 classes and the figure that was drawn of them, once."""
    folder = tmp_path_factory.mktemp('large')
    counts = np.random.default_rng(0).integers(0, 100, (150, 150))
    names = [f'television receiver {i}'[: 5 + i % 18] + f' {i}' for i in range(150)]
    file = write(folder, counts, names)
    return counts, names, drawn(plot_confusion, file, folder / 'c.png')


def test_cells_are_shares_of_the_true_pixels(tmp_path):
    counts = [[60, 20, 20], [0, 5, 0], [1, 2, 1]]
    figure = drawn(
        plot_confusion, write(tmp_path, counts, list('abc')), tmp_path / 'c.svg'
    )
    cells = figure.axes[0].images[0].get_array()
    np.testing.assert_allclose(cells, [[0.6, 0.2, 0.2], [0, 1, 0], [0.25, 0.5, 0.25]])
    numbers = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert numbers == {
        (0, 0): '60', (1, 0): '20', (2, 0): '20', (1, 1): '100',
        (0, 2): '25', (1, 2): '50', (2, 2): '25',
    }  # fmt: skip


def test_rows_are_the_truth(tmp_path):
    figure = drawn(
        plot_confusion,
        write(tmp_path, [[1, 1], [0, 1]], ['x', 'y']),
        tmp_path / 'c.png',
    )
    axes = figure.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ('true', 'predicted')
    assert [t.get_text() for t in axes.get_yticklabels()] == ['x', 'y']
    assert axes.yaxis_inverted()  # the first class on top


def test_a_class_without_pixels_has_a_grey_row(tmp_path):
    figure = drawn(
        plot_confusion, write(tmp_path, [[1, 1], [0, 0]]), tmp_path / 'c.png'
    )
    axes = figure.axes[0]
    cells = axes.images[0].get_array()
    assert np.ma.getmaskarray(cells)[1].all() or np.isnan(np.asarray(cells)[1]).all()
    assert axes.get_facecolor()[:3] == to_rgb(NEVER)
    assert len(axes.texts) == 2


def test_all_rows_of_150_classes_sum_to_one(large):
    counts, _, figure = large
    cells = np.asarray(figure.axes[0].images[0].get_array())
    np.testing.assert_allclose(cells.sum(1), 1)
    np.testing.assert_allclose(cells[7], counts[7] / counts[7].sum())
    assert not figure.axes[0].texts


@pytest.mark.parametrize('side', ['left', 'bottom', 'top'])
def test_names_of_150_classes_do_not_cover_each_other(large, side):
    _, names, figure = large
    axes = figure.axes[0]
    labels, span = axes.get_yticklabels(), 'intervaly'
    if side != 'left':
        first = 0 if side == 'bottom' else len(names)
        labels, span = axes.get_xticklabels()[first : first + len(names)], 'intervalx'
    assert [label.get_text() for label in labels] == names
    spans = sorted(tuple(getattr(label.get_window_extent(), span)) for label in labels)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_names_of_150_classes_are_large_enough_and_inside(large):
    *_, figure = large
    width, height = figure.get_size_inches() * figure.dpi
    for label in figure.axes[0].get_xticklabels() + figure.axes[0].get_yticklabels():
        box = label.get_window_extent()
        assert min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height
        assert label.get_fontsize() >= 6  # points


@pytest.mark.parametrize(
    ('confusion', 'message'),
    [
        ([[1, 2], [3]], 'holds more than counts'),
        ([[1, 2]], r'expected .* 2 x 2 counts, received shape \(1, 2\)'),
        ([[1, 2], [3, -4]], 'least entry -4'),
        ([[1, 2], [3, 'x']], 'holds more than counts'),
        (None, r'holds no confusion matrix\. Evaluate with tools/report\.py'),
    ],
)
def test_a_wrong_matrix_is_refused(tmp_path, confusion, message):
    report = dict(per_class=dict(a={}, b={}), confusion=confusion)
    (tmp_path / 'wrong.json').write_text(json.dumps(report))
    with pytest.raises(ValueError, match=rf'wrong\.json: .*{message}'):
        plot_confusion(tmp_path / 'wrong.json', tmp_path / 'c.png')
