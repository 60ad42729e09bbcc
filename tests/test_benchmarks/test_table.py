"""The comparison table: rows by real runs, made once; Markdown and plot from them."""

import json

import cv2
import pytest
from mmengine.config import Config

from benchmarks import table_report, table_run
from mmseg_deeplab import visualization as plots

CONFIG = 'configs/deeplabv2_r26_synthetic_streets.py'
SCHEDULE = 'configs/_base_/schedules/camvid_short.py'


def protocol(root, **options):
    options = (
        dict(
            crop_size=(48, 64),
            batch_size=2,
            schedule=str(root / SCHEDULE),
            steps=2,
            tta_scales=(0.5, 1.0),
            output_stride=16,
            options={
                f'{split}_dataloader.{key}': value
                for split in ('train', 'test')
                for key, value in {
                    'dataset.num_images': 4,
                    'dataset.size': (48, 64),
                    'num_workers': 0,
                    'persistent_workers': False,
                }.items()
            },
        )
        | options
    )
    return table_run.Protocol(**options)


@pytest.fixture(scope='module')
def table(root, tmp_path_factory):
    """Run one row: training, test, test with augmentation."""
    folder = tmp_path_factory.mktemp('table')
    row = table_run.run_row(str(root / CONFIG), folder, protocol(root))
    return folder, row


def test_row_says_what_was_run(table):
    _, row = table
    assert row['steps'] == 2 and row['crop_size'] == [48, 64]
    assert row['image_size'] == [48, 64] and row['weights'] == 'none'
    for name in ('mIoU', 'mIoU_tta', 'mIoU_os16'):
        assert 0 <= row[name] <= 100


def test_figures_are_those_of_the_logs(table):
    folder, row = table
    log = (folder / row['config'] / 'test.log').read_text()
    for name in ('mIoU', 'mIoU_tta', 'mIoU_os16'):
        assert f'mIoU: {row[name]:.4f}' in log


def test_finished_row_is_not_run_again(table, root):
    folder, row = table
    before = (folder / row['config'] / 'train.log').stat().st_mtime_ns
    again = table_run.run_row(str(root / CONFIG), folder, protocol(root))
    assert again == row
    assert (folder / row['config'] / 'train.log').stat().st_mtime_ns == before


def test_row_of_another_protocol_is_refused(table, root):
    with pytest.raises(ValueError, match=r'steps.*\(2, 3\)'):
        table_run.run_row(str(root / CONFIG), table[0], protocol(root, steps=3))


def test_failed_run_names_its_log(tmp_path):
    with pytest.raises(RuntimeError, match=r'train\.py ended with 1.*train\.log'):
        table_run.run_tool('train.py', [tmp_path / 'missing.py'], tmp_path)
    assert 'missing.py' in (tmp_path / 'train.log').read_text()


def test_schedule_is_stretched_whole(root):
    cfg = Config.fromfile(root / SCHEDULE)
    cfg.default_hooks = dict(checkpoint=dict())
    table_run.set_steps(cfg, 400)
    bounds = [(part.begin, part.end) for part in cfg.param_scheduler]
    assert bounds == [(0, 20), (20, 400)]
    assert cfg.train_cfg.max_iters == 400


def test_weights_of_the_protocol_or_none(root):
    given = protocol(root, pretrained={'ResNet': 'r.pth'})
    chosen, other = (
        Config(dict(b=dict(type=kind, init_cfg=dict(checkpoint='x')))).b
        for kind in ('ResNet', 'UNet')
    )
    for backbone in (chosen, other):
        table_run.set_weights(backbone, given)
    assert chosen.init_cfg.checkpoint.endswith('/r.pth')
    assert other.init_cfg is None


def test_markdown_and_plot_hold_every_row(table, tmp_path):
    folder, row = table
    rows = table_report.read_rows(folder)
    text = table_report.markdown(rows)
    cells = [cell.strip() for cell in text.splitlines()[-1].split('|')[1:-1]]
    assert cells[:3] == [f'`{row["config"]}`', 'no', f'{row["mIoU"]:.2f}']
    plots.plot_scatter([folder], tmp_path / 'plot.png')
    assert cv2.imread(str(tmp_path / 'plot.png')).std() > 1


def test_document_is_changed_between_its_marks_alone(tmp_path):
    document = tmp_path / 'doc.md'
    start, end = table_report.START.format('t'), table_report.END.format('t')
    document.write_text(f'before\n{start}\nold\n{end}\nafter\n')
    table_report.write_into(document, 't', 'new')
    assert document.read_text() == f'before\n{start}\n\nnew\n\n{end}\nafter\n'
    with pytest.raises(ValueError, match='add them'):
        table_report.write_into(document, 'other', 'new')


def test_best_row_comes_first(tmp_path):
    for name, score in (('a', 10.0), ('b', 30.0), ('c', 20.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'row.json').write_text(json.dumps(dict(mIoU=score)))
    assert [row['mIoU'] for row in table_report.read_rows(tmp_path)] == [30, 20, 10]
    with pytest.raises(FileNotFoundError, match='no row is finished'):
        table_report.read_rows(tmp_path / 'a')


def test_given_schedule_replaces_the_own_one(root):
    cfg = table_run.row_config(
        str(root / 'configs/deeplabv3_r50_camvid.py'), protocol(root, options={})
    )
    given = Config.fromfile(root / SCHEDULE)
    assert cfg.optim_wrapper == given.optim_wrapper  # nothing of SGD is left
    assert len(cfg.param_scheduler) == len(given.param_scheduler)


def test_own_schedule_is_kept_where_none_is_given(root):
    own = Config.fromfile(root / CONFIG)
    cfg = table_run.row_config(str(root / CONFIG), protocol(root, schedule=None))
    assert cfg.optim_wrapper == own.optim_wrapper
    assert cfg.train_cfg.max_iters == 2


def test_what_a_network_cannot_do_is_left_out(root):
    cfg = table_run.row_config(str(root / CONFIG), protocol(root))
    asked = protocol(root, output_stride=8)
    assert table_run.evaluations(cfg, asked)['_os8'] == ['--output-stride', '8']
    cfg.model.backbone = dict(type='UNet')
    assert table_run.evaluations(cfg, asked)['_os8'] is None


def test_own_crop_is_kept_and_padded_networks_are_counted(root):
    given = protocol(root, crop_size=None, options={})
    cfg = table_run.row_config(str(root / 'configs/unet_camvid.py'), given)
    assert tuple(cfg.model.data_preprocessor.size) == (352, 352)  # multiples of 16
    cfg.test_dataloader.dataset = dict(
        type='SyntheticStreets',
        split='val',
        num_images=1,
        size=(90, 120),
        pipeline=cfg.test_dataloader.dataset.pipeline,
    )
    row = table_run.describe('unet_camvid.py', cfg, given)
    assert row['image_size'] == [96, 128] and row['crop_size'] == [352, 352]
    assert row['multiply_adds'] > 0
