"""Bars by class: heights, order, columns, and what is refused."""

import json
from itertools import pairwise

import numpy as np
import pytest
from drawn import drawn, legend_of

from mmseg_deeplab.visualization import plot_classes
from mmseg_deeplab.visualization.class_bars import MOST_ROWS


def write(folder, name: str, values: dict[str, float | None]):
    """Write a report; recall is half of the IoU."""
    per_class = {
        label: dict(IoU=value, Recall=None if value is None else value / 2)
        for label, value in values.items()
    }
    file = folder / name / 'metrics.json'
    file.parent.mkdir()
    file.write_text(json.dumps(dict(per_class=per_class)))
    return file


@pytest.fixture
def files(tmp_path):
    return [
        write(tmp_path, 'a', dict(road=50.0, sky=90.0, train=None, pole=10.0)),
        write(tmp_path, 'b', dict(road=60.0, sky=80.0, train=5.0, pole=0.0)),
    ]


def bars(axes) -> dict[str, list[float]]:
    """Return the lengths of the bars, by the class at the same height, top first."""
    places = axes.get_yticks()
    found = {}
    for place, label in zip(places, axes.get_yticklabels(), strict=True):
        found[label.get_text()] = [
            bar.get_width()
            for bar in axes.patches
            if abs(bar.get_y() + bar.get_height() / 2 - place) < 0.5
        ]
    order = np.argsort(places) if axes.yaxis_inverted() else np.argsort(-places)
    return {list(found)[i]: found[list(found)[i]] for i in order}


def test_a_bar_is_as_long_as_the_figure(files, tmp_path):
    found = bars(drawn(plot_classes, files[1:], tmp_path / 'c.png').axes[0])
    assert found == dict(road=[60], sky=[80], train=[5], pole=[0])
    assert list(found) == ['road', 'sky', 'train', 'pole']


def test_evaluations_stand_side_by_side_with_their_means(files, tmp_path):
    figure = drawn(plot_classes, files, tmp_path / 'c.png', labels=['x', 'y'])
    assert bars(figure.axes[0])['sky'] == [90, 80]
    # The class that never occurs in the first one does not count.
    assert legend_of(figure) == ['x (mean 50.00)', 'y (mean 36.25)']


def test_bars_do_not_cover_each_other(files, tmp_path):
    axes = drawn(plot_classes, files, tmp_path / 'c.png').axes[0]
    spans = sorted(
        (bar.get_y(), bar.get_y() + bar.get_height()) for bar in axes.patches
    )
    assert all(one[1] <= other[0] + 1e-9 for one, other in pairwise(spans))


def test_sorted_by_the_first_file_those_without_figure_last(files, tmp_path):
    figure = drawn(plot_classes, files, tmp_path / 'c.png', sort=True)
    assert list(bars(figure.axes[0])) == ['sky', 'road', 'pole', 'train']


def test_another_figure(files, tmp_path):
    figure = drawn(plot_classes, files[1:], tmp_path / 'c.png', figure='Recall')
    assert bars(figure.axes[0])['sky'] == [40]
    assert figure.axes[0].get_xlabel() == 'Recall, %'


def test_many_classes_go_into_columns(tmp_path):
    values = {f'class {i}': float(i % 100) for i in range(90)}
    figure = drawn(plot_classes, [write(tmp_path, 'a', values)], tmp_path / 'c.png')
    parts = [bars(axes) for axes in figure.axes]
    assert max(map(len, parts)) <= MOST_ROWS
    joined = {name: lengths for part in parts for name, lengths in part.items()}
    assert joined == {name: [value] for name, value in values.items()}


def test_other_classes_do_not_compare(files, tmp_path):
    other = write(tmp_path, 'c', dict(road=1.0, sea=2.0))
    with pytest.raises(ValueError, match=r'c/metrics\.json were not .*has pole, sea'):
        plot_classes([files[0], other], tmp_path / 'c.png')


def test_an_unknown_figure_is_named_with_those_there_are(files, tmp_path):
    with pytest.raises(ValueError, match=r"'road' has no 'Dice', but \['IoU', 'Rec"):
        plot_classes(files, tmp_path / 'c.png', figure='Dice')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"figures": {"mIoU": 3}}', r'holds no figures by class\. Evaluate with too'),
        ('{"per_class": {}}', 'holds no figures by class'),
        ('{"per_class": [1]}', 'holds no figures by class'),
        ('{"per_class": {"road": 3}}', "class 'road' has no 'IoU', but 3"),
        ('mIoU 3', 'is no JSON file'),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    (tmp_path / 'wrong.json').write_text(text)
    with pytest.raises(ValueError, match=rf'wrong\.json: {message}'):
        plot_classes([tmp_path / 'wrong.json'], tmp_path / 'c.png')


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'metrics\.json: no such.*report\.py'):
        plot_classes([tmp_path], tmp_path / 'c.png')
