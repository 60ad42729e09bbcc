"""One scene in every format becomes the same data set."""

import numpy as np
import pytest
from annotated_scene import NAMES, WRITERS, expected

from mmseg_deeplab.cli.import_data import FORMATS as OFFERED
from mmseg_deeplab.datasets import FolderDataset, LoadCheckedAnnotations
from mmseg_deeplab.datasets.importing import FORMATS, import_folder


def load(out, split) -> dict[str, np.ndarray]:
    """Read masks as a training does: class ids by the image's last letter."""
    dataset = FolderDataset(
        data_root=str(out), split=split, serialize_data=False, test_mode=True
    )
    names = dataset.metainfo['classes']
    loader = LoadCheckedAnnotations(num_classes=len(names))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    return {
        info['img_path'].rsplit('.', 1)[0][-1]: loader(info)['gt_seg_map']
        for info in infos
    }


@pytest.mark.parametrize('name', WRITERS)
def test_every_format_gives_the_same_masks(name, tmp_path):
    source, out = tmp_path / 'x', tmp_path / 'out'
    source.mkdir()
    WRITERS[name](source)
    report = import_folder(str(source), out)
    assert report.format == name.split(',')[0]
    assert not report.left_out and not report.without_class
    assert list(report.pixels) == ['background', 'cell', 'dish']
    assert {n: report.objects[n] for n in NAMES} == {'cell': 1, 'dish': 2}
    masks = load(out, 'train') | load(out, 'val')
    assert masks.keys() == {'a', 'b'}
    for stem, mask in masks.items():
        np.testing.assert_array_equal(mask, expected(stem))
    for place, class_name in enumerate(report.pixels):
        count = sum((expected(stem) == place).sum() for stem in 'ab')
        assert report.pixels[class_name] == count


def test_the_command_offers_every_format():
    assert [*OFFERED] == ['auto', *FORMATS]


@pytest.mark.parametrize('name', ['yolo', 'roboflow'])
def test_splits_of_the_source_are_kept(name, tmp_path):
    source, out = tmp_path / 'x', tmp_path / 'out'
    WRITERS[name](source)
    assert import_folder(str(source), out).splits == {'train': 1, 'val': 1}
    assert load(out, 'train').keys() == {'a'}
    assert load(out, 'val').keys() == {'b'}
