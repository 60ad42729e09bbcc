"""Lists of splits for a folder of images."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_deeplab.datasets import FolderDataset
from mmseg_deeplab.datasets.split_folder import SplitOptions, split_folder
from mmseg_deeplab.utils.errors import InputError


@pytest.fixture
def folder(tmp_path) -> Path:
    """20 images of 5 places; every fourth has a car; three are copies of others."""
    rng = np.random.default_rng(0)
    for name in ('images', 'labels'):
        (tmp_path / name).mkdir()
    (tmp_path / 'labels.txt').write_text('road\ncar')
    for number in range(20):
        noise = rng.integers(0, 256, (8, 10, 3), dtype=np.uint8)
        image = cv2.resize(noise, (80, 64), interpolation=cv2.INTER_CUBIC)
        write(tmp_path, f'place{number // 4}_{number:02d}.png', image, number % 4 == 0)
        if number in (1, 6):
            write(tmp_path, f'small{number}.jpg', cv2.resize(image, (40, 32)), False)
        if number == 9:
            write(tmp_path, 'same.png', image, False)
    return tmp_path


def write(folder: Path, name: str, image: np.ndarray, car: bool) -> None:
    cv2.imwrite(str(folder / 'images' / name), image)
    label = np.zeros(image.shape[:2], np.uint8)
    label[:4] = car
    cv2.imwrite(str(folder / 'labels' / f'{Path(name).stem}.png'), label)


def read(folder: Path, split: str) -> list[str]:
    """Return the names of a split as the data set reads it."""
    data = FolderDataset(data_root=str(folder), split=split)
    return [
        Path(info['img_path']).name
        for info in map(data.get_data_info, range(len(data)))
    ]


TWINS = [
    {'place0_01.png', 'small1.jpg'},
    {'place1_06.png', 'small6.jpg'},
    {'place2_09.png', 'same.png'},
]


def test_lists_divide_the_images_and_keep_copies_together(folder):
    report = split_folder(folder, SplitOptions(val=0.2, test=0.2))
    train, val, test = (read(folder, split) for split in ('train', 'val', 'test'))
    assert (len(train), len(val), len(test)) == (14, 4, 5)  # 4.6 is a fifth
    assert len({*train, *val, *test}) == 23
    assert sorted(map(sorted, report.duplicates)) == sorted(map(sorted, TWINS))
    for twins in TWINS:
        assert any(twins <= {*names} for names in (train, val, test))
    assert 'place2_09.png, same.png' in str(report)
    assert json.loads((folder / 'split.json').read_text())['lists']['val'] == val


def test_only_files_of_equal_content_stay_together_above_1(folder):
    report = split_folder(folder, SplitOptions(similar=1.1))
    assert list(map(set, report.duplicates)) == [TWINS[2]]


def test_each_fold_is_validated_once(folder):
    options = SplitOptions(folds=3, stratify=True)
    split_folder(folder, options)
    folds = [read(folder, f'fold{k}_val') for k in range(3)]
    every = sorted(name for fold in folds for name in fold)
    assert len(every) == 23 == len({*every})
    for number, fold in enumerate(folds):
        assert sorted([*fold, *read(folder, f'fold{number}_train')]) == every
        numbers = [int(name[7:9]) for name in fold if name.startswith('place')]
        assert any(number % 4 == 0 for number in numbers)  # a car
    split_folder(folder, SplitOptions(folds=2, overwrite=True))
    assert not (folder / 'fold2_val.txt').exists()


def test_images_of_a_group_stay_together(folder):
    report = split_folder(folder, SplitOptions(group_by=r'^(place\d)'))
    places = [
        {name[:6] for name in read(folder, s) if name[:5] == 'place'}
        for s in ('train', 'val')
    ]
    assert not places[0] & places[1] and all(places)
    assert sorted(report.without_group) == ['same.png', 'small1.jpg', 'small6.jpg']


def test_the_same_seed_gives_the_same_lists(folder):
    lists = [
        split_folder(folder, SplitOptions(seed=seed, overwrite=True)).lists
        for seed in (3, 3, 4)
    ]
    assert lists[0] == lists[1] != lists[2]


def test_an_existing_test_list_is_kept_and_its_copies_are_left_out(folder):
    (folder / 'test.txt').write_text('same\nplace4_16\n')
    report = split_folder(folder, SplitOptions())
    assert (folder / 'test.txt').read_text() == 'same\nplace4_16\n'
    others = {*read(folder, 'train'), *read(folder, 'val')}
    assert len(others) == 20 and 'place2_09.png' not in others
    assert report.left_out == ['place2_09.png']
    assert 'place2_09.png' in str(report)


def test_nothing_is_overwritten_unless_asked_for(folder):
    (folder / 'val.txt').write_text('mine')
    with pytest.raises(InputError, match=r'val\.txt would be overwritten.*--overwrite'):
        split_folder(folder, SplitOptions())
    assert (folder / 'val.txt').read_text() == 'mine'
    assert not (folder / 'train.txt').exists()
    split_folder(folder, SplitOptions(overwrite=True))
    assert len(read(folder, 'val')) == 5


@pytest.mark.parametrize(
    ('first', 'then', 'left'),
    [
        (dict(), dict(folds=2, test=0.3), ['train.txt', 'val.txt']),
        (dict(folds=2), dict(test=0.3), ['fold0_train.txt', 'fold1_val.txt']),
    ],
)
def test_a_new_test_set_leaves_no_older_list_with_its_images(folder, first, then, left):
    split_folder(folder, SplitOptions(**first))
    with pytest.raises(InputError, match=rf'{left[0]}.*{left[1]}.*removed.*--overwrit'):
        split_folder(folder, SplitOptions(**then))
    report = split_folder(folder, SplitOptions(**then, overwrite=True))
    lists = {path.stem for path in folder.glob('*.txt')} - {'labels'}
    assert lists == {*report.lists}
    test = {*read(folder, 'test')}
    assert not any(test & {*read(folder, name)} for name in lists - {'test'})


def test_links_to_one_file_stay_together(folder):
    names = [f'link{number}.png' for number in range(10)]
    for name in names:
        (folder / 'images' / name).symlink_to('place0_00.png')
        (folder / 'labels' / name).symlink_to('place0_00.png')
    report = split_folder(folder, SplitOptions(similar=1.1))
    assert [*names, 'place0_00.png'] in report.duplicates


def test_folders_that_are_splits_are_named(folder):
    (folder / 'images' / 'train').mkdir()
    with pytest.raises(InputError, match=r'images/train: .*before any list'):
        split_folder(folder, SplitOptions())


def test_a_broken_file_is_named(folder):
    (folder / 'images' / 'same.png').write_bytes(b'no image')
    with pytest.raises(InputError, match=r'1 faults .*same\.png.*check-data'):
        split_folder(folder, SplitOptions())


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(group_by='(nothing)'), 'no name matches'),
        (dict(group_by='.'), 'split would be empty|fewer|groups for 2 splits'),
        (dict(folds=30), 'for 30 splits'),
    ],
)
def test_what_cannot_be_divided_is_said(folder, options, match):
    with pytest.raises(InputError, match=match):
        split_folder(folder, SplitOptions(**options))
    assert not list(folder.glob('*train.txt'))


@pytest.mark.parametrize(
    'options',
    [
        dict(val=0),
        dict(val=0.6, test=0.5),
        dict(folds=1),
        dict(group_by='('),
        dict(seed=-1),
        dict(similar=float('nan')),
        dict(similar=0),
    ],
)
def test_options_out_of_range_are_named(options):
    with pytest.raises(InputError, match=r'^--'):
        SplitOptions(**options)
