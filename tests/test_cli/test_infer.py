"""``tools/infer.py`` from outside: what it writes, skips, refuses and survives."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from mmseg.apis import inference_model, init_model
from PIL import Image
from predicting import write_model, write_picture
from training import ROOT, Process, Server

INFER = str(ROOT / 'tools' / 'infer.py')


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp('model'))


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        write_picture(tmp_path / 'in' / 'a' / f'{number}.png', seed=number)
    write_picture(tmp_path / 'in' / 'b.jpg', (33, 50))
    return tmp_path


@pytest.fixture
def infer(server: Server, source, folder):
    """Return a function that runs the tool in the folder: exit code and output."""

    def run(*arguments: object, model: tuple = (), **env: object) -> tuple[int, str]:
        log = folder / 'log'
        model = model or (source.config, source.checkpoint)
        code = server.run(
            INFER, *model, *arguments, '--device', 'cpu', log=log, cwd=folder, **env
        )
        return code, log.read_text()

    return run


def written(folder: Path) -> dict[str, int]:
    """Return all outputs with their date."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob('*.*')
        if path.is_file() and len(path.relative_to(folder).parts) > 1
    }


def journal(out: Path) -> list[dict]:
    path = out / 'infer.done.jsonl'
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def test_writes_labels_overlays_and_probabilities(infer, folder, source):
    options = ('--out', 'out', '--probabilities', '--batch-size', 2)
    code, log = infer('in', *options)
    assert code == 0, log
    assert 'out: 4 of 4 inputs are predicted' in log
    stems = ('a/0', 'a/1', 'a/2', 'b')
    kinds = dict(labels='png', overlays='jpg', probabilities='npy')
    assert set(written(folder / 'out')) == {
        f'{kind}/{stem}.{suffix}' for kind, suffix in kinds.items() for stem in stems
    }
    stock = init_model(source.config, source.checkpoint, device='cpu')
    for stem, name in (('a/1', 'a/1.png'), ('b', 'b.jpg')):
        expected = inference_model(stock, str(folder / 'in' / name)).pred_sem_seg.data
        labels = np.array(Image.open(folder / f'out/labels/{stem}.png'))
        assert (labels == expected[0].numpy()).mean() > 0.999
        probabilities = np.load(folder / f'out/probabilities/{stem}.npy')
        assert probabilities.shape == (8, *labels.shape)
        assert (probabilities.argmax(0) == labels).mean() > 0.99


def test_a_second_run_does_what_is_left(infer, folder):
    options = ('--out', 'out', '--no-overlay')
    infer('in/a', *options)
    before = written(folder / 'out')
    write_picture(folder / 'in' / 'a' / 'new.png')
    (folder / 'out/labels/1.png').unlink()
    code, log = infer('in/a', *options)
    after = written(folder / 'out')
    assert code == 0, log
    assert after.keys() == before.keys() | {'labels/new.png'}
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {'labels/1.png'}


def test_a_bad_file_is_told_at_the_end_and_the_others_are_done(infer, folder):
    (folder / 'in/a/0.png').write_bytes(b'no image')
    code, log = infer('in', '--out', 'out', '--no-overlay')
    assert code == 1
    assert '3 of 4 inputs are predicted\n1 failed:' in log
    assert 'in/a/0.png: not a readable image' in log.splitlines()[-1]
    write_picture(folder / 'in/a/0.png')
    assert infer('in', '--out', 'out', '--no-overlay')[0] == 0


def test_other_options_are_refused_until_they_may_overwrite(infer, folder):
    infer('in/b.jpg', '--out', 'out')
    before = written(folder / 'out')
    code, log = infer('in/b.jpg', '--out', 'out', '--output-stride', 16)
    assert code == 1
    assert log.splitlines()[-1].startswith('error: ')
    assert 'output_stride was None, is 16' in log
    assert written(folder / 'out') == before
    again = ('--output-stride', 16, '--overwrite')
    assert infer('in/b.jpg', '--out', 'out', *again)[0] == 0
    after = written(folder / 'out')
    assert all(after[name] != before[name] for name in before)


