"""tools/tune_crf.py: whole runs, and tools/test.py with what they write."""

import json
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from training import ROOT, TEST, Server, train_here, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.crf_tuning.tuning_images import choose_images

TUNE = str(ROOT / 'tools' / 'tune_crf.py')
SMALL_SEARCH = (
    '--bilateral-weight', '2:2:4', '--bilateral-xy', '5:10:15', '--bilateral-rgb', '4',
    '--fine-rounds', '1', '--device', 'cpu',
)  # fmt: skip


@pytest.fixture(scope='module')
def network(tmp_path_factory) -> tuple[Path, Path]:
    """Return a config on eight images in three classes, and weights fitted to them.

    The network knows the classes and not, at output stride 32, their borders. The val
    split are all images, and so is the test split.
    """
    folder = tmp_path_factory.mktemp('network')
    config = write_config(folder, iters=20, interval=20)
    optimizer = dict(type='AdamW', lr=0.01, _delete_=True)
    train_here(config, folder / 'run', optim_wrapper__optimizer=optimizer)
    return config, folder / 'run' / 'iter_20.pth'


def reported(log: Path, row: str) -> list[float]:
    """Read a row of the table that the tool prints."""
    found = re.search(rf'^{row} \(\d+ images\) +(.*)$', log.read_text(), re.MULTILINE)
    return [float(miou) for miou in found[1].split()]


def trials(database: Path) -> list[tuple]:
    """Read what a study holds, without Optuna; nothing while it is being made."""
    query = 'SELECT trial_id, param_name, param_value FROM trial_params'
    try:
        with closing(sqlite3.connect(f'file:{database}?mode=ro', uri=True)) as found:
            return found.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []


@pytest.mark.slow
def test_the_miou_is_that_of_the_test_tool(server: Server, network, tmp_path):
    config, weights = network
    work_dir, log = tmp_path / 'crf', tmp_path / 'log'
    argv = (config, weights, '--work-dir', work_dir, '--num-images', 3, *SMALL_SEARCH)
    assert server.run(TUNE, *argv, log=log) == 0, log.read_text()
    _, holdout = choose_images(read_config(config), num_images=3)
    indices = ','.join(map(str, holdout.indices))
    code = server.run(
        TEST, config, weights, '--work-dir', tmp_path / 'test',
        '--crf', work_dir / 'crf.py',
        '--cfg-options', f'test_dataloader.dataset.indices={indices}',
        log=tmp_path / 'test.log',
    )  # fmt: skip
    assert code == 0, (tmp_path / 'test.log').read_text()
    without, _, tuned = reported(log, 'holdout')
    found = re.findall(r'mIoU: ([\d.]+)', (tmp_path / 'test.log').read_text())
    assert float(found[-1]) == pytest.approx(tuned, abs=0.006)
    assert abs(tuned - without) > 0.1


@pytest.mark.slow
def test_a_killed_search_goes_on(server: Server, network, tmp_path):
    config, weights = network
    work_dir, log = tmp_path / 'crf', tmp_path / 'log'
    argv = (config, weights, '--work-dir', work_dir, '--num-images', 4, *SMALL_SEARCH)
    process = server.start(TUNE, *argv, log=log)
    process.wait_until(lambda: trials(work_dir / 'search.db'))
    process.send(signal.SIGKILL)
    process.wait()
    before = trials(work_dir / 'search.db')
    cached = {file: file.stat().st_mtime_ns for file in work_dir.glob('cache/*.npy')}
    assert len(cached) == 4
    assert server.run(TUNE, *argv, log=log) == 0, log.read_text()
    assert set(before) <= set(trials(work_dir / 'search.db'))
    results = json.loads((work_dir / 'search.json').read_text())['results']
    triples = {tuple(entry.values())[:3] for entry in results}
    number = len(trials(work_dir / 'search.db')) / 3
    assert len(triples) == len(results) == number  # none was evaluated twice
    assert all(file.stat().st_mtime_ns == time for file, time in cached.items())


@pytest.mark.slow
def test_learning_with_augmentation_writes_a_fragment(
    server: Server, network, tmp_path
):
    config, weights = network
    log, work_dir = tmp_path / 'log', tmp_path / 'crf'
    code = server.run(
        TUNE, config, weights, '--work-dir', work_dir, '--learn', '--epochs', 1,
        '--num-images', 2, '--num-holdout', 2, '--num-iterations', 2, '--tta', log=log,
    )  # fmt: skip
    assert code == 0, log.read_text()
    learned = (work_dir / 'crf_learned.py').read_text()
    assert '2 mean-field iterations' in learned and 'compatibility=[' in learned
