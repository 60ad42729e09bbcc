"""Images of any number of channels, whole and by windows, with their labels."""

import numpy as np
import pytest
from predicting import write_raster
from rasterio.transform import from_origin

from mmseg_deeplab.datasets import FolderDataset, LoadBands, LoadCheckedAnnotations
from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.utils.data_file_errors import (
    DataFileError,
    ImageBandsError,
    LabelSizeError,
    UnreadableFileError,
)
from mmseg_deeplab.utils.image_bands import ImageBands

SIZE = (50, 70)


def write(path, values, **profile):
    place = dict(transform=from_origin(5, 9, 1, 1))
    return str(write_raster(path, values, **place | profile))


def values(channels, dtype='uint16', high=4000, size=SIZE):
    generator = np.random.default_rng(channels)
    return (generator.random((channels, *size)) * high).astype(dtype)


def load(path, *args, **options):
    return LoadBands(*args, **options)(dict(img_path=path))['img']


@pytest.mark.parametrize('channels', [1, 4, 13])
@pytest.mark.parametrize('dtype, high', [('uint16', 4000), ('float32', 0.4)])
def test_a_value_range_is_mapped_to_0_to_255(tmp_path, channels, dtype, high):
    stored = values(channels, dtype, high)
    path = write(tmp_path / 'a.tif', stored)
    found = load(path, channels, value_range=(high / 8, high / 2))
    expected = (stored.astype(float) - high / 8) / (high * 3 / 8) * 255
    assert found.dtype == np.float32 and found.shape == (*SIZE, channels)
    np.testing.assert_allclose(
        found, expected.clip(0, 255).transpose(1, 2, 0), atol=0.01
    )


@pytest.mark.parametrize('suffix, driver', [('png', 'PNG'), ('tif', 'GTiff')])
def test_8_bits_stay_as_they_are(tmp_path, suffix, driver):
    stored = values(1, 'uint8', 256)
    path = write(tmp_path / f'a.{suffix}', stored, driver=driver, transform=None)
    found = load(path, 1)
    assert found.dtype == np.uint8 and np.array_equal(found[..., 0], stored[0])


def test_chosen_bands_and_a_range_for_each(tmp_path):
    stored = values(4)
    path = write(tmp_path / 'a.tif', stored)
    found = load(path, (4, 2), value_range=[(0, 510), (0, 2550)])
    np.testing.assert_allclose(found[..., 0], (stored[3] / 2).clip(0, 255), atol=0.01)
    np.testing.assert_allclose(found[..., 1], (stored[1] / 10).clip(0, 255), atol=0.01)


def test_pixels_without_data_are_ignored_in_the_label(tmp_path):
    stored = values(2, 'float32', 1)
    stored[:, :5] = -9  # in both bands: no data
    stored[0, 5:9] = -9  # in one band
    stored[:, 9] = np.nan
    image = write(tmp_path / 'a.tif', stored, nodata=-9)
    label = write(tmp_path / 'l.tif', np.ones((1, *SIZE), np.uint8))
    results = dict(img_path=image, seg_map_path=label, seg_fields=[])
    results = LoadBands(2, value_range=(0, 1))(results)
    results = LoadCheckedAnnotations(num_classes=2, reduce_zero_label=None)(results)
    ignored = (results['gt_seg_map'] == 255).all(1)
    assert np.flatnonzero(ignored).tolist() == [0, 1, 2, 3, 4, 9]
    assert not results['img'][:5].any() and np.isfinite(results['img']).all()


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(channels=3), r'a.tif: has 4 band\(s\).*channels=4'),
        (dict(channels=(1, 5)), r'has 4 band\(s\).*reads 2: \(1, 5\)'),
        (dict(channels=4), r'uint16.*value_range=\(LOW, HIGH\)'),
    ],
)
def test_other_bands_and_values_are_refused(tmp_path, options, message):
    path = write(tmp_path / 'a.tif', values(4))
    with pytest.raises(ImageBandsError, match=message):
        load(path, **options)


@pytest.mark.parametrize(
    'settings',
    [
        dict(channels=0),
        dict(channels=(1, 1)),
        dict(channels=2, value_range=(3, 3)),
        dict(channels=2, value_range=[(0, 1)] * 3),
        dict(channels=2, shown_bands=(1, 2, 3)),
    ],
)
def test_settings_without_a_meaning_are_refused(settings):
    with pytest.raises(ValueError, match='expected'):
        ImageBands(**settings)


def test_limits_come_before_decoding(tmp_path):
    (tmp_path / 'a.tif').write_bytes(b'%PDF-1.4 no image')
    with pytest.raises(UnreadableFileError, match='PDF'):
        load(str(tmp_path / 'a.tif'), 4)
    path = write(tmp_path / 'b.png', values(1, 'uint8', 256), driver='PNG')
    content = (tmp_path / 'b.png').read_bytes()
    (tmp_path / 'b.png').write_bytes(content[:-30])
    with pytest.raises(DataFileError, match='truncated'):
        load(path, 1)


@pytest.mark.parametrize('channels, shown, places', [
    (1, None, [0, 0, 0]), (5, None, [0, 1, 2]), ((5, 4, 3, 2), (3, 4, 5), [2, 1, 0]),
])  # fmt: skip
def test_three_bands_are_shown(channels, shown, places):
    bands = ImageBands(channels, shown_bands=shown)
    image = np.random.default_rng(0).random((4, 5, len(bands.numbers))) * 255
    assert np.array_equal(bands.rgb(image), image[..., places].round())


def folder(root, size=SIZE, label_size=None):
    generator = np.random.default_rng(0)
    label = generator.integers(0, 2, (1, *(label_size or size)), dtype=np.uint8)
    stored = values(4, size=size)
    write(root / 'images/train/a.tif', stored)
    write(root / 'labels/train/a.tif', label)
    (root / 'labels.txt').write_text('ground\nwater\n')
    steps = [
        dict(type='LoadBands', channels=4, value_range=(0, 4000)),
        dict(type='LoadCheckedAnnotations', num_classes=2),
    ]
    options = dict(data_root=str(root), split='train', pipeline=steps)
    return stored, label[0], FolderDataset(**options, raster_window=32)


def test_windows_cover_a_raster_once(tmp_path):
    stored, label, dataset = folder(tmp_path)
    image, ids = np.full((*SIZE, 4), np.nan), np.full(SIZE, 9)
    assert len(dataset) == 2 * 3
    for index in range(len(dataset)):
        sample, window = dataset[index], dataset.get_data_info(index)['window']
        assert max(sample['img_shape']) <= 32
        image[window], ids[window] = sample['img'], sample['gt_seg_map']
    expected = stored.transpose(1, 2, 0) / 4000 * 255
    np.testing.assert_allclose(image, expected, atol=0.01)
    assert np.array_equal(ids, label)


def test_a_label_of_another_size_than_its_raster_is_refused(tmp_path):
    *_, dataset = folder(tmp_path, label_size=(50, 60))
    with pytest.raises(LabelSizeError, match=r'50x60.*its image 50x70'):
        dataset[0]


def test_the_check_tells_mean_and_deviation_of_each_band(tmp_path):
    stored, label, dataset = folder(tmp_path)
    report = scan_dataset(dataset, progress=False)
    found = report.to_dict()['bands']
    expected = stored.reshape(4, -1) / 4000 * 255
    np.testing.assert_allclose(found['mean'], expected.mean(1), atol=0.01)
    np.testing.assert_allclose(found['std'], expected.std(1), atol=0.01)
    assert not report.faults and 'mean=[' in str(report)
    assert report.pixels[:2].tolist() == np.bincount(label.ravel()).tolist()