def test_a_list_of_paths(infer, folder):
    (folder / 'list').write_text('in/a/1.png\n\nin/b.jpg\nin/gone.png\n')
    code, log = infer('--list', 'list', '--out', 'out', '--no-overlay')
    assert code == 1
    assert set(written(folder / 'out')) == {'labels/a/1.png', 'labels/b.png'}
    assert 'in/gone.png: no such file' in log


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (('gone', '--out', 'out'), "input 'gone' does not exist"),
        (('in', '--out', 'out', '--crf', 'gone.py'), 'CRF fragment'),
    ],
)
def test_a_mistake_is_one_line(infer, folder, arguments, told):
    code, log = infer(*arguments)
    assert code == 1
    assert log.splitlines()[-1].startswith('error: ')
    assert told in log.splitlines()[-1]


def many(folder: Path, count: int = 60) -> Path:
    """Link one picture under many names."""
    write_picture(folder / 'many' / '0.png')
    for number in range(1, count):
        os.link(folder / 'many/0.png', folder / 'many' / f'{number}.png')
    return folder / 'many'


def wait_for_lines(process: Process, out: Path, count: int) -> None:
    process.wait_until(lambda: len(journal(out)) >= count)


def test_a_killed_process_leaves_its_files_to_the_other(server, source, folder):
    out, inputs = folder / 'out', many(folder)
    command = (INFER, source.config, source.checkpoint, inputs, '--out', out)

    def start(name: str) -> Process:
        options = ('--device', 'cpu', '--no-overlay')
        log = folder / f'{name}.log'
        return server.start(*command, *options, log=log, MMSEG_DEEPLAB_RUN=name)

    first = start('first')
    wait_for_lines(first, out, 3)
    first.send(signal.SIGSTOP)  # in the middle of its work, its files claimed
    mine = len(journal(out))
    assert mine < 60, 'it was over'
    second = start('second')
    wait_for_lines(second, out, mine + 20)
    count = 0
    while count != (count := len(journal(out))):
        time.sleep(0.5)
    assert count < 60  # the claimed ones are left alone
    first.send(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert second.wait() == 0, second.log.read_text()
    entries = journal(out)
    assert sorted(int(entry['name']) for entry in entries) == list(range(60))
    assert {entry['run'] for entry in entries} == {'first', 'second'}
    labels = [np.array(Image.open(path)) for path in (out / 'labels').iterdir()]
    assert len(labels) == 60
    assert all(np.array_equal(one, labels[0]) for one in labels)


def test_half_written_files_of_a_killed_process_are_removed(infer, folder):
    part = folder / 'out/labels/a/.1.png.4711.part'
    part.parent.mkdir(parents=True)
    part.write_bytes(b'half')
    assert infer('in', '--out', 'out', '--no-overlay', '--overwrite')[0] == 0
    assert not part.exists()


def fake_python(folder: Path) -> str:
    """Return a program that prints each argument that the interpreter would get."""
    script = folder / 'python'
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    script.chmod(0o755)
    return str(script)


def shell(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(ROOT / 'tools' / 'dist_infer.sh'), *map(str, arguments)],
        env=os.environ | {'PYTHON': fake_python(folder)},
        input='a.png\nb.png\n',
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize('model', [['my config.py', 'my ckpt.pth'], ['my model.onnx']])
def test_the_commands_of_the_dist_script(tmp_path, model):
    done = shell(*model, 3, 'my in', '--out', 'o', folder=tmp_path)
    assert done.returncode == 0, done.stderr
    tool = [INFER, *model, 'my in', '--out', 'o']
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=3',
        '--max_restarts=3', *tool, *tool,
    ]  # fmt: skip


def test_the_dist_script_hands_its_input_to_all_processes(tmp_path):
    done = shell('c.py', 'c.pth', 2, '-', '--out', 'o', folder=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[7:10] == ['c.pth', '--list', lines[9]]
    assert '-' not in lines
    assert not os.path.exists(lines[9])  # it was temporary


def test_the_dist_script_tells_its_usage(tmp_path):
    done = shell('c.py', 'c.pth', 2, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


def test_processes_of_one_run_do_not_repeat_a_failure(infer, folder):
    (folder / 'in/b.jpg').write_bytes(b'no image')
    options = ('in', '--out', 'out', '--no-overlay')
    for _ in range(2):
        code, log = infer(*options, MMSEG_DEEPLAB_RUN='one')
        assert code == 1
        assert 'in/b.jpg: not a readable image' in log
    assert [entry['name'] for entry in journal(folder / 'out')].count('b') == 1
