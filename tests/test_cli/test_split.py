"""The command split, as it is typed."""

from argparse import ArgumentParser
from dataclasses import asdict

import cv2
import pytest
from predicting import write_image

from mmseg_deeplab.cli import run, split
from mmseg_deeplab.datasets.split_folder import SplitOptions


@pytest.fixture
def folder(tmp_path):
    """Four images, whose class list is a JSON file."""
    (tmp_path / 'labels.json').write_text('["road", "car #1"]')
    (tmp_path / 'labels').mkdir()
    for seed, stem in enumerate('abcd'):
        image = write_image(tmp_path / f'images/{stem}.png', (32, 34), seed)
        cv2.imwrite(str(tmp_path / f'labels/{stem}.png'), image[..., 0] // 128)
    return tmp_path


def test_options_not_given_are_those_of_the_library():
    parser = ArgumentParser()
    split.add_arguments(parser)
    given = vars(parser.parse_args(['DIR']))
    for name, value in asdict(SplitOptions()).items():
        assert given[name] == value, name


def test_it_prints_what_it_writes(folder, capsys):
    run('split', [str(folder), '--val', '0.25', '--workers', '0'])
    assert '| car #1      |     3 |   1 |' in capsys.readouterr().out
    lists = [(folder / f'{s}.txt').read_text().split() for s in ('train', 'val')]
    assert sorted(lists[0] + lists[1]) == ['a.png', 'b.png', 'c.png', 'd.png']
