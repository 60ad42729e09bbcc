"""How outputs are named after their inputs."""

import os

import pytest

from mmseg_deeplab.utils.output_names import output_names


@pytest.mark.parametrize(
    ('paths', 'root', 'names'),
    [
        (['/d/a/1.jpg', '/d/b/1.jpg'], None, ['a/1', 'b/1']),
        (['/d/a/1.jpg', '/d/a/2.jpg'], None, ['1', '2']),
        (['/d/a/1.jpg', '/d/a/2.jpg'], '/d', ['a/1', 'a/2']),
        (['/d/a/1.jpg', '/e/1.jpg'], '/d', ['d/a/1', 'e/1']),  # /d does not hold all
        (['/d/a.jpg', '/d/a.png', '/d/b.c.png'], None, ['a.jpg', 'a.png', 'b.c']),
        (['/d/1.jpg', '/d/1.jpg'], None, ['1', '1']),  # one file, twice
        (['s3://k/a/1.png', 's3://k/b/1.png'], 's3://k', ['a/1', 'b/1']),
        (['a/1.png', 'b/../a/2.png'], None, ['1', '2']),
        ([], None, []),
    ],
)
def test_names_lie_as_the_files_below_their_folder(paths, root, names):
    assert output_names(paths, root) == names


def test_other_files_of_a_folder_count():
    found = output_names(['/d/1.jpg'], beside=lambda folder: ['1.png', '2.jpg'])
    assert found == ['1.jpg']


def test_two_files_of_one_name_are_refused_with_both():
    paths = ['/d/1.jpg', '/d/1.png', '/d/1.jpg.png']
    with pytest.raises(ValueError, match=r"/d/1\.jpg and /d/1\.jpg\.png .* '1\.jpg'"):
        output_names(paths)


def test_the_names_of_many_files_are_all_different(tmp_path):
    """Every pair of a folder and a name: as many outputs as files."""
    folders = ('', 'a', 'b', 'a/b')
    paths = [str(tmp_path / f / f'{n}{s}') for f in folders for n in 'xy'
             for s in ('.png', '.jpg')]  # fmt: skip
    names = output_names(paths)
    assert len(set(names)) == len(paths) == 16
    for path, name in zip(paths, names, strict=True):
        assert os.path.join(tmp_path, name) == path  # both suffixes are there
