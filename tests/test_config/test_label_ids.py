"""Ids of the classes as the files of a data set have them."""

import pytest
from mmengine.config import Config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.label_ids import label_ids
from mmseg_deeplab.utils.errors import InputError


@pytest.mark.parametrize(
    ('base', 'count', 'first', 'last'),
    [('cityscapes', 19, 7, 33), ('ade20k', 150, 1, 150), ('voc12', 21, 0, 20)],
)
def test_ids_are_those_of_the_files(root, base, count, first, last):
    ids = label_ids(read_config(root / f'configs/_base_/datasets/{base}.py'), count)
    assert (ids[0], ids[-1], len(ids)) == (first, last, count)


def test_a_config_without_data_has_no_ids():
    with pytest.raises(InputError, match='has no test_dataloader'):
        label_ids(Config(dict(model={})), 3)


def test_the_ids_of_a_folder_with_unlabelled_pixels():
    dataset = dict(type='FolderDataset', reduce_zero_label=True)
    cfg = Config(dict(test_dataloader=dict(dataset=dataset), test_evaluator=[]))
    assert label_ids(cfg, 3) == [1, 2, 3]
