"""Which files a command line names, and what their outputs are called."""

import glob
import os
import re
from pathlib import Path

import pytest

from mmseg_deeplab.inference.input_files import find_inputs, read_list
from mmseg_deeplab.inference.model_source import ModelSource, split_models


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Make some empty files in the current folder."""
    names = [
        'photos/a/1.jpg', 'photos/a/2.PNG', 'photos/b/1.png', 'photos/.hidden.png',
        'photos/.cache/1.png', 'photos/notes.txt', 'scans/1.tif', 'films/1.mp4',
    ]  # fmt: skip
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str, **options) -> list[str]:
    return [item.name for item in find_inputs(arguments, **options)[1]]


@pytest.mark.parametrize(
    ('arguments', 'expected'),
    [
        (['photos'], ['a/1', 'a/2', 'b/1']),
        (['photos/'], ['a/1', 'a/2', 'b/1']),
        (['photos/a', 'scans'], ['photos/a/1', 'photos/a/2', 'scans/1']),
        (['photos/a/1.jpg'], ['1']),
        (['photos/a/1.jpg', 'photos/b/1.png'], ['a/1', 'b/1']),
        (['photos/*/1.*'], ['a/1', 'b/1']),
        (['**/1.*'], ['films/1', 'photos/a/1', 'photos/b/1', 'scans/1']),
        (['photos/a', 'photos/a/1.jpg', './photos/a'], ['1', '2']),
        (['films'], ['1']),
    ],
    ids=' '.join,
)
def test_names_are_those_below_the_common_folder(files, arguments, expected):
    assert names(*arguments) == expected


def test_listed_files_need_not_exist(files):
    assert names(listed=['photos/a/1.jpg', 'photos/c/gone.jpg']) == ['a/1', 'c/gone']


def test_files_that_differ_in_the_suffix_keep_it_also_when_they_come_alone(files):
    (files / 'photos/a/1.png').touch()
    assert names('photos/a') == ['1.jpg', '1.png', '2']
    assert names('photos/a/*.png') == ['1.png']


def test_later_inputs_are_named_below_the_same_folder(files):
    root = str(files / 'photos')
    assert names('photos/a/1.jpg', root=root) == ['a/1']
    assert find_inputs(['scans'], root=root)[0] == str(files / 'scans')


def test_one_name_for_two_files_is_an_error_that_names_both(files):
    for name in ('1.png', '1.jpg.png'):
        (files / 'photos/a' / name).touch()
    with pytest.raises(ValueError, match=r"1\.jpg and .*1\.jpg\.png .* '1\.jpg'"):
        names('photos/a')


def test_the_outputs_of_an_earlier_run_are_no_inputs(files):
    (files / 'photos/out/labels').mkdir(parents=True)
    (files / 'photos/out/labels/1.png').touch()
    assert names('photos', out='photos/out') == ['a/1', 'a/2', 'b/1']


@pytest.mark.parametrize('argument', ['gone', 'gone/*.png', 'photos/[xy]*'])
def test_names_an_argument_that_is_nothing(files, argument):
    with pytest.raises(FileNotFoundError, match=re.escape(repr(argument))):
        names(argument)


def test_a_name_may_look_like_a_pattern(files):
    (files / 'scans/[1].tif').touch()
    assert names('scans/[1].tif') == ['[1]']


def test_what_is_left_out_is_counted_with_the_reason(files):
    os.mkfifo(files / 'photos/pipe.png')
    for name in ('photos/a/x.heic', 'photos/readme', 'out/notes.txt', 'scans/2.jfif'):
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).touch()
    found = find_inputs(['.'], out='out')
    assert [item.name for item in found.files][-1] == 'scans/2'
    reasons = {os.path.relpath(k, files): why for k, why in found.left_out.items()}
    assert reasons == {
        'photos/pipe.png': 'it is a pipe, a device or a broken link',
        'photos/a/x.heic': '.heic is no suffix that is read',
        'photos/notes.txt': '.txt is no suffix that is read',
        'photos/readme': 'it has no suffix',
    }


@pytest.mark.parametrize(
    'pattern', ['**/*.png', 'photos/**/1.*', 'photos/**', 'p*/**/b/*.png', '**/a/**']
)
def test_patterns_are_those_of_the_shell_without_going_round(files, pattern):
    wanted = [
        path for path in glob.glob(pattern, recursive=True) if Path(path).is_file()
    ]
    for number in range(10):
        (files / f'photos/loop{number}').symlink_to(files / 'photos')
    found = [os.path.relpath(item.path) for item in find_inputs([pattern]).files]
    assert sorted(found) == sorted(wanted)


def test_a_pipe_that_is_named_is_an_input_that_will_fail(files):
    os.mkfifo(files / 'photos/pipe.png')
    assert names('photos/pipe.png', 'photos/a/1.jpg') == ['pipe', 'a/1']
    assert names('photos/p*.png') == ['pipe']


@pytest.mark.parametrize(
    'content',
    [
        b'a.png\r\n\r\n b.png\r\n',
        b'\xef\xbb\xbfa.png\n b.png',
        'a.png\r\n b.png\r\n'.encode('utf-16'),
    ],
)
def test_lists_of_any_editor_are_read(content):
    assert read_list(content, 'list.txt') == ['a.png', ' b.png']


def test_a_list_may_hold_names_that_are_no_utf_8():
    (name,) = read_list(b'\xff.png\n', 'x')
    assert os.fsencode(name) == b'\xff.png'


def test_refuses_a_folder_without_images(files):
    (files / 'empty').mkdir()
    with pytest.raises(ValueError, match='no input: empty holds no file'):
        names('empty')


@pytest.mark.parametrize(
    ('arguments', 'models'),
    [
        (['a.py', 'a.pth'], [ModelSource('a.py', 'a.pth')]),
        (['m.onnx'], [ModelSource(None, 'm.onnx')]),
        (
            ['a.py', 'a.pth', 'm.PT2'],
            [ModelSource('a.py', 'a.pth'), ModelSource(None, 'm.PT2')],
        ),
    ],
)
def test_models_of_a_command_line(arguments, models):
    assert split_models(arguments) == models


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        ([], 'no model'),
        (['a.py'], "'a.py' stands alone"),
        (['a.py', 'm.onnx'], "'m.onnx' is an exported model"),
    ],
)
def test_refuses_half_a_model(arguments, match):
    with pytest.raises(ValueError, match=match):
        split_models(arguments)
