"""What processes know of each other: claims, the journal, the record of settings."""

import json
import os
import subprocess
import sys

import pytest

from mmseg_deeplab.inference.claims import Claims
from mmseg_deeplab.inference.inputs import InputFile
from mmseg_deeplab.inference.journal import JOURNAL, Journal
from mmseg_deeplab.inference.model_source import ModelSource
from mmseg_deeplab.inference.settings import claim_folder, describe, digest
from mmseg_deeplab.inference.work_queue import WorkQueue

# Another process: it takes a name by the record locks of its own, then waits.
HOLDER = """
import fcntl, sys
from hashlib import sha256
place = int.from_bytes(sha256(sys.argv[2].encode()).digest()[:8], 'big') >> 2
file = open(sys.argv[1] + '/.infer.lock', 'r+')
fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
print('taken', flush=True)
sys.stdin.read()
"""


@pytest.fixture
def claims(tmp_path):
    found = Claims(tmp_path)
    yield found
    found.close()


def other_process(folder, name: str) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, '-S', '-c', HOLDER, str(folder), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b'taken\n'
    return process


def inputs(folder, count: int = 3) -> list[InputFile]:
    items = []
    for number in range(count):
        path = folder / 'in' / f'{number}.png'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b'x' * (number + 1))
        items.append(InputFile(str(path), str(number)))
    return items


def journal(folder, *, settings: str = 's', run: str = 'r', **options) -> Journal:
    return Journal(folder, settings=settings, run=run, **options)


def finish(log: Journal, item: InputFile) -> None:
    path = log.folder / f'{item.name}.out'
    path.touch()
    log.add(item, parts=['labels'], outputs=[path])


def test_a_claim_vanishes_with_its_process(tmp_path, claims):
    other = other_process(tmp_path, 'a/1')
    assert not claims.take('a/1')
    assert claims.take('a/2')
    other.kill()
    other.wait()
    assert claims.take('a/1')


def test_a_queue_waits_for_others_and_takes_over(tmp_path, claims):
    items, log = inputs(tmp_path), journal(tmp_path)
    other = other_process(tmp_path, '1')
    handed_out = []
    for item in WorkQueue(items, log, claims, ['labels']):
        handed_out.append(item and item.name)
        if item is None:
            other.kill()
            other.wait()
        else:
            finish(log, item)
    assert [name for name in handed_out if name] == ['0', '2', '1']
    assert None in handed_out


def test_a_queue_drops_what_others_have_done(tmp_path, claims):
    items, log = inputs(tmp_path), journal(tmp_path)
    queue = iter(WorkQueue(items, log, claims, ['labels']))
    assert next(queue).name == '0'
    finish(log, items[0])
    elsewhere = journal(tmp_path)
    finish(elsewhere, items[1])
    assert [item.name for item in queue] == ['2']
    # `2` was not noted as done: it is this process's, whose queue is empty now


def test_what_is_done_stays_done(tmp_path):
    (item, *_), log = inputs(tmp_path), journal(tmp_path)
    assert not log.is_done(item, ['labels'])
    finish(log, item)
    assert log.is_done(item, ['labels'])
    assert journal(tmp_path, run='later').is_done(item, ['labels'])


@pytest.mark.parametrize('change', ['input', 'output', 'settings', 'parts', 'fresh'])
def test_what_has_changed_is_not_done(tmp_path, change):
    (item, *_), log = inputs(tmp_path), journal(tmp_path)
    finish(log, item)
    options, parts = {}, ['labels']
    if change == 'input':
        (tmp_path / 'in/0.png').write_bytes(b'another picture')
    elif change == 'output':
        (tmp_path / '0.out').unlink()
    elif change == 'settings':
        options = dict(settings='other')
    elif change == 'fresh':
        options = dict(fresh=True, run='later')
    else:
        parts = ['labels', 'overlays']
    assert not journal(tmp_path, **options).is_done(item, parts)


