"""SyntheticStreets as folders: MMSegmentation reads what was drawn."""

import json

import cv2
import numpy as np
import pytest
from mmseg.datasets import CityscapesDataset, PascalVOCDataset
from PIL import Image

from mmseg_deeplab.datasets import CityscapesPanopticDataset
from mmseg_deeplab.datasets import export_streets as export
from mmseg_deeplab.datasets.export_streets import MARKER, Request, export_streets
from mmseg_deeplab.datasets.street_scenes import CLASSES, render_panoptic, render_scene

SIZE = (48, 96)
LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]


def request(layout: str, **settings) -> Request:
    return Request(
        **(dict(layout=layout, num_train=3, num_val=2, size=SIZE) | settings)
    )


def names(dataset, label: np.ndarray) -> np.ndarray:
    return np.array(dataset.metainfo['classes'])[label]


@pytest.mark.parametrize('split, count', [('train', 3), ('val', 2)])
def test_cityscapes_reads_the_same_scenes(tmp_path, split, count):
    root = export_streets(tmp_path / 'cityscapes', request('cityscapes', seed=4))
    dataset = CityscapesDataset(
        data_root=str(root),
        data_prefix=dict(
            img_path=f'leftImg8bit/{split}', seg_map_path=f'gtFine/{split}'
        ),
        pipeline=LOAD,
    )
    assert len(dataset) == count
    for index in range(count):
        image, label = render_scene(split, index, SIZE, 4)
        sample = dataset[index]
        np.testing.assert_array_equal(sample['img'], image)
        found = names(dataset, sample['gt_seg_map'])
        np.testing.assert_array_equal(found, np.array(CLASSES)[label])


def test_cityscapes_has_the_same_instances(tmp_path):
    root = export_streets(tmp_path, request('cityscapes', num_train=1, size=(96, 192)))
    dataset = CityscapesPanopticDataset(
        data_root=str(root),
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=[dict(type='LoadPanopticAnnotations')],
    )
    _, drawn = render_panoptic('val', 1, (96, 192))
    sample = dataset[1]
    found = sample['gt_panoptic_seg']
    np.testing.assert_array_equal(
        names(dataset, sample['gt_seg_map']), np.array(CLASSES)[drawn // 1000]
    )
    pairs = {*zip(found.ravel().tolist(), drawn.ravel().tolist(), strict=True)}
    assert len(pairs) == len(np.unique(found)) == len(np.unique(drawn))
    np.testing.assert_array_equal(found % 1000 > 0, drawn % 1000 > 0)


@pytest.mark.parametrize(
    'name, folder, split, first, count',
    [
        ('train', 'SegmentationClass', 'train', 0, 3),
        ('aug', 'SegmentationClassAug', 'train', 3, 3),
        ('val', 'SegmentationClass', 'val', 0, 2),
    ],
)
def test_voc_reads_the_same_scenes(tmp_path, name, folder, split, first, count):
    root = export_streets(tmp_path, request('voc'))
    assert root == tmp_path / 'VOCdevkit/VOC2012'
    dataset = PascalVOCDataset(
        data_root=str(root),
        data_prefix=dict(img_path='JPEGImages', seg_map_path=folder),
        ann_file=f'ImageSets/Segmentation/{name}.txt',
        pipeline=LOAD,
    )
    assert len(dataset) == count
    for number in range(count):
        image, label = render_scene(split, first + number, SIZE)
        sample = dataset[number]
        found, drawn = names(dataset, sample['gt_seg_map']), np.array(CLASSES)[label]
        for known in ('car', 'person'):
            np.testing.assert_array_equal(found == known, drawn == known)
        assert set(np.unique(found)) <= {'car', 'person', 'background'}
        # JPEG changes pixels, but hardly their mean
        assert abs(sample['img'].mean() - image.mean()) < 1


def test_voc_labels_carry_the_palette_and_lists_name_their_splits(tmp_path):
    root = export_streets(tmp_path, request('voc'))
    label = Image.open(next((root / 'SegmentationClass').glob('*.png')))
    palette = PascalVOCDataset.METAINFO['palette']
    assert label.mode == 'P'
    assert label.getpalette()[:63] == np.ravel(palette).tolist()
    lists = root / 'ImageSets/Segmentation'
    names = {path.stem: path.read_text().split() for path in lists.glob('*.txt')}
    assert names['trainval'] == names['train'] + names['val']
    assert names['trainaug'] == names['train'] + names['aug']


def test_a_stopped_run_goes_on(tmp_path, monkeypatch):
    write, left = export.write_whole, [5]  # the settings and two scenes

    def stop_after_five(content, path):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        write(content, path)

    monkeypatch.setattr(export, 'write_whole', stop_after_five)
    with pytest.raises(KeyboardInterrupt):
        export_streets(tmp_path / 'a', request('voc'))
    monkeypatch.undo()
    stopped = tmp_path / 'a/VOCdevkit/VOC2012'
    assert not (stopped / 'ImageSets').exists()
    labels = (stopped / 'SegmentationClass').glob('*.png')
    finished = {path: path.stat().st_mtime_ns for path in labels}
    assert len(finished) == 2
    export_streets(tmp_path / 'a', request('voc'))
    export_streets(tmp_path / 'b', request('voc'))
    files = [path for path in (tmp_path / 'b').rglob('*') if path.is_file()]
    for path in files:
        twin = tmp_path / 'a' / path.relative_to(tmp_path / 'b')
        assert twin.read_bytes() == path.read_bytes()
    assert all(path.stat().st_mtime_ns == time for path, time in finished.items())
    assert not list(tmp_path.rglob('*.part'))


def test_another_data_set_is_left_alone(tmp_path):
    (tmp_path / 'leftImg8bit').mkdir()
    with pytest.raises(FileExistsError, match=r'real data set.*--out'):
        export_streets(tmp_path, request('cityscapes'))
    assert [path.name for path in tmp_path.iterdir()] == ['leftImg8bit']


def test_other_settings_do_not_mix(tmp_path):
    export_streets(tmp_path, request('cityscapes'))
    with pytest.raises(FileExistsError, match='other settings'):
        export_streets(tmp_path, request('cityscapes', seed=1))
    assert json.loads((tmp_path / MARKER).read_text())['seed'] == 0


def test_an_unknown_layout_is_named():
    with pytest.raises(ValueError, match=r"must be one of cityscapes, voc.*'coco'"):
        request('coco')


def test_the_command_prints_where_it_wrote(command, tmp_path):
    counts = ['--num-train', '1', '--num-val', '1', '--size', '32', '64']
    layout = ('--layout', 'cityscapes', '--out', tmp_path / 'c')
    printed = command('draw-streets', *layout, *counts)
    assert f"data_root = '{tmp_path / 'c'}'" in printed
    assert len(list((tmp_path / 'c').rglob('*.png'))) == 2 * 3


def test_the_command_draws_an_image_grid(command, tmp_path):
    command('draw-streets', '--sheet', tmp_path / 's.png', '--scenes', 1, 2)
    grid = cv2.imread(str(tmp_path / 's.png'))
    _, label = render_scene('val', 2, (132, 264))
    # labels stand below the images, the second scene in the second column
    colours = grid[132:264, 270 : 270 + 264].reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) == len(np.unique(label))
