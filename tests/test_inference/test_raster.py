"""Rasters by windows: against the same predictor on the whole image, and GDAL."""

import json
import struct
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import torch
from PIL import Image
from predicting import PlainPredictor, write_image, write_raster
from rasterio.control import GroundControlPoint
from rasterio.rpc import RPC
from rasterio.transform import from_origin
from torch import nn

from benchmarks.case import CPU
from benchmarks.measure import peak_memory
from mmseg_deeplab.inference import Prediction
from mmseg_deeplab.inference.raster import predict_raster
from mmseg_deeplab.inference.raster_windows import WindowGrid
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.raster_reader import is_raster

PLACE = dict(crs='EPSG:32633', transform=from_origin(500000, 5300000, 0.2, 0.2))
SMALL = dict(window=128, overlap=32)


class Brightness(PlainPredictor):
    """Five classes by the mean over 21 x 21 pixels; outside the image is black."""

    classes = ('black', 'dark', 'grey', 'light', 'white')
    palette = [[0, 0, 0], [70, 0, 0], [0, 128, 0], [0, 0, 200], [255, 255, 255]]

    def one(self, image):
        grey = image.astype(np.float64).sum(axis=2)
        mean = cv2.boxFilter(grey, -1, (21, 21), borderType=cv2.BORDER_CONSTANT)
        labels = (mean / (3 * 51.001)).astype(np.uint8)
        share = (mean / 765).astype(np.float32)
        return Prediction(
            labels, np.stack([share, 1 - share, *np.zeros((3, *share.shape))])
        )


