"""Classes and overrides on their way from the class list to the model."""

from argparse import ArgumentParser

import pytest
from training import train_here

from mmseg_deeplab.cli.arguments import add_overrides
from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.scan_config import scan_config
from mmseg_deeplab.datasets.export_streets import Request, export_streets

LEAF = """
_base_ = [
    '{root}/configs/_base_/models/deeplabv2_r101.py',
    '{root}/configs/_base_/datasets/folder.py',
    '{root}/configs/_base_/default_runtime.py',
    '{root}/configs/_base_/schedules/scratch_adamw.py',
]
model = dict(
    data_preprocessor=dict(size=(80, 144)),
    backbone=dict(depth=26, base_channels=8, frozen_bn='none', init_cfg=None),
    decode_head=dict(in_channels=256, num_classes=_base_.num_classes),
)
"""


@pytest.fixture
def leaf(root, tmp_path):
    path = tmp_path / 'leaf.py'
    path.write_text(LEAF.format(root=root))
    return path


@pytest.fixture
def data(tmp_path) -> str:
    """Return the root of a few scenes in folders, with a class list of 8 classes."""
    request = Request(layout='folder', num_train=4, num_val=2, size=(40, 72))
    return str(export_streets(tmp_path / 'data', request))


def test_num_classes_come_from_the_labels_file(leaf, data):
    head = "[dict(type='FCNHead', num_classes=_base_.num_classes)]"
    leaf.write_text(f'{leaf.read_text()}model.update(auxiliary_head={head})')
    cfg = read_config(leaf, dict(data_root=data))
    assert cfg.num_classes == 8
    assert cfg.model.decode_head.num_classes == 8
    assert cfg.model.auxiliary_head[0].num_classes == 8
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.data_root == data
        loads = [t for t in loader.dataset.pipeline if 'num_classes' in t]
        assert [step.num_classes for step in loads] == [8]


def test_other_variables_reach_all_splits(leaf, tmp_path):
    (tmp_path / 'two.json').write_text('["a", "b"]')
    options = dict(
        data_root=str(tmp_path),
        labels_file='two.json',
        seg_map_suffix='_mask.png',
        reduce_zero_label=True,
    )
    cfg = read_config(leaf, options)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert {key: loader.dataset[key] for key in options} == options
    assert cfg.model.decode_head.num_classes == 2


def test_number_that_the_user_sets_is_kept_and_found_by_the_scan(leaf, data):
    options = {'data_root': data, 'model.decode_head.num_classes': 5}
    cfg = read_config(leaf, options)
    report = scan_config(cfg, splits=('val',), progress=False)
    assert [fault.where for fault in report.faults] == ['model.decode_head']
    assert 'has 8 classes' in report.faults[0].message


def test_labels_file_may_be_elsewhere_but_not_missing(leaf, tmp_path):
    (tmp_path / 'own.txt').write_text('a\nb\nc\n')
    options = dict(labels_file=str(tmp_path / 'own.txt'))
    assert read_config(leaf, options).num_classes == 3
    with pytest.raises(FileNotFoundError, match=r'data/folder/labels\.txt.*data_root='):
        read_config(leaf)


def test_training_runs_with_data_root_alone(leaf, data, tmp_path):
    options = {f'{split}_dataloader__num_workers': 0 for split in ('train', 'val')}
    options |= dict(train_cfg__max_iters=1, train_cfg__val_interval=1)
    runner = train_here(leaf, tmp_path / 'out', data_root=data, **options)
    assert runner.model.decode_head.num_classes == 8
    assert runner.iter == 1
    # The config that the run leaves behind stands alone.
    dumped = next((tmp_path / 'out').glob('*.py'))
    cfg = read_config(dumped, dict(data_root=str(tmp_path / 'elsewhere')))
    assert cfg.model.decode_head.num_classes == 8


