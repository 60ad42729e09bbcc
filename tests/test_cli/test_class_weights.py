"""The command class-weights, and a training with the file that it writes."""

import json
from functools import partial

import numpy as np
import pytest
from training import TRAIN, Server, write_config


@pytest.fixture
def tool(command):
    """Return a function that runs the command and returns what it printed."""
    return partial(command, 'class-weights', '--workers', 0)


def test_a_table_is_printed_and_a_file_written(tool, tmp_path):
    config = write_config(tmp_path)
    out = tool(config, '--method', 'inverse', '--out', tmp_path / 'w.json')
    written = json.loads((tmp_path / 'w.json').read_text())
    assert np.mean(written) == pytest.approx(1.0)
    rows = [line.split('|') for line in out.splitlines() if line.startswith('|')][1:]
    pixels = np.array([int(row[3]) for row in rows])
    np.testing.assert_allclose(written, (1 / pixels) / (1 / pixels).mean())
    assert f"class_weight='{tmp_path}/w.json'" in out
    assert (tmp_path / 'w.classes.txt').read_text() == 'a\nb\nc\n'


@pytest.mark.slow
def test_mixins_reach_a_training_and_its_dumped_config(tool, server: Server, tmp_path):
    config = write_config(tmp_path, iters=1)
    tool(config, '--out', tmp_path / 'w.npy')
    code = server.run(
        TRAIN, config, '--work-dir', tmp_path / 'run',
        '--mixin', 'class_weight', 'ema', 'ohem', '--cfg-options',
        f'model.decode_head.loss_decode.class_weight={tmp_path}/w.npy',
        log=tmp_path / 'log',
    )  # fmt: skip
    assert code == 0, (tmp_path / 'log').read_text()
    dumped = (tmp_path / 'run' / 'tiny.py').read_text()
    for piece in ('w.npy', 'EMAHook', 'HardPixelCrossEntropy'):
        assert piece in dumped


def test_a_fault_of_the_data_is_one_line_and_nothing_is_written(tool, tmp_path):
    config = write_config(tmp_path)
    options = ('--cfg-options', 'train_dataloader.dataset.data_root=no')
    with pytest.raises(SystemExit, match='faults'):
        tool(config, '--out', tmp_path / 'w.json', *options)
    assert not (tmp_path / 'w.json').exists()
