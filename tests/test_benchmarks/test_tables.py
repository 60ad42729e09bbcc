"""The results table and the refinement table, from real runs."""

import json
from argparse import ArgumentParser, Namespace

import numpy as np
import pytest
from mmengine.config import Config
from training import few_streets, train_here

from benchmarks import refinement, results_table

CONFIG = 'configs/deeplabv2_r26_synthetic_streets.py'
SCHEDULE = 'configs/_base_/schedules/camvid_short.py'
SMALL = few_streets(4, (48, 96))


def arguments(module, *argv: object, **changes) -> Namespace:
    """Parse the options of a table and change some of them."""
    parser = ArgumentParser()
    module.add_options(parser)
    return Namespace(**vars(parser.parse_args([*map(str, argv)])) | changes)


def table_arguments(root, folder, **changes) -> Namespace:
    options = dict(cfg_options=SMALL, schedule=str(root / SCHEDULE), batch_size=2)
    options |= dict(steps=2, crop=[48, 64], tta_scales=[0.5, 1.0], output_stride=16)
    return arguments(results_table, '--work-dir', folder, **options | changes)


@pytest.mark.slow
def test_a_row_is_measured_once_and_has_the_metrics_of_its_logs(root, tmp_path):
    args = table_arguments(root, tmp_path, configs=[str(root / CONFIG)])
    results_table.run(args)
    (row,) = results_table.read_rows(tmp_path)
    assert row['steps'] == 2 and row['crop_size'] == [48, 64]
    assert row['image_size'] == [48, 96] and row['weights'] == 'none'
    for suffix in ('', '_tta', '_os16'):
        log = (tmp_path / row['config'] / f'test{suffix}' / 'test.log').read_text()
        assert f'mIoU: {row[f"mIoU{suffix}"]:.4f}' in log
    cells = results_table.table_text([row]).splitlines()[-1].split(' | ')
    assert cells[:3] == [f'| `{row["config"]}`', 'no', f'{row["mIoU"]:.2f}']
    assert (tmp_path / 'scatter.png').stat().st_size > 1000
    log = tmp_path / row['config'] / 'train.log'
    before = log.stat().st_mtime_ns
    assert results_table.run_row(args.configs[0], args) == row
    assert log.stat().st_mtime_ns == before
    args.steps = 3
    with pytest.raises(ValueError, match=r'steps.*\(2, 3\)'):
        results_table.run_row(args.configs[0], args)


def test_a_schedule_replaces_the_config_s_own_and_is_stretched(root, tmp_path):
    args = table_arguments(root, tmp_path, cfg_options={}, steps=400)
    config = str(root / 'configs/deeplabv3_r50_camvid.py')
    cfg, given = results_table.row_config(config, args), Config.fromfile(args.schedule)
    assert cfg.optim_wrapper == given.optim_wrapper  # nothing of SGD is left
    bounds = [(part.begin, part.end) for part in cfg.param_scheduler]
    assert bounds == [(0, 20), (20, 400)] and cfg.train_cfg.max_iters == 400
    assert cfg.train_dataloader.dataset.pipeline[3].crop_size == (48, 64)
    args.schedule, own = None, Config.fromfile(config)
    cfg = results_table.row_config(config, args)
    assert cfg.optim_wrapper == own.optim_wrapper


def test_initial_weights_are_those_given_or_none(root, tmp_path):
    config = str(root / 'configs/deeplabv3_r50_camvid.py')
    kind = Config.fromfile(config).model.backbone.type
    args = table_arguments(root, tmp_path, pretrained=[f'{kind}=r.pth'], cfg_options={})
    backbone = results_table.row_config(config, args).model.backbone
    assert backbone.init_cfg.checkpoint.endswith('/r.pth')
    args.pretrained = []
    assert results_table.row_config(config, args).model.backbone.init_cfg is None


def test_the_rows_of_the_refinement_table():
    args = arguments(refinement, 'c.py', 'c.pth')
    variants = refinement.list_variants(args)
    assert list(variants) == ['plain', 'MSC', 'CRF', 'MSC + CRF']
    assert variants['CRF'][0] == variants['MSC + CRF'][0] == ['--crf']
    args = arguments(refinement, 'c.py', 'c.pth', learned='l.py', tuned='t.py', crf='c')
    variants = refinement.list_variants(args)
    names = ['CRF', 'CRF, tuned', 'CRF, learned', 'MSC + CRF, tuned']
    assert list(variants)[2:] == names
    crf, settings = variants['MSC + CRF, tuned']
    assert crf == ['--crf', 't.py'] and settings


@pytest.mark.slow
def test_the_refinement_table_of_a_checkpoint(root, tmp_path):
    options = {key.replace('.', '__'): value for key, value in SMALL.items()}
    train_here(
        root / CONFIG, tmp_path, train_cfg__max_iters=10, train_cfg__val_interval=100,
        default_hooks__checkpoint__interval=10, crop_size=(48, 96), **options,
    )  # fmt: skip
    tuned, document = tmp_path / 'tuned.py', tmp_path / 'doc.md'
    tuned.write_text("crf = dict(type='DenseCRF', bilateral_xy=12, bilateral_rgb=8)")
    document.write_text('a\n<!-- table mine: start -->\n<!-- table mine: end -->\nb\n')
    small = [f'{key}={value}'.replace(' ', '') for key, value in SMALL.items()]
    args = arguments(
        refinement, root / CONFIG, tmp_path / 'iter_10.pth', '--tuned', tuned, '--name',
        'mine', '--document', document, '--work-dir', tmp_path / 'out',
        '--cfg-options', *small,
    )  # fmt: skip
    refinement.run(args)
    reports = json.loads((tmp_path / 'out' / 'table.json').read_text())
    assert list(reports) == ['plain', 'MSC', 'CRF', 'CRF, tuned', 'MSC + CRF, tuned']
    assert len({str(report['confusion']) for report in reports.values()}) == 5
    assert {np.sum(report['confusion']) for report in reports.values()} == {4 * 48 * 96}
    text = document.read_text()
    assert f'| plain | {reports["plain"]["metrics"]["mIoU"]:.2f} |' in text
    assert (tmp_path / 'out' / 'trimap.png').stat().st_size > 1000
