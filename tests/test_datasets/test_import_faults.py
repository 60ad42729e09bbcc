"""What is wrong with annotations is named, and the rest is imported."""

import json
import sys

import cv2
import numpy as np
import pytest
from annotated_scene import COLORS, WRITERS, area, save_image, save_json
from PIL import Image

from mmseg_deeplab.cli import main
from mmseg_deeplab.datasets.class_list import read_class_list
from mmseg_deeplab.datasets.importing import ImportOptions, import_folder
from mmseg_deeplab.utils.errors import InputError


@pytest.fixture
def write(tmp_path):
    """Return a function that writes the scene, and one that imports it."""

    def scene(name: str):
        folder = tmp_path / 'x'
        folder.mkdir()
        WRITERS[name](folder)
        return folder

    return scene


def change(path, edit) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def bring(folder, **options):
    out = folder.parent / 'out'
    return import_folder(str(folder), out, ImportOptions(**options)), out


def mask_of(out, stem: str = 'a') -> np.ndarray:
    """Return the indices of a palette file."""
    return np.array(Image.open(next((out / 'labels').glob(f'*{stem}.png'))))


def test_a_broken_file_is_named_and_the_rest_imported(write):
    folder = write('labelme')
    (folder / 'b.json').write_text('{"shapes": [')
    (folder / 'deep.json').write_text('[' * 100_000)
    report, out = bring(folder)
    assert report.splits == {'train': 1}
    assert 'is no JSON' in report.left_out[str(folder / 'b.json')]
    assert str(folder / 'deep.json') in report.left_out
    assert json.loads((out / 'import.json').read_text())['left_out'] == report.left_out
    assert report.without_annotation == 1


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (lambda c: c.update(imagePath='gone.png'), 'gone.png'),
        (lambda c: c.update(imagePath=5), 'the image is 5'),
        (lambda c: c.update(imageHeight=999), '999'),
        (lambda c: c['shapes'][1].update(points=[['x', 1]]), 'no points'),
        (lambda c: c['shapes'][0].pop('label'), 'label'),
        (lambda c: c['shapes'][1].update(shape_type='mask', mask='AAAA'), 'bitmap'),
        (lambda c: c.update(shapes=7), 'malformed'),
    ],
)
def test_an_image_with_a_fault_is_left_out_with_the_reason(write, edit, said):
    folder = write('labelme')
    change(folder / 'a.json', edit)
    report, _ = bring(folder)
    assert report.splits == {'train': 1}
    assert said in ' '.join(report.left_out.values())


def test_runs_of_another_size_are_refused_before_they_are_decoded(write):
    folder = write('coco, runs')
    hostile = dict(size=[10**9, 10**9], counts=[0, 10**18])
    path = folder / 'instances.json'
    change(path, lambda c: c['annotations'][0].update(segmentation=hostile))
    report, _ = bring(folder)
    assert 'run lengths' in report.left_out[str(folder / 'images' / 'a.png')]


def test_an_unknown_category_is_not_counted(write):
    folder = write('coco')
    path = folder / 'annotations' / 'instances.json'
    change(path, lambda c: c['annotations'][0].update(category_id=55))
    report, out = bring(folder)
    assert report.without_class == {'category id 55 without a category': 1}
    ids = mask_of(out)
    assert (ids[2:5, 3:9] == 255).all() and report.ignored_pixels == (ids == 255).sum()


def test_a_box_without_an_outline_is_not_counted_and_lies_below(write):
    folder = write('coco')
    path = folder / 'annotations' / 'instances.json'
    box = dict(segmentation=[], bbox=[6, 5, 9, 7], category_id=7)
    change(path, lambda c: c['annotations'].append(dict(box, image_id=0)))
    report, out = bring(folder)
    assert report.without_class == {'a box without an outline': 1}
    ids = mask_of(out)
    assert (ids[5:10, 6:12] == 2).all() and (ids[10:12, 6:15] == 255).all()


def test_the_smaller_of_two_objects_lies_above(write):
    folder = write('labelme')
    change(folder / 'a.json', lambda c: c['shapes'].reverse())
    report, out = bring(folder, smaller_first=True)
    assert (mask_of(out) == 2).sum() == area((6, 5, 12, 10)).sum()
    assert report.overlaps == 9


def test_without_background_other_pixels_are_not_counted(write):
    report, out = bring(write('labelme'), background=False)
    assert list(report.pixels) == ['cell', 'dish']
    assert set(np.unique(mask_of(out))) == {0, 1, 255}


def test_a_class_list_gives_the_classes_and_their_order(write):
    folder = write('labelme')
    labels = folder.parent / 'mine.txt'
    labels.write_text('dish 1 2 3\nbackground 0 0 0\n')
    report, out = bring(folder, labels=str(labels))
    assert report.without_class == {'cell is not in the class list': 1}
    assert mask_of(out)[9, 11] == 0 and mask_of(out)[0, 0] == 1
    classes = read_class_list(str(out / 'labels.txt'))
    assert classes.names == ('dish', 'background')
    assert classes.colors == ((1, 2, 3), (0, 0, 0))


def test_colors_of_the_format_are_kept(write):
    _, out = bring(write('supervisely'))
    classes = read_class_list(str(out / 'labels.txt'))
    assert dict(zip(classes.names, classes.colors, strict=True)) == COLORS


