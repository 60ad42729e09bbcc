"""TensorBoard and Weights & Biases by a mixin, and what W&B knows of a training."""

import json
import struct
from pathlib import Path

import pytest
from training import ROOT, scalars, train_here, write_config

from mmseg_deeplab.config import read_config

LEAF = ROOT / 'configs' / 'deeplabv2_r50_camvid.py'
BLOCK = 32768  # bytes, of the files that LevelDB and W&B log into


def backends(*mixins: str) -> list[str]:
    """Return the types of the visualizer's backends."""
    cfg = read_config(str(LEAF), mixins=mixins)
    return [backend.type for backend in cfg.visualizer.vis_backends]


def test_mixins_of_the_visualizer_join():
    assert backends() == ['LocalVisBackend']
    assert backends('tensorboard') == ['LocalVisBackend', 'TensorboardVisBackend']
    both = ['LocalVisBackend', 'TensorboardVisBackend', 'IterationWandbVisBackend']
    assert sorted(backends('tensorboard', 'wandb')) == sorted(both)
    assert backends('wandb', 'wandb') == ['LocalVisBackend', both[2]]


def wandb_history(file: Path) -> list[dict]:
    """Read the logged rows of an offline run: protobuf records in LevelDB's log."""
    from wandb.proto import wandb_internal_pb2

    data, place, content, rows = file.read_bytes(), 7, b'', []
    while place + 7 <= len(data):
        if (left := BLOCK - place % BLOCK) < 7:  # no room for a header
            place += left
            continue
        _, size, kind = struct.unpack('<IHB', data[place : place + 7])
        content += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # the whole of a record, or its end
            items = wandb_internal_pb2.Record.FromString(content).history.item
            content = b''
            if items:
                values = (json.loads(item.value_json) for item in items)
                names = ('.'.join(item.nested_key) or item.key for item in items)
                rows.append(dict(zip(names, values, strict=True)))
    return rows


def test_wandb_knows_the_iteration_of_every_row(tmp_path, monkeypatch):
    wandb = pytest.importorskip('wandb')
    monkeypatch.setenv('WANDB_MODE', 'offline')
    monkeypatch.setenv('WANDB_SILENT', 'true')
    config, run = write_config(tmp_path, iters=2), tmp_path / 'run'
    train_here(config, run, mixins=['wandb'], train_cfg__val_interval=2)
    wandb.teardown()  # waits until the last row is on the disk
    (file,) = run.glob('*/vis_data/wandb/offline-run-*/*.wandb')
    rows = wandb_history(file)
    assert [row['iteration'] for row in rows] == [1, 2, 2]
    for name in ('loss', 'mIoU'):
        found = {row['iteration']: row[name] for row in rows if name in row}
        logged = {r['step']: r[name] for r in scalars(run) if name in r}
        assert found == pytest.approx(logged)
    assert not list(run.rglob('code/**/*.py'))  # nor does it upload the code
