"""The curve of trimap figures: what it draws, what it refuses."""

import json

import numpy as np
import pytest
from drawn import drawn
from PIL import Image

from mmseg_deeplab.visualization import plot_trimap
from mmseg_deeplab.visualization.trimap_plot import read_trimap


def write(folder, name: str, values: list[float | None], around: str = 'labels'):
    """Write a report with three widths; whole images have the last value plus 1."""
    trimap = dict(around=around, widths=[1, 5, 40], mIoU=values, aAcc=[90, 91, 92])
    figures = dict(mIoU=values[-1] + 1, aAcc=93.0)
    file = folder / name / 'metrics.json'
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(dict(figures=figures, trimap=trimap)))
    return file


def axes_of(files, out, **options):
    """Return the axes of the picture, which is written too."""
    return drawn(plot_trimap, files, out, **options).axes[0]


@pytest.fixture
def files(tmp_path):
    return [write(tmp_path, n, [40, v, 60]) for n, v in (('a', 50.0), ('b', None))]


def test_a_line_holds_the_figures_of_its_file(files, tmp_path):
    axes = axes_of(files, tmp_path / 'c.png')
    curve, whole, other = axes.lines[:3]
    assert curve.get_xydata().tolist() == [[1, 40], [5, 50], [40, 60]]
    assert whole.get_ydata() == [61, 61]
    assert whole.get_color() == curve.get_color() != other.get_color()
    assert np.isnan(other.get_ydata()).tolist() == [False, True, False]


def test_the_legend_names_the_files_and_their_whole_image_figure(files, tmp_path):
    legend = axes_of(files, tmp_path / 'c.png').get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ['a/metrics.json (61.0)', 'b/metrics.json (61.0)']
    legend = axes_of(files, tmp_path / 'c.png', labels=['x', 'y']).get_legend()
    assert legend.get_texts()[1].get_text() == 'y (61.0)'


def test_pixel_accuracy_on_request(files, tmp_path):
    axes = axes_of(files, tmp_path / 'c.png', figure='aAcc')
    assert axes.lines[0].get_ydata().tolist() == [90, 91, 92]
    assert axes.get_ylabel().startswith('pixel accuracy')


def test_the_picture_lands_in_a_new_folder(files, tmp_path):
    plot_trimap(files, tmp_path / 'new' / 'c.png')
    picture = np.asarray(Image.open(tmp_path / 'new' / 'c.png').convert('RGB'))
    assert min(picture.shape[:2]) > 400
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10


def test_a_missing_file_is_named(files, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.json: no such file. Evaluate'):
        plot_trimap([files[0], tmp_path / 'none.json'], tmp_path / 'c.png')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"figures": {}}', 'holds no trimap figures.*trimap_widths=1,2'),
        ('{"figures": {"mIoU": 1}, "trimap": {"widths": [1]}}', 'holds no trimap fig'),
        ('[1]', 'holds no trimap figures'),
        ('mIoU 3', 'is no JSON file'),
    ],
)
def test_a_wrong_file_is_named(tmp_path, text, message):
    (tmp_path / 'wrong.json').write_text(text)
    with pytest.raises(ValueError, match=f'wrong.json: {message}'):
        read_trimap(tmp_path / 'wrong.json')


def test_labels_must_match_the_files(files, tmp_path):
    with pytest.raises(ValueError, match=r"2 files .* received \['x'\]"):
        plot_trimap(files, tmp_path / 'c.png', labels=['x'])


def test_an_unknown_figure_is_refused(files, tmp_path):
    with pytest.raises(ValueError, match=r"'mIoU', 'aAcc'.*'IoU'"):
        plot_trimap(files, tmp_path / 'c.png', figure='IoU')


def test_bands_around_other_borders_do_not_compare(files, tmp_path):
    void = write(tmp_path, 'c', [1, 2, 3], around='void')
    with pytest.raises(ValueError, match=r'different borders.*trimap_around'):
        plot_trimap([files[0], void], tmp_path / 'c.png')