def test_names_that_no_text_list_holds_are_written_as_json(write):
    folder = write('labelme')
    change(folder / 'a.json', lambda c: c['shapes'][0].update(label='2 cells: #1'))
    report, out = bring(folder)
    assert report.labels_file == 'labels.json'
    assert '2 cells: #1' in read_class_list(str(out / 'labels.json')).names


@pytest.mark.parametrize('name', ['../../evil.png', '{outside}/evil.png'])
def test_nothing_is_written_outside(write, tmp_path, name):
    folder = write('labelme')
    outside = tmp_path.parent / f'{tmp_path.name}_outside'
    save_image(outside / 'evil.png')
    save_image(tmp_path.parent / 'evil.png')
    before = sorted(tmp_path.parent.glob('*')) + sorted(outside.glob('*'))
    name = name.format(outside=outside)
    change(folder / 'a.json', lambda c: c.update(imagePath=name))
    report, out = bring(folder)
    assert report.splits.total() == 2
    assert sorted(tmp_path.parent.glob('*')) + sorted(outside.glob('*')) == before
    assert len(list((out / 'images').iterdir())) == 2


def test_entities_of_xml_are_refused(write):
    folder = write('cvat')
    path = folder / 'annotations.xml'
    bomb = '<!DOCTYPE a [<!ENTITY b "bb">]><annotations>'
    path.write_text(path.read_text().replace('<annotations>', bomb))
    with pytest.raises(InputError, match='DOCTYPE'):
        bring(folder)


def test_two_formats_are_not_chosen_from(write):
    folder = write('labelme')
    WRITERS['coco'](folder)
    with pytest.raises(InputError, match=r'coco \(1 files\).*--format'):
        bring(folder)
    report, _ = bring(folder, format='coco')
    assert report.format == 'coco' and report.splits.total() == 2


def test_an_image_in_two_files_is_refused(write):
    folder = write('coco')
    annotations = folder / 'annotations'
    copy = annotations / 'person_keypoints.json'
    copy.write_text((annotations / 'instances.json').read_text())
    with pytest.raises(InputError, match='is annotated in'):
        bring(folder)
    single = ImportOptions(images=str(folder / 'images'))
    out = folder.parent / 'out'
    assert import_folder(str(copy), out, single).splits.total() == 2


def test_classes_that_differ_in_case_alone_are_refused(write):
    folder = write('labelme')
    change(folder / 'a.json', lambda c: c['shapes'][0].update(label='Dish'))
    with pytest.raises(InputError, match=r"\['Dish', 'dish'\].*--labels"):
        bring(folder)
    assert not list((folder.parent / 'out').glob('*'))


def test_lists_of_voc_are_its_splits(write):
    folder = write('color-masks')
    lists = folder / 'ImageSets' / 'Segmentation'
    lists.mkdir(parents=True)
    (lists / 'train.txt').write_text('b\n')
    (lists / 'val.txt').write_text('a\n')
    _, out = bring(folder)
    assert (out / 'train.txt').read_text() == 'JPEGImages__b.png\n'
    assert (out / 'val.txt').read_text() == 'JPEGImages__a.png\n'


def test_names_that_would_collide_are_refused(write):
    folder = write('labelme')
    for name in ('p__q.png', 'p/q.png'):
        save_image(folder / name)
        shapes = dict(shapes=[], imagePath=name.rpartition('/')[2])
        save_json(folder / name.replace('png', 'json'), shapes)
    with pytest.raises(InputError, match='would both be written as'):
        bring(folder)


def test_a_mask_with_smoothed_edges_is_left_out(write):
    folder = write('class-masks')
    path = folder / 'masks' / 'cell' / 'a.png'
    cv2.imwrite(str(path), cv2.GaussianBlur(area((3, 2, 9, 8)) * 255, (3, 3), 0))
    report, _ = bring(folder)
    assert 'anti-aliasing' in ' '.join(report.left_out.values())


def test_a_photo_that_is_turned_by_exif_has_the_size_that_is_seen(tmp_path):
    folder = tmp_path / 'x'
    folder.mkdir()
    exif = Image.Exif()
    exif[274] = 6
    Image.new('RGB', (12, 16)).save(folder / 'a.jpg', exif=exif)
    shape = dict(label='cell', points=[(0, 0), (16, 0), (16, 2)], shape_type='polygon')
    size = dict(imageHeight=12, imageWidth=16)
    save_json(folder / 'a.json', dict(shapes=[shape], imagePath='a.jpg') | size)
    _, out = bring(folder, val=0.0)
    assert mask_of(out).shape == (12, 16)


def test_the_command_prints_the_report_or_one_line(write, monkeypatch, capsys):
    folder = write('labelme')
    out = folder.parent / 'out'
    argv = ['mmseg-deeplab', 'import-data', str(folder), '--out', str(out)]
    monkeypatch.setattr(sys, 'argv', argv)
    main()
    printed = capsys.readouterr().out
    assert 'labelme; 2 images, 3 objects' in printed
    assert 'passed over, without an area: 1 of point' in printed
    with pytest.raises(SystemExit, match=r'error: .*is not empty'):
        main()
