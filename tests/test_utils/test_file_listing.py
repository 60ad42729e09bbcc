"""The files below a folder, with whatever else is there."""

import os

import pytest

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_listing import files_below
from mmseg_deeplab.utils.text_files import decode_text


@pytest.fixture
def folder(tmp_path):
    for name in ('b/1.png', 'a.png', 'b/c/2.png', '.hidden.png', '.git/3.png'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_hidden_files_are_left_out(folder):
    found = files_below(folder)
    assert found.names == ['a.png', 'b/1.png', 'b/c/2.png']
    assert not found.passed_over


def test_links_to_folders_and_files_are_followed(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp('outside')
    (outside / 'd').mkdir()
    (outside / 'd/4.png').touch()
    (folder / 'a-link').symlink_to(outside)
    (folder / 'link.png').symlink_to(folder / 'a.png')
    names = ['a.png', 'link.png', 'a-link/d/4.png', 'b/1.png', 'b/c/2.png']
    assert files_below(folder).names == names


def test_links_that_lead_back_are_read_once(folder):
    for number in range(12):  # 12! paths lead through them
        (folder / f'loop{number}').symlink_to(folder)
        (folder / f'b/loop{number}').symlink_to(folder / 'b')
    (folder / 'a-b').symlink_to(folder / 'b')  # a name before that of the folder
    (folder / 'self').symlink_to(folder / 'self')
    found = files_below(folder)
    assert found.names == ['a.png', 'b/1.png', 'b/c/2.png']
    assert len(found.passed_over) == 26
    assert 'read already' in found.passed_over['a-b']
    assert 'broken link' in found.passed_over['self']


def test_what_is_no_file_is_passed_over(folder):
    os.mkfifo(folder / 'pipe.png')
    (folder / 'null.png').symlink_to('/dev/null')
    (folder / 'gone.png').symlink_to('nowhere')
    found = files_below(folder)
    assert len(found.names) == 3
    assert sorted(found.passed_over) == ['gone.png', 'null.png', 'pipe.png']


def test_names_of_any_bytes_and_of_any_length(folder):
    names = [b'\xff.png', b'n' * 251 + b'.png', b'new\nline.png', b'e\xcc\x81.png']
    for name in names:
        (folder / os.fsdecode(name)).touch()
    assert {os.fsencode(name) for name in files_below(folder).names} >= {*names}


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_text_of_any_editor(encoding):
    assert decode_text('gr\u00fcn\n'.encode(encoding), 'x') == 'gr\u00fcn\n'


@pytest.mark.parametrize('encoding', ['latin-1', 'utf-16-le', 'utf-32'])
def test_other_encodings_are_refused(encoding):
    with pytest.raises(InputError, match=r'x\.txt: .*UTF-8'):
        decode_text('gr\u00fcn\n'.encode(encoding), 'x.txt')
