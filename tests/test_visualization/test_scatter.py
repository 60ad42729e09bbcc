"""The scatter plot of benchmarks: from which files, which points, which names."""

import json

import pytest
from drawn import drawn, legend_of

from mmseg_deeplab.visualization import plot_scatter
from mmseg_deeplab.visualization.scatter import read_benchmark_rows

MARKDOWN = """
# Results
| config | mIoU | multiply-adds, G | note |
| --- | ---: | --- | --- |
| `a_net` | **70.5** | 3.50 | 12 |
| [b_net](b.py) | 71.25x (70 - 72) | 20 | - |

## Other
text | with a bar

name | speed
--- | ---
c | 3
"""


def write_table(folder):
    """Write the work folder of a table with two rows."""
    for name, score, weights in (('x', 40.0, 'ImageNet'), ('y', 44.0, 'none')):
        row = dict(config=name, mIoU=score, multiply_adds=3e9, weights=weights)
        (folder / name).mkdir()
        (folder / name / 'row.json').write_text(json.dumps(row))
    return folder


def drawn_points(figure) -> list[tuple[float, float]]:
    collections = figure.axes[0].collections
    return [tuple(c.get_offsets()[0].tolist()) for c in collections]


def test_a_table_gives_a_point_per_row_best_first(tmp_path):
    figure = drawn(plot_scatter, [write_table(tmp_path)], tmp_path / 'c.png')
    assert drawn_points(figure) == [(3, 44), (3, 40)]
    names = ['1  y   (from scratch)', '2  x   (ImageNet weights)']
    assert legend_of(figure) == names
    assert figure.axes[0].get_xlabel() == 'multiply-adds, G'


def test_tables_of_a_markdown_file(tmp_path):
    (tmp_path / 't.md').write_text(MARKDOWN)
    rows = read_benchmark_rows(tmp_path / 't.md')
    assert [(row.name, row.group) for row in rows] == [
        ('a_net', 'Results'), ('b_net', 'Results'), ('c', 'Other'),
    ]  # fmt: skip
    assert [row.numbers for row in rows] == [
        {'mIoU': 70.5, 'multiply-adds, G': 3.5, 'note': 12},
        {'mIoU': 71.25, 'multiply-adds, G': 20},
        {'speed': 3},
    ]


def test_the_json_of_a_benchmark_has_dotted_names(tmp_path):
    rows = [
        dict(group='g', name='a', ratio=dict(median=2.5), multiply_adds=4e9),
        dict(group='g', name='b', ratio=None, multiply_adds=0),
    ]
    (tmp_path / 'ops.json').write_text(json.dumps(dict(benchmark='ops', rows=rows)))
    figure = drawn(plot_scatter, [tmp_path / 'ops.json'], tmp_path / 'c.png')
    assert drawn_points(figure) == [(4, 2.5)]
    assert figure.axes[0].get_ylabel() == 'times faster than stock'


def test_an_axis_over_a_decade_is_logarithmic(tmp_path):
    (tmp_path / 't.md').write_text(MARKDOWN.replace('| 20 |', '| 90 |'))
    axes = drawn(plot_scatter, [tmp_path / 't.md'], tmp_path / 'c.png').axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ('log', 'linear')


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('t.md', 'no table', 'holds no rows of a benchmark'),
        ('t.json', 'x', r'holds no benchmark \(the file: is no JSON'),
    ],
)
def test_a_foreign_file_is_named_with_what_fits(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rf'{name}: {message}.*benchmarks\.md'):
        plot_scatter([tmp_path / name], tmp_path / 'c.png')


def test_a_folder_without_rows_is_named(tmp_path):
    with pytest.raises(ValueError, match='holds no rows'):
        plot_scatter([tmp_path], tmp_path / 'c.png')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            dict(x='FLOPs'),
            r"3 rows have no number 'FLOPs'; give --x one of: 'mIoU', 'm",
        ),
        (dict(x='speed', y='mIoU'), "no row has both 'speed' and 'mIoU'"),
        (dict(only=['zebra']), 'as no row is left'),
    ],
)
def test_axes_that_do_not_exist_are_refused(tmp_path, options, message):
    (tmp_path / 't.md').write_text(MARKDOWN)
    with pytest.raises(ValueError, match=message):
        plot_scatter([tmp_path / 't.md'], tmp_path / 'c.png', **options)
