"""Curves, sheet and report."""

import json

import numpy as np
import pytest

from mmseg_deeplab.apis.curves import plot_curves, read_scalars, series
from mmseg_deeplab.apis.sheet import colour_labels, draw_sheet

PALETTE = [[10, 20, 30], [200, 0, 0]]


def log(folder, name: str, records: list[dict]) -> None:
    file = folder / name / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text('\n'.join(json.dumps(record) for record in records))


def test_a_resumed_run_replaces_the_steps_it_repeats(tmp_path):
    log(tmp_path, '20260101_1', [dict(loss=2.0, step=1), dict(loss=9.0, step=2)])
    log(tmp_path, '20260101_2', [dict(loss=1.0, step=2), dict(mIoU=50.0, step=2)])
    records = read_scalars(tmp_path)
    assert series(records, 'loss') == ([1, 2], [2.0, 1.0])
    assert series(records, 'mIoU') == ([2], [50.0])


def test_a_folder_without_log_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=tmp_path.name):
        read_scalars(tmp_path)


def test_the_curve_is_a_png(tmp_path):
    log(tmp_path, 'a', [dict(loss=1.0, lr=0.1, step=1), dict(mIoU=50.0, step=2)])
    plot_curves(tmp_path, tmp_path / 'c.png')
    assert (tmp_path / 'c.png').read_bytes().startswith(b'\x89PNG')


def test_ignored_pixels_are_black():
    painted = colour_labels(np.array([[0, 1, 255]]), PALETTE)
    assert painted.tolist() == [[[10, 20, 30], [200, 0, 0], [0, 0, 0]]]


def test_the_sheet_shows_image_truth_and_prediction_side_by_side():
    image = np.full((32, 64, 3), 77, np.uint8)
    truth, prediction = np.zeros((32, 64), int), np.ones((32, 64), int)
    sheet = draw_sheet(
        [(image, truth, prediction)], classes=('a', 'b'), palette=PALETTE, tile_width=64
    )
    middle = np.asarray(sheet)[32 + 16, [8 + 32, 80 + 32, 152 + 32]]
    assert middle.tolist() == [[77, 77, 77], *PALETTE]


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match='at least one scene'):
        draw_sheet([], classes=('a', 'b'), palette=PALETTE)