class StridedNetwork(Brightness):
    """Convolutions of stride 8 in all, logits interpolated to the image's size."""

    def __init__(self, *, align_corners):
        super().__init__()
        self.align_corners = align_corners
        torch.manual_seed(0)
        layers, channels = [], 3
        for _ in range(3):
            layers += [nn.Conv2d(channels, 8, 3, stride=2, padding=1), nn.ReLU()]
            channels = 8
        self.net = nn.Sequential(*layers, nn.Conv2d(8, 5, 3, padding=1)).double()

    @torch.no_grad()
    def one(self, image):
        x = torch.from_numpy(image).permute(2, 0, 1)[None].double() / 25
        logits = nn.functional.interpolate(
            self.net(x),
            image.shape[:2],
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return Prediction(logits[0].argmax(0).byte().numpy())


def blots(height, width, seed=0):
    """Smooth blots of all brightnesses, (H, W, 3) uint8."""
    noise = np.random.default_rng(seed).normal(size=(height, width, 3))
    smooth = cv2.GaussianBlur(noise, None, 12)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def geotiff(path, image, **profile):
    return write_raster(path, image.transpose(2, 0, 1), **(PLACE | profile))


def predict(source, predictor=None, **options):
    """Predict by small windows; return the path of the result."""
    target = source.with_name('b.tif')
    predict_raster(predictor or Brightness(), source, target, **(SMALL | options))
    return target


def read(path, band=1):
    with rasterio.open(path) as raster:
        return raster.read(band)


@pytest.mark.parametrize('length', [1, 128, 129, 150, 192, 193, 500, 512, 513, 1000])
@pytest.mark.parametrize('window, overlap', [(128, 32), (129, 32), (96, 0), (64, 0)])
def test_windows_cover_an_axis_once_with_their_margins(length, window, overlap):
    found = WindowGrid(window, overlap).spans(length)
    kept = [i for span in found for i in range(span.keep_start, span.keep_stop)]
    assert kept == list(range(length))
    for span in found:
        assert span.stop - span.start <= window
        assert span.start % 32 == 0
        assert span.start == 0 or span.start <= span.keep_start - overlap
        assert span.stop == length or span.stop >= span.keep_stop + overlap
        assert length < window or span.stop - span.start > window - 32


@pytest.mark.parametrize('size', [(90, 100), (128, 300), (333, 257)])
@pytest.mark.parametrize('batch_size', [1, 4])
def test_equals_the_whole_image_at_once(tmp_path, size, batch_size):
    image, predictor = blots(*size), Brightness()
    source = geotiff(tmp_path / 'a.tif', image)
    path = tmp_path / 'p.tif'
    predict(source, predictor, batch_size=batch_size, probabilities=path)
    (expected,) = Brightness().predict([image])
    assert set(np.unique(expected.labels)) >= {1, 2, 3}
    assert np.array_equal(read(tmp_path / 'b.tif'), expected.labels)
    with rasterio.open(path) as result:
        assert result.descriptions == Brightness.classes
        np.testing.assert_allclose(result.read(), expected.probabilities, atol=1e-6)


@pytest.mark.parametrize('align_corners, window, size', [
    (False, 128, (320, 264)), (True, 129, (321, 265)),
])  # fmt: skip
def test_grids_of_a_network_with_stride_8_agree(tmp_path, align_corners, window, size):
    image = blots(*size)
    network = StridedNetwork(align_corners=align_corners)
    source = geotiff(tmp_path / 'a.tif', image)
    predict_raster(network, source, tmp_path / 'b.tif', window=window, overlap=32)
    expected = network.predict([image])[0].labels
    assert len(np.unique(expected)) > 1
    assert np.array_equal(read(tmp_path / 'b.tif'), expected)


def test_the_window_follows_align_corners(tmp_path):
    image = np.zeros((1100, 40, 3), np.uint8)
    source = geotiff(tmp_path / 'a.tif', image)
    network = StridedNetwork(align_corners=True)
    predict_raster(network, source, tmp_path / 'b.tif')
    assert network.images[0].shape == (1025, 40, 3)


@pytest.mark.parametrize('options, message', [
    (dict(window=100), 'window=100'),
    (dict(overlap=20), 'overlap=20'),
    (dict(window=64, overlap=32), 'leaves nothing'),
    (dict(batch_size=0), 'batch_size'),
    (dict(bands=(1, 2, 4)), '3 band'),
    (dict(scale='best'), "'percentiles'"),
    (dict(scale=(9, 9)), 'LOW < HIGH'),
    (dict(probabilities='b.png'), 'GeoTIFF'),
])  # fmt: skip
def test_wrong_arguments_are_refused(tmp_path, options, message):
    source = geotiff(tmp_path / 'a.tif', blots(64, 64))
    with pytest.raises(ValueError, match=message):
        predict_raster(Brightness(), source, tmp_path / 'b.tif', **(SMALL | options))
    assert not (tmp_path / 'b.tif').exists()


def test_control_points_and_rpcs_are_kept(tmp_path):
    places = [(0, 0), (0, 60), (60, 0)]
    points = [GroundControlPoint(r, c, 10 + c, 50 - r) for r, c in places]
    rpcs = RPC(
        height_off=100, height_scale=500, lat_off=50, lat_scale=0.1, line_off=32,
        line_scale=32, long_off=10, long_scale=0.1, samp_off=32, samp_scale=32,
        line_num_coeff=[0.1] * 20, line_den_coeff=[1.0] + [0.0] * 19,
        samp_num_coeff=[0.2] * 20, samp_den_coeff=[1.0] + [0.0] * 19,
    )  # fmt: skip
    profile = dict(gcps=points, crs='EPSG:4326', rpcs=rpcs)
    source = write_raster(tmp_path / 'a.tif', np.zeros((3, 64, 64), 'u1'), **profile)
    predict(source)
    with rasterio.open(source) as before, rasterio.open(tmp_path / 'b.tif') as after:
        assert after.gcps[1] == before.gcps[1] == 'EPSG:4326'
        found, wanted = ([p.asdict() for p in x.gcps[0]] for x in (after, before))
        assert found == wanted and len(found) == 3
        assert after.rpcs.to_gdal() == before.rpcs.to_gdal()


def test_the_file_is_tiled_packed_and_says_what_is_in_it(tmp_path):
    source = geotiff(tmp_path / 'a.tif', blots(200, 150))
    predict(source)
    with rasterio.open(tmp_path / 'b.tif') as result:
        tags, profile = result.tags(), result.profile
        assert (result.crs, result.transform) == (PLACE['crs'], PLACE['transform'])
        assert result.shape == (200, 150)
        assert result.colormap(1)[3] == (0, 0, 200, 255)
    wanted = dict(tiled=True, blockxsize=64, nodata=255, dtype='uint8')
    assert profile.items() >= (wanted | dict(compress='deflate')).items()
    assert json.loads(tags['CLASSES']) == list(Brightness.classes)
    assert (tags['CLASS_2'], tags['WINDOW'], tags['BANDS']) == ('grey', '128', '1,2,3')


def test_more_than_255_classes_take_16_bits(tmp_path):
    class Many(Brightness):
        classes = tuple(map(str, range(300)))
        palette = [[i % 256, 0, 0] for i in range(300)]

        def one(self, image):
            return Prediction(np.full(image.shape[:2], 299, np.uint16))

    source = geotiff(tmp_path / 'a.tif', blots(40, 40), nodata=None)
    predict(source, Many())
    with rasterio.open(tmp_path / 'b.tif') as result:
        assert (result.dtypes, result.nodata) == (('uint16',), 65535)
        assert (result.read(1) == 299).all()


@pytest.mark.parametrize('marked', ['nodata', 'alpha', 'mask', 'nan'])
def test_pixels_without_data_are_ignored(tmp_path, marked):
    image = np.clip(blots(200, 150), 1, 254)
    empty = np.zeros((200, 150), bool)
    empty[:40, 20:90] = True
    image[empty], image[100, 100, 0] = 0, 0
    values, profile, options = image.transpose(2, 0, 1), dict(PLACE), {}
    if marked == 'nodata':
        profile |= dict(nodata=0)
    elif marked == 'alpha':
        values = np.concatenate([values, 255 * (~empty[None]).astype(np.uint8)])
        profile |= dict(photometric='RGB', alpha='YES')
    elif marked == 'nan':
        values = np.where(empty, np.float32(np.nan), values)
        options |= dict(scale=(0, 255))
    source = write_raster(tmp_path / 'a.tif', values, **profile)
    if marked == 'mask':
        with rasterio.open(source, 'r+') as raster:
            raster.write_mask(~empty)
    probabilities = tmp_path / 'p.tif'
    predict(source, probabilities=probabilities, **options)
    expected = Brightness().predict([image])[0].labels
    expected[empty] = 255
    assert np.array_equal(read(tmp_path / 'b.tif'), expected)
    assert np.array_equal(np.isnan(read(probabilities)), empty)


def test_empty_windows_are_not_predicted(tmp_path):
    image = blots(64, 600)
    image[:, :400] = 0
    source, predictor = geotiff(tmp_path / 'a.tif', image, nodata=0), Brightness()
    done = []
    predict(source, predictor, on_windows=done.append)
    assert all(seen.any() for seen in predictor.images)
    assert len(predictor.images) < sum(done) == len(WindowGrid(**SMALL).spans(600))
    assert (read(tmp_path / 'b.tif')[:, :400] == 255).all()


def test_other_bands_can_be_red_green_and_blue(tmp_path):
    image = blots(64, 64)
    values = np.concatenate([np.zeros((2, 64, 64), np.uint8), image.transpose(2, 0, 1)])
    source, predictor = write_raster(tmp_path / 'a.tif', values, **PLACE), Brightness()
    predict(source, predictor, bands=(5, 4, 3))
    assert np.array_equal(predictor.images[0], image[..., ::-1])


def test_bands_are_taken_as_the_file_names_them(tmp_path):
    image = blots(64, 64)
    values = np.concatenate([image.transpose(2, 0, 1)[::-1], np.zeros((1, 64, 64))])
    source = write_raster(tmp_path / 'a.tif', values.astype(np.uint8), **PLACE)
    with rasterio.open(source, 'r+') as raster:
        names = ('blue', 'green', 'red', 'undefined')
        raster.colorinterp = [rasterio.enums.ColorInterp[name] for name in names]
    predict(source, predictor := Brightness())
    assert np.array_equal(predictor.images[0], image)


def test_a_raster_of_several_pages_is_refused(tmp_path):
    pages = [Image.fromarray(blots(64, 64)) for _ in range(2)]
    pages[0].save(tmp_path / 'a.tif', save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match='holds 2 images'):
        predict(tmp_path / 'a.tif')


def test_huge_tiles_are_refused_before_they_are_read(tmp_path):
    tiles = dict(tiled=True, blockxsize=64, blockysize=64)
    source = geotiff(tmp_path / 'a.tif', blots(64, 64), **tiles)
    content = source.read_bytes()
    for number in (322, 323):  # width and height of a tile
        tag = struct.pack('<HHLH', number, 3, 1, 64)
        assert content.count(tag) == 1
        content = content.replace(tag, tag[:-2] + struct.pack('<H', 60_000))
    source.write_bytes(content)
    with pytest.raises(ValueError, match='tiles of 60000x60000'):
        predict(source)


def test_a_page_that_lies_nowhere_is_a_fault_of_the_file(tmp_path):
    source = geotiff(tmp_path / 'a.tif', blots(64, 64))
    content = bytearray(source.read_bytes())
    (directory,) = struct.unpack_from('<L', content, 4)
    (entries,) = struct.unpack_from('<H', content, directory)
    struct.pack_into('<L', content, directory + 2 + 12 * entries, 35_584)
    source.write_bytes(content)
    with pytest.raises(InputError, match=r'a\.tif: not a readable raster'):
        predict(source)


def test_no_other_driver_of_gdal_opens_a_file(tmp_path):
    Image.fromarray(blots(64, 64)).save(tmp_path / 'a.pcx')
    (tmp_path / 'a.pcx').rename(tmp_path / 'a.tif')
    with pytest.raises(ValueError, match=r'a\.tif: .*no raster of a known kind'):
        predict(tmp_path / 'a.tif')


def test_values_of_16_bits_need_a_scale(tmp_path):
    image = blots(64, 64).astype(np.uint16) * 10 + 300
    source = geotiff(tmp_path / 'a.tif', image)
    with pytest.raises(ValueError, match=r'a\.tif.*uint16.*--scale LOW HIGH') as error:
        predict(source)
    assert f'{np.percentile(image[..., 0], 2):g}' in str(error.value)


@pytest.mark.parametrize('dtype', ['uint16', 'int16', 'float32'])
def test_a_scale_makes_8_bits(tmp_path, dtype):
    image, predictor = blots(64, 64), Brightness()
    values = image.astype(dtype) * 10 + 300
    values[0, 0], image[0, 0] = 10000, 255
    source = geotiff(tmp_path / 'a.tif', values)
    predict(source, predictor, scale=(300, 2850))
    assert np.array_equal(predictor.images[0], image)
    with rasterio.open(tmp_path / 'b.tif') as result:
        assert '300.0, 2850.0' in result.tags()['SCALE_TO_8_BITS']


def test_percentiles_are_those_of_each_band(tmp_path):
    image, predictor = blots(300, 200).astype(np.uint16) * [3, 20, 200], Brightness()
    source = geotiff(tmp_path / 'a.tif', image.astype(np.uint16))
    predict_raster(predictor, source, tmp_path / 'b.tif', scale='percentiles')
    low, high = np.percentile(image, (2, 98), axis=(0, 1))
    expected = np.clip((image - low) / (high - low) * 255, 0, 255)
    assert np.abs(predictor.images[0] - expected).max() <= 0.51


@pytest.mark.parametrize('mode', ['L', 'P', 'RGB'])
@pytest.mark.parametrize('suffix', ['png', 'tif'])
def test_large_photos_go_by_windows_too(tmp_path, mode, suffix):
    photo = Image.fromarray(blots(200, 150)).convert(mode)
    photo.save(tmp_path / f'a.{suffix}')
    predict_raster(Brightness(), tmp_path / f'a.{suffix}', tmp_path / 'b.tif', **SMALL)
    expected = Brightness().predict([np.asarray(photo.convert('RGB'))])[0].labels
    assert np.array_equal(read(tmp_path / 'b.tif'), expected)


def test_a_turned_photo_is_refused(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(blots(40, 60)).save(tmp_path / 'a.jpg', exif=exif)
    with pytest.raises(ValueError, match=r'a\.jpg.*EXIF orientation 6.*jpegtran'):
        predict_raster(Brightness(), tmp_path / 'a.jpg', tmp_path / 'b.tif')


@pytest.mark.parametrize('name', ['a.tif', 'a.png', 'a.jpg'])
def test_a_truncated_file_is_an_error_and_leaves_nothing(tmp_path, name):
    path = tmp_path / name
    write_image(path, (300, 300))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=str(path)):
        predict_raster(Brightness(), path, tmp_path / 'out' / 'b.tif', **SMALL)
    assert not list(tmp_path.glob('out/*'))


def test_a_foreign_or_missing_file_is_named(tmp_path):
    (tmp_path / 'a.tif').write_text('<html>not found</html>')
    with pytest.raises(ValueError, match=r'a\.tif: not a readable'):
        predict_raster(Brightness(), tmp_path / 'a.tif', tmp_path / 'b.tif')
    with pytest.raises(FileNotFoundError, match=r'c\.tif: no such file'):
        predict_raster(Brightness(), tmp_path / 'c.tif', tmp_path / 'b.tif')


def test_what_counts_as_a_raster(tmp_path):
    image = blots(20, 30)
    assert is_raster(geotiff(tmp_path / 'geo.tif', image))
    assert is_raster(write_raster(tmp_path / '5.tif', np.zeros((5, 9, 9), np.uint16)))
    assert is_raster(write_raster(tmp_path / '1.tif', np.zeros((1, 9, 9), np.float32)))
    assert is_raster('map.vrt')
    for name in ('plain.tif', 'photo.png'):
        Image.fromarray(image).save(tmp_path / name)
        assert not is_raster(tmp_path / name)
    assert not is_raster(tmp_path / 'missing.tif')


@pytest.mark.skipif(not Path('/proc/self/clear_refs').exists(), reason='needs Linux')
def test_memory_does_not_grow_with_the_raster(tmp_path):
    class Red(Brightness):
        def predict(self, images, *, probabilities=False):
            return [Prediction((image[..., 0] > 7).view(np.uint8)) for image in images]

    peaks = []
    for side in (1024, 4096):
        path, packed = tmp_path / f'{side}.tif', dict(compress='deflate', zlevel=1)
        stripes = np.arange(side, dtype=np.uint8).repeat(3 * side)
        geotiff(path, stripes.reshape(side, side, 3), tiled=True, **packed)
        del stripes
        run = partial(predict_raster, Red(), path, path.with_suffix('.out.tif'))
        peaks.append(peak_memory(partial(run, **SMALL | dict(window=256)), CPU)[1])
    assert peaks[1] < peaks[0] + (20 << 20)  # the raster has 48 MiB, its labels 16
