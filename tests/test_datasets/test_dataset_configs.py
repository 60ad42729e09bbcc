"""The data set bases: files in the layout that each one names go through both ways."""

import copy
import functools
from pathlib import Path

import cv2
import mmseg
import numpy as np
import pytest
from mmengine import Config
from mmengine.dataset import pseudo_collate
from mmseg.registry import DATASETS
from training import few_streets

from mmseg_deeplab.config.config_file import named_dicts, read_config
from mmseg_deeplab.config.scan_config import dataset_configs, scan_config
from mmseg_deeplab.datasets.export_streets import Request, export_streets
from mmseg_deeplab.datasets.street_scenes import CLASSES, render_scene

BASES = Path(__file__).parents[2] / 'configs/_base_/datasets'
# Panoptic ones are in test_panoptic_data.py.
NAMES = sorted(p.stem for p in BASES.glob('*.py') if '_panoptic' not in p.stem)
LAYOUTS = ('ade20k', 'camvid', 'cityscapes', 'coco_stuff10k', 'coco_stuff164k')
LAYOUTS += ('folder', 'voc')
# What the data sets call our classes; VOC has no name for most of them.
SYNONYMS = {
    'sidewalk': {'pavement'},
    'building': {'building-other'},
    'sky': {'sky-other'},
    'vegetation': {'tree'},
    'person': {'pedestrian'},
    'pole': {'metal'},
}
SIZE = (40, 72)
MMSEG_BASES = Path(mmseg.__file__).parent / '.mim/configs/_base_/datasets'


@pytest.fixture(scope='module')
def roots(tmp_path_factory) -> dict[str, str]:
    """Return the data_root of two scenes per split in each layout."""
    roots = {}
    for layout in LAYOUTS:
        request = Request(layout=layout, num_train=2, num_val=2, size=SIZE)
        folder = tmp_path_factory.mktemp(layout)
        roots[layout] = str(export_streets(folder, request))
    return roots


@pytest.fixture(scope='module')
def load(roots):
    """Return a function that reads a base for the written data."""

    @functools.cache
    def read(name: str) -> Config:
        if name == 'synthetic_streets':  # drawn scenes have no files
            return read_config(BASES / f'{name}.py', few_streets(2, SIZE))
        (layout,) = filter(name.startswith, LAYOUTS)
        cfg = read_config(BASES / f'{name}.py', dict(data_root=roots[layout]))
        for _, node in named_dicts(cfg._cfg_dict):
            if 'data_prefix' in node:
                node['serialize_data'] = False
        return cfg

    return lambda name: copy.deepcopy(read(name))


@pytest.fixture(params=NAMES)
def cfg(request, load) -> Config:
    return load(request.param)


def test_training_samples_fit_the_crop(cfg):
    for leaf in dataset_configs(cfg.train_dataloader):
        assert leaf.pipeline == cfg.train_pipeline
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    assert len(dataset.metainfo['classes']) == cfg.num_classes
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        label = sample.gt_sem_seg
        assert image.shape[1:] == label.shape
        assert all(s <= c for s, c in zip(label.shape, cfg.crop_size, strict=True))
        assert label.data[label.data != 255].max() < cfg.num_classes


def test_scan_finds_no_fault(cfg):
    report = scan_config(cfg, progress=False)
    assert report.num_faults == 0
    assert {found.num_samples for found in report.datasets} == {2}
    sizes = [size for found in report.datasets for size in found.sizes]
    assert set(sizes) == {SIZE}


def test_labels_are_those_of_the_scene(cfg):
    dataset = DATASETS.build(cfg.val_dataloader.dataset)
    classes = dataset.metainfo['classes']
    _, drawn = render_scene('val', 1, SIZE)
    found = dataset[1]['data_samples'].gt_sem_seg.data[0].numpy()
    for index, name in enumerate(CLASSES):
        names = {classes[value] for value in np.unique(found[drawn == index])}
        known = {name, *SYNONYMS.get(name, ())} & set(classes)
        assert names == (known or {'background'})


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('loader', ['val_dataloader', 'test_dataloader'])
def test_evaluation_resizes_the_image_alone_and_only_as_in_mmseg(load, name, loader):
    sample = DATASETS.build(load(name)[loader].dataset)[0]
    size = SIZE
    if name.endswith('_mmseg'):
        short = 1025 if 'cityscapes' in name else 512
        size = (short, int(SIZE[1] * short / SIZE[0] + 0.5))
    assert sample['inputs'].shape == (3, *size)
    assert sample['data_samples'].gt_sem_seg.shape == SIZE