def test_a_failure_counts_for_its_run_alone(tmp_path):
    (item, *_), log = inputs(tmp_path), journal(tmp_path)
    log.add_failure(item, 'broken')
    assert journal(tmp_path).failure(item) == 'broken'
    assert journal(tmp_path, run='later').failure(item) is None
    assert not journal(tmp_path).is_done(item, ['labels'])


def test_half_a_line_does_no_harm(tmp_path):
    items, log = inputs(tmp_path), journal(tmp_path)
    finish(log, items[0])
    with open(tmp_path / JOURNAL, 'a') as file:
        file.write('{"name": "1", "inp\n')
    finish(log, items[2])
    again = journal(tmp_path)
    assert [again.is_done(item, ['labels']) for item in items] == [True, False, True]


def test_news_are_told_once_and_from_all_processes(tmp_path):
    items, log, elsewhere = inputs(tmp_path), journal(tmp_path), journal(tmp_path)
    finish(elsewhere, items[0])
    log.add_failure(items[1], 'broken')
    assert log.news() == ['0', '1']
    assert log.news() == []


def test_another_input_does_not_take_the_place_of_an_earlier_one(tmp_path):
    (item, *_), log = inputs(tmp_path), journal(tmp_path)
    finish(log, item)
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / '0.png').write_bytes(b'another')
    with pytest.raises(ValueError, match=r'in/0\.png, .*other/0\.png'):
        log.check_names([InputFile(str(tmp_path / 'other/0.png'), '0')])


def test_inputs_that_were_moved_are_the_same(tmp_path):
    (item, *_), log = inputs(tmp_path), journal(tmp_path)
    finish(log, item)
    os.rename(tmp_path / 'in', tmp_path / 'moved')
    moved = InputFile(str(tmp_path / 'moved/0.png'), '0')
    log.check_names([moved])
    assert log.is_done(moved, ['labels'])


@pytest.fixture
def source(tmp_path):
    (tmp_path / 'model').mkdir()
    config, weights = tmp_path / 'model/a.py', tmp_path / 'model/a.pth'
    config.write_text("model = dict(type='A')\nmax_iters = 1")
    weights.write_bytes(b'weights')
    return ModelSource(str(config), str(weights))


def test_a_folder_takes_equal_settings_again(tmp_path, source):
    record = describe(source, dict(tta=True, crf=None, scale=(1, 2)))
    claim_folder(tmp_path / 'out', record, overwrite=False)
    claim_folder(tmp_path / 'out', json.loads(json.dumps(record)), overwrite=False)


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
    claim_folder(
        tmp_path / 'out', describe(source, dict(crf=str(crf))), overwrite=False
    )
    (tmp_path / 'model' / file).write_text(text)
    with pytest.raises(ValueError, match=rf'{told}.*--overwrite'):
        claim_folder(
            tmp_path / 'out', describe(source, dict(crf=str(crf))), overwrite=False
        )
    claim_folder(tmp_path / 'out', describe(source, dict(crf=str(crf))), overwrite=True)


def test_a_folder_refuses_other_options(tmp_path, source):
    claim_folder(tmp_path / 'out', describe(source, dict(tta=False)), overwrite=False)
    with pytest.raises(ValueError, match='tta was False, is True'):
        claim_folder(
            tmp_path / 'out', describe(source, dict(tta=True)), overwrite=False
        )


def test_names_and_training_settings_do_not_count(tmp_path, source):
    before = digest(describe(source, dict(tta=False)))
    other = tmp_path / 'model' / 'b.py'
    other.write_text("model = dict(type='A')  # the same\nmax_iters = 2")
    renamed = ModelSource(str(other), source.checkpoint)
    assert digest(describe(renamed, dict(tta=False))) == before


def test_a_folder_of_other_things_is_refused(tmp_path, source):
    (tmp_path / 'thesis.tex').touch()
    with pytest.raises(ValueError, match='is not empty'):
        claim_folder(tmp_path, describe(source, {}), overwrite=False)
    claim_folder(tmp_path, describe(source, {}), overwrite=True)
    assert (tmp_path / 'thesis.tex').exists()