@pytest.mark.parametrize(
    ('option', 'named'),
    [
        ('crop_size.0', 'crop_size or model.data_preprocessor.size'),
        ('train_cfg.max_iter', 'train_cfg.max_iters'),
        ('optim_wraper.optimizer.lr', r'optim_wrapper\.optimizer\.lr'),
        ('test_pipeline', 'test_dataloader.dataset.pipeline'),
        ('model.decode_head.chanels', 'model.decode_head.channels'),
        ('model_for_data.decode_head.num_classes', 'model.decode_head.num_classes'),
        ('randomness.sed', 'does not take it, but seed'),
        ('train_dataloader.worker', 'train_dataloader does not take it'),
        ('log_processor.windowsize', 'does not take it'),
        ('optim_wrapper.clip_grad.max', 'does not take it'),
        ('default_hooks.checkpoints.interval', r'default_hooks\.checkpoint\.interval'),
        ('default_hooks.checkpoint.keep', 'TrustedCheckpointHook does not take it'),
        ('launcher', '--launcher'),
    ],
)
def test_an_option_that_would_change_nothing_names_the_right_one(root, option, named):
    with pytest.raises(ValueError, match=rf'{option} would change nothing.*{named}'):
        read_config(root / 'configs/deeplabv3_mobilenetv2_camvid.py', {option: 1})


@pytest.mark.parametrize(
    'option',
    [
        'randomness.seed',
        'optim_wrapper.clip_grad.max_norm',
        'model.decode_head.loss_decode.class_weight',
        'model.backbone.init_cfg.prefix',
        'default_hooks.checkpoint.save_best',
        'param_scheduler.0.last_step',
        'default_hooks.early.type',
        'train_dataloader.pin_memory',
        'randomness.deterministic',
    ],
)
def test_a_new_key_that_something_reads_is_set(root, option):
    node = read_config(root / 'configs/deeplabv3_mobilenetv2_camvid.py', {option: 1})
    for part in option.split('.'):
        node = node[int(part) if part.isdigit() else part]
    assert node == 1


def test_the_crop_size_reaches_crops_paddings_and_batches(root):
    path, size = root / 'configs/deeplabv3_r50_voc12aug_zoo_20k.py', (256, 320)
    cfg = read_config(path, dict(crop_size=size))
    assert cfg.model.data_preprocessor.size == size
    for dataset in cfg.train_dataloader.dataset.datasets:
        steps = {step.type: step for step in dataset.pipeline}
        assert steps['LeanRandomCrop'].crop_size == steps['Pad'].size == size


@pytest.mark.parametrize('workers', [0, 2])
def test_a_loader_without_workers_has_no_options_of_workers(root, workers):
    path = root / 'configs/deeplabv3_mobilenetv2_camvid.py'
    cfg = read_config(path, {'train_dataloader.num_workers': workers})
    assert ('persistent_workers' in cfg.train_dataloader) == (workers > 0)
    assert cfg.val_dataloader.persistent_workers


@pytest.mark.parametrize('text', ['2024', '007', '1e3', 'True'])
def test_a_folder_whose_name_looks_like_a_number_is_text(text):
    parser = ArgumentParser()
    add_overrides(parser)
    pairs = [f'data_root={text}', f'a.img_path={text}', f'max_iters={text}']
    found = parser.parse_args(['--cfg-options', *pairs, 'img_suffix=None']).cfg_options
    assert found['data_root'] == found['a.img_path'] == text
    assert not isinstance(found['max_iters'], str)
    assert found['img_suffix'] is None


@pytest.mark.parametrize('text', ['my data', '"my data"', ' my data'])
def test_a_text_keeps_its_blanks(text):
    parser = ArgumentParser()
    add_overrides(parser)
    pairs = ['--cfg-options', f'data_root={text}', 'size=(2, 3)']
    found = parser.parse_args(pairs).cfg_options
    assert found == dict(data_root='my data', size=(2, 3))


def test_a_variable_without_a_place_is_refused(root):
    path = root / 'configs/unet_camvid.py'  # it has a crop size of its own
    with pytest.raises(ValueError, match=r'crop_size.*pipeline\.3\.crop_size'):
        read_config(path, dict(crop_size=(64, 64)))
