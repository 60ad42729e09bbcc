"""``tools/infer.py`` from outside: what it writes, skips, refuses and survives."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from mmseg.apis import inference_model, init_model
from PIL import Image
from predicting import write_image
from training import ROOT, Process, Server

INFER = str(ROOT / 'tools' / 'infer.py')


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        write_image(tmp_path / 'in' / 'a' / f'{number}.png', seed=number)
    write_image(tmp_path / 'in' / 'b.jpg', (33, 50))
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
        if path.suffix != '.part' and len(path.relative_to(folder).parts) > 1
    }


def test_writes_labels_overlays_and_probabilities(infer, folder, source):
    options = ('--out', 'out', '--probabilities', '--batch-size', 2, '--workers', 2)
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
    write_image(folder / 'in' / 'a' / 'new.png')
    (folder / 'out/labels/1.png').unlink()
    code, log = infer('in/a', *options)
    after = written(folder / 'out')
    assert code == 0, log
    assert after.keys() == before.keys() | {'labels/new.png'}
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {'labels/1.png'}


def test_other_options_and_inputs_are_refused_until_they_may_overwrite(infer, folder):
    write_image(folder / 'other' / '0.png', seed=9)
    infer('in/a', '--out', 'out')
    before = written(folder / 'out')
    for arguments, told in {
        ('in/a', '--output-stride', 16): 'output_stride was None, is 16',
        ('other',): "in/a', is ",
    }.items():
        code, log = infer(*arguments, '--out', 'out')
        assert code == 1
        assert log.splitlines()[-1].startswith('error: ') and told in log
        assert written(folder / 'out') == before
    again = ('--output-stride', 16, '--overwrite')
    assert infer('in/a', '--out', 'out', *again)[0] == 0
    after = written(folder / 'out')
    assert all(after[name] != before[name] for name in before)


def test_a_model_that_cannot_be_loaded_leaves_the_folder_as_it_is(
    infer, folder, source
):
    (folder / 'other.pth').write_bytes(b'no checkpoint')
    code, log = infer('in', '--out', 'out', model=(source.config, 'other.pth'))
    assert code == 1
    assert 'error: ' in log and 'other.pth' in log
    assert not (folder / 'out').exists()


def test_bad_files_of_a_list_are_told_at_the_end_and_the_others_are_done(infer, folder):
    (folder / 'in/a/0.png').write_bytes(b'no image')
    (folder / 'list').write_text('in/a/0.png\nin/a/1.png\n\nin/b.jpg\nin/gone.png\n')
    code, log = infer('--list', 'list', '--out', 'out', '--no-overlay')
    assert code == 1
    assert set(written(folder / 'out')) == {'labels/a/1.png', 'labels/b.png'}
    assert '2 of 4 inputs are predicted\n2 failed:' in log
    assert 'in/a/0.png: not a readable image' in log and 'gone.png: no such file' in log


def test_coco_json_lists_the_images_of_all_runs_but_of_no_other_model(infer, folder):
    def listed(name: str, *options: object) -> list[str]:
        infer(f'in/a/{name}.png', '--out', 'out', '--polygons', 'coco', *options)
        path = folder / 'out/coco.json'
        found = json.loads(path.read_text())['images'] if path.exists() else []
        return [image['file_name'] for image in found]

    content = (folder / 'in/a/0.png').read_bytes()
    (folder / 'in/a/0.png').write_bytes(b'no image')
    assert listed('0') == []
    (folder / 'in/a/0.png').write_bytes(content)
    assert listed('0') == ['0.png']
    assert listed('2') == ['0.png', '2.png']
    assert listed('1', '--output-stride', 16, '--overwrite') == ['1.png']


def labels(out: Path) -> list[Path]:
    return list(out.glob('labels/*.png'))


@pytest.mark.slow
@pytest.mark.parametrize('killed', [0, 1])
def test_the_files_of_a_killed_process_are_done_by_the_same_command(
    server, infer, source, folder, killed
):
    """Two processes share 40 links to one image; one of them is killed on its way."""
    out = folder / 'out'
    write_image(folder / 'many' / '0.png')
    for number in range(1, 40):
        os.link(folder / 'many/0.png', folder / 'many' / f'{number}.png')
    arguments = ('many', '--out', 'out', '--no-overlay', '--workers', 1)

    def start(rank: int) -> Process:
        return server.start(
            INFER, source.config, source.checkpoint, *arguments, '--device', 'cpu',
            log=folder / f'{rank}.log', cwd=folder, RANK=rank, WORLD_SIZE=2,
        )  # fmt: skip

    for _ in range(9):  # on a busy machine it may be over too soon
        victim = start(killed)
        victim.wait_until(lambda: len(labels(out)) >= 3)
        victim.send(signal.SIGKILL)
        assert victim.wait() in (0, -signal.SIGKILL)
        if (done := len(labels(out))) < 20:
            break
        shutil.rmtree(out)
    assert start(1 - killed).wait() == 0
    assert len(labels(out)) == done + 20
    before = written(out)
    code, log = infer(*arguments)
    assert code == 0, log
    assert 'out: 40 of 40 inputs are predicted' in log
    images = [np.array(Image.open(path)) for path in labels(out)]
    assert len(images) == 40
    assert all(np.array_equal(one, images[0]) for one in images)
    assert before.items() <= written(out).items()  # nothing is predicted twice


@pytest.mark.slow
def test_a_process_of_many_tells_bad_files_and_does_not_stop_the_others(infer, folder):
    (folder / 'in/a/0.png').write_bytes(b'no image')
    for rank, told in enumerate(('2 of 2', '1 of 2')):
        code, log = infer('in', '--out', 'out', '--no-overlay', RANK=rank, WORLD_SIZE=2)
        assert code == 0
        assert f'process {rank} of 2: out: {told} inputs are predicted' in log
