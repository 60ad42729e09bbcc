"""What predictions were made with, and which of them are finished."""

import math
import os
import time
from pathlib import Path

import pytest

from mmseg_deeplab.inference.input_files import InputFile
from mmseg_deeplab.inference.model_source import ModelSource
from mmseg_deeplab.inference.output_files import FileOutputs
from mmseg_deeplab.inference.output_folder import (
    RECORD,
    describe,
    open_folder,
    recorded,
    remove_parts,
    write_record,
)


@pytest.fixture
def source(tmp_path):
    (tmp_path / 'model').mkdir()
    config, weights = tmp_path / 'model/a.py', tmp_path / 'model/a.pth'
    config.write_text("model = dict(type='A')\nmax_iters = 1")
    weights.write_bytes(b'weights')
    return ModelSource(str(config), str(weights))


def prepare(tmp_path, source, *, overwrite=False, **options):
    """Do what a prediction does before its first output."""
    record = describe(source, options)
    since = open_folder(tmp_path / 'out', record, overwrite=overwrite)
    if since in (0, math.inf):
        write_record(tmp_path / 'out', record, begun=time.time() if overwrite else 0)
    return since


def test_a_folder_takes_equal_settings_again(tmp_path, source):
    options = dict(tta=True, crf=None, scale=(1, 2), root='/in')
    assert prepare(tmp_path, source, **options) == 0
    since = (tmp_path / 'out' / RECORD).stat().st_mtime
    assert prepare(tmp_path, source, **options) == since
    assert recorded(tmp_path / 'out', 'root') == '/in'


@pytest.mark.parametrize(
    ('file', 'text', 'told'),
    [
        ('a.pth', 'other weights', 'checkpoint was .*a.pth .*, is .*a.pth'),
        ('a.py', "model = dict(type='B')", 'config was'),
        ('crf.py', 'crf = dict(num_iterations=3)', 'crf was'),
    ],
)
def test_a_folder_refuses_other_files_of_the_same_name(
    tmp_path, source, file, text, told
):
    crf = tmp_path / 'model' / 'crf.py'
    crf.write_text('crf = dict()')
    prepare(tmp_path, source, crf=str(crf))
    (tmp_path / 'model' / file).write_text(text)
    with pytest.raises(ValueError, match=rf'{told}.*--overwrite'):
        prepare(tmp_path, source, crf=str(crf))
    prepare(tmp_path, source, crf=str(crf), overwrite=True)
    prepare(tmp_path, source, crf=str(crf))


@pytest.mark.parametrize(('begun', 'is_new'), [(0, False), (100, False), (150, True)])
def test_of_several_processes_one_writes_the_record(tmp_path, source, begun, is_new):
    """A later record would make the outputs of the others old."""
    prepare(tmp_path, source)
    path = tmp_path / 'out' / RECORD
    os.utime(path, (120, 120))
    write_record(tmp_path / 'out', describe(source, {}), begun=begun)
    assert (path.stat().st_mtime != 120) == is_new


@pytest.mark.parametrize('name', ['tta', 'root'])
def test_a_folder_refuses_other_options(tmp_path, source, name):
    prepare(tmp_path, source, **{name: 'a'})
    with pytest.raises(ValueError, match=f"{name} was 'a', is 'b'"):
        prepare(tmp_path, source, **{name: 'b'})


def test_names_and_training_settings_do_not_count(tmp_path, source):
    prepare(tmp_path, source)
    other = tmp_path / 'model' / 'b.py'
    other.write_text("model = dict(type='A')  # the same\nmax_iters = 2")
    prepare(tmp_path, ModelSource(str(other), source.checkpoint))


@pytest.mark.parametrize(
    ('name', 'told'),
    [('thesis.tex', 'not empty'), (RECORD, 'is not the record of a prediction')],
)
def test_a_folder_of_other_things_is_refused(tmp_path, source, name, told):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / name).write_text('{"half": ')
    with pytest.raises(ValueError, match=told):
        prepare(tmp_path, source)
    prepare(tmp_path, source, overwrite=True)
    assert (tmp_path / 'out' / name).exists()


def test_a_checkpoint_that_is_not_there_is_told_and_nothing_is_written(
    tmp_path, source
):
    with pytest.raises(FileNotFoundError, match='typo'):
        prepare(tmp_path, ModelSource(source.config, f'{source.checkpoint}_typo'))
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['a/1', 'a/1.jpg'])
def test_what_a_killed_process_has_half_written_is_removed(tmp_path, name):
    stem, gone = name[2:], 2**22 + 1  # no process has such a number
    places = {
        f'labels/a/.{stem}.png.{gone}.part': True,
        f'overlays/a/.{stem}.mp4.{gone}.part': True,
        f'labels/a/.others.png.{gone}.part': False,  # of another input
        f'labels/a/.{stem}.png.{os.getpid()}.part': False,  # is being written
        f'labels/a/.{stem}.mp4.part': False,  # of a download
        f'labels/a/.{stem}.exe.{gone}.part': False,  # never written here
        f'elsewhere/a/.{stem}.png.{gone}.part': False,
    }
    for place in places:
        write(tmp_path / place, 100)
    remove_parts(tmp_path, {name})
    assert {place: not (tmp_path / place).exists() for place in places} == places


@pytest.mark.parametrize('out', ['s3://bucket/out', 'hdfs:/out', 'https://a.b/c'])
def test_a_folder_that_is_no_local_one_is_refused(out):
    with pytest.raises(ValueError, match='local disk'):
        FileOutputs(Path(out))


def write(path, time):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time, time))


@pytest.mark.parametrize(
    ('times', 'finished'),
    [
        (dict(input=100, labels=200, overlays=200), True),
        (dict(input=100, labels=200), False),
        (dict(input=100, overlays=200), False),
        (dict(input=300, labels=200, overlays=200), False),  # the input is newer
        (dict(input=100, labels=120, overlays=120), False),  # of an earlier record
        (dict(labels=200, overlays=200), False),  # a missing input is to be told
    ],
)
def test_what_is_finished(tmp_path, times, finished):
    outputs = FileOutputs(tmp_path)
    item = InputFile(str(tmp_path / 'in.jpg'), 'a/in')
    paths = dict(
        input=tmp_path / 'in.jpg',
        labels=tmp_path / 'labels/a/in.png',
        overlays=tmp_path / 'overlays/a/in.jpg',
    )
    for name, seconds in times.items():
        write(paths[name], seconds)
    assert outputs.are_finished(item, since=150) == finished


def test_more_outputs_can_be_asked_for(tmp_path):
    item = InputFile(str(tmp_path / 'in.tif'), 'in')
    write(tmp_path / 'in.tif', 100)
    write(tmp_path / 'labels/in.tif', 200)
    assert FileOutputs(tmp_path).are_finished(item, since=0)
    assert not FileOutputs(tmp_path, probabilities=True).are_finished(item, since=0)