def test_augmented_evaluation_keeps_the_label(cfg):
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = cfg.tta_pipeline
    views = DATASETS.build(dataset)[0]
    assert len(views['inputs']) == 6 * 2
    assert {sample.gt_sem_seg.shape for sample in views['data_samples']} == {SIZE}


def as_mmseg(node: object) -> object:
    """Replace our transforms by MMSegmentation's; those that load lose their settings.

    ``test_lean_transforms.py`` shows that ``LeanX`` does what ``X`` does.
    """
    if isinstance(node, dict) and 'Load' in str(node.get('type')):
        return node['type'].replace('Checked', '').replace('ImageFromFile', 'Image')
    if isinstance(node, dict):
        return {key: as_mmseg(value) for key, value in node.items()}
    if isinstance(node, str):
        return node.removeprefix('Lean')
    if isinstance(node, list | tuple):
        return [as_mmseg(value) for value in node]
    return node


@pytest.mark.skipif(
    not MMSEG_BASES.is_dir(), reason='MMSegmentation without its configs'
)
@pytest.mark.parametrize(
    'name, theirs',
    [
        ('ade20k_mmseg', 'ade20k'),
        ('cityscapes', 'cityscapes'),
        ('cityscapes_769_mmseg', 'cityscapes_769x769'),
        ('coco_stuff10k_mmseg', 'coco-stuff10k'),
        ('coco_stuff164k_mmseg', 'coco-stuff164k'),
        ('voc12aug_mmseg', 'pascal_voc12_aug'),
    ],
)
def test_protocol_of_mmseg_is_its_own(load_config, name, theirs):
    ours = load_config(f'_base_/datasets/{name}.py')
    theirs = Config.fromfile(MMSEG_BASES / f'{theirs}.py')
    assert ours.crop_size == theirs.crop_size
    for split in ('train', 'val', 'test'):
        key = f'{split}_dataloader'
        assert ours[key].batch_size == theirs[key].batch_size
        found, expected = (as_mmseg(c[key].dataset.to_dict()) for c in (ours, theirs))
        if name == 'cityscapes' and split != 'train':  # (2048, 1024) is its own size
            expected['pipeline'].pop(1)
        assert found == expected
    assert as_mmseg(ours.tta_pipeline) == as_mmseg(theirs.tta_pipeline)


@pytest.mark.parametrize(
    'name, expected',
    [
        ('ade20k', [255, 0, 149, 255]),
        ('coco_stuff10k', [255, 0, 149, 255]),
        ('coco_stuff164k', [0, 1, 150, 255]),
    ],
)
def test_zero_is_unlabelled_where_the_data_set_says_so(load, tmp_path, name, expected):
    dataset = DATASETS.build(load(name).val_dataloader.dataset)
    info = dataset.get_data_info(0)
    info['seg_map_path'] = str(tmp_path / 'label.png')
    stored = np.zeros(SIZE, np.uint8)
    stored[0, :4] = 0, 1, 150, 255
    cv2.imwrite(info['seg_map_path'], stored)
    label = dataset.pipeline(info)['data_samples'].gt_sem_seg.data[0]
    assert label[0, :4].tolist() == expected


@pytest.mark.parametrize(
    'name', ['camvid', 'cityscapes_769', 'folder', 'voc12', 'voc12aug', 'voc12aug_513']
)
def test_crops_are_deeplab_crops(load_config, name):
    crop_size = load_config(f'_base_/datasets/{name}.py').crop_size
    assert all(side % 8 == 1 for side in crop_size)


@pytest.mark.parametrize(
    'name, largest',
    [
        ('voc12aug', 1.5),
        ('coco_stuff164k', 1.5),
        ('voc12aug_513', 2.0),
        ('folder', 2.0),
    ],
)
def test_scales_are_those_of_the_papers(load_config, name, largest):
    pipeline = load_config(f'_base_/datasets/{name}.py').train_pipeline
    (choice,) = (step for step in pipeline if step.type == 'RandomChoice')
    scales = [branch[0].scale_factor for branch in choice.transforms]
    assert scales == np.arange(0.5, largest + 0.1, 0.25).tolist()


def test_voc_trains_on_both_annotations_or_on_its_own(load_config):
    def parts(name: str) -> list[tuple[str, str]]:
        cfg = load_config(f'_base_/datasets/{name}.py')
        leaves = dataset_configs(cfg.train_dataloader)
        return [(x.ann_file.split('/')[-1], x.data_prefix.seg_map_path) for x in leaves]

    own = [('train.txt', 'SegmentationClass')]
    assert parts('voc12') == own
    assert parts('voc12aug_513') == [*own, ('aug.txt', 'SegmentationClassAug')]
