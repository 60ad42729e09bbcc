"""From rasters of four bands to a trained network and its predictions."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from predicting import write_raster
from rasterio.transform import from_origin

from mmseg_deeplab.config import read_config, run_setup
from mmseg_deeplab.export import export_model
from mmseg_deeplab.inference import (
    DeepLabInferencer,
    FileOutputs,
    ModelSource,
    RunOptions,
    load_predictor,
    predict_files,
    predict_raster,
)
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.raster_reader import read_bands
from mmseg_deeplab.visualization.dataset_samples import browse
from mmseg_deeplab.web_demo.demo_models import open_models
from mmseg_deeplab.web_demo.page import Predictions

CONFIG = """
_base_ = ['{configs}/deeplabv3_mobilenetv2_folder.py']
channels = 4
value_range = (0, 3000)
shown_bands = (4, 3, 2)
norm_cfg = dict(type='BN')
model = dict(
    backbone=dict(widen_factor=0.25, norm_cfg=norm_cfg, init_cfg=None),
    decode_head=dict(in_channels=80, channels=8, norm_cfg=norm_cfg))
train_cfg = dict(max_iters=2, val_interval=2)
"""
CRS = 'EPSG:32632'
SIZE = (70, 100)


write = partial(write_raster, crs=CRS, transform=from_origin(500000, 5e6, 10, 10))


def scene(seed):
    """Return bands ``(4, H, W)``; the fourth is bright where the class is 1."""
    generator = np.random.default_rng(seed)
    label = cv2.resize(generator.integers(0, 2, (7, 10), np.uint8), SIZE[::-1])
    bands = generator.integers(0, 1500, (4, *SIZE)).astype(np.uint16)
    bands[3] += np.uint16(1400) * label
    return bands, label[None]


@pytest.fixture(scope='module')
def source(tmp_path_factory) -> ModelSource:
    """Train two steps by windows of rasters, and evaluate."""
    root = tmp_path_factory.mktemp('bands')
    for split, seed in (('train', 0), ('val', 1)):
        bands, label = scene(seed)
        write(root / 'images' / split / 'a.tif', bands)
        write(root / 'labels' / split / 'a.tif', label)
    (root / 'labels.txt').write_text('ground 90 60 30\nwater 0 0 250\n')
    options = {'crop_size': (32, 32), 'raster_window': 40, 'data_root': str(root)}
    options |= {f'{one}_dataloader.num_workers': 0 for one in ('train', 'val', 'test')}
    options['train_dataloader.batch_size'] = 2
    configs = Path(__file__).parents[2] / 'configs'
    (root / 'leaf.py').write_text(CONFIG.format(configs=configs))
    cfg = read_config(root / 'leaf.py', options, work_dir=root / 'run')
    run_setup.prepare_training(cfg)
    run_setup.train(cfg)
    return ModelSource(str(root / 'run/leaf.py'), str(root / 'run/iter_2.pth'))


@pytest.fixture(scope='module')
def predictor(source):
    return load_predictor(source)


def bands_of(path, predictor):
    return read_bands(str(path), predictor.bands)[0]


def test_a_prediction_keeps_the_georeference(predictor, tmp_path):
    values, _ = scene(2)
    values[:, :9] = 7
    write(tmp_path / 'a.tif', values, nodata=7)
    predict_raster(predictor, tmp_path / 'a.tif', tmp_path / 'b.tif')
    image = bands_of(tmp_path / 'a.tif', predictor)
    expected = predictor.predict([image])[0].labels
    expected[:9] = 255
    with rasterio.open(tmp_path / 'b.tif') as found:
        assert np.array_equal(found.read(1), expected)
        assert found.crs == CRS and found.transform.c == 500000
        assert found.tags()['BANDS'] == '1,2,3,4'


def test_other_rasters_are_refused_and_others_are_predicted(source, tmp_path):
    write(tmp_path / 'in/good.tif', scene(3)[0])
    write(tmp_path / 'in/bad.tif', scene(3)[0][:3])
    outputs = FileOutputs(tmp_path / 'out')
    found = predict_files(source, [str(tmp_path / 'in')], outputs, show_progress=False)
    assert [Path(path).name for path in found.failures] == ['bad.tif']
    assert 'has 3 band(s)' in found.summary() and 'reads 4' in found.summary()
    assert (tmp_path / 'out/labels/good.tif').is_file()


def test_the_inferencer_reads_the_same_bands(source, predictor, tmp_path):
    write(tmp_path / 'a.tif', scene(4)[0])
    inferencer = DeepLabInferencer(*vars(source).values(), device='cpu')
    image = bands_of(tmp_path / 'a.tif', predictor)
    expected = predictor.predict([image])[0].labels
    for one in (str(tmp_path / 'a.tif'), image):
        assert (inferencer(one)['predictions'] == expected).mean() > 0.999
    with pytest.raises(InputError, match='mmseg-deeplab predict'):
        inferencer(image, return_vis=True)


def test_an_exported_file_predicts_the_same_bands(source, predictor, tmp_path):
    write(tmp_path / 'a.tif', scene(5)[0])
    files, out = (source.config, source.checkpoint), tmp_path / 'a.torchscript'
    export_model(*files, format='torchscript', out=out)
    exported = load_predictor(ModelSource(None, str(out), trust_program=True))
    assert exported.bands.shown_bands == [4, 3, 2]
    image = bands_of(tmp_path / 'a.tif', exported)
    found, expected = (one.predict([image])[0].labels for one in (exported, predictor))
    assert (found == expected).mean() > 0.999


def test_the_page_shows_three_bands_and_predicts_all(source, predictor, tmp_path):
    write(tmp_path / 'a.tif', scene(6)[0])
    page = Predictions(open_models([source]), max_pixels=10**6, folder=tmp_path)
    opened = page.open(str(tmp_path / 'a.tif'))
    image = bands_of(tmp_path / 'a.tif', predictor)
    assert np.array_equal(opened.image, image[..., [3, 2, 1]].round().astype(np.uint8))
    (model,) = page.models.values()
    found = page.result(opened, model.choose()).labels
    assert np.array_equal(found, predictor.predict([image])[0].labels)


def test_browsing_and_testing_show_three_bands(source, tmp_path):
    cfg = read_config(source.config)
    files = browse(cfg, tmp_path / 'browsed', number=2, draws=1)
    assert cv2.imread(str(files[-1])).std() > 10
    cfg.work_dir = str(tmp_path)
    cfg.visualizer.name = 'shown'  # that of the training is there still
    run_setup.prepare_testing(cfg, source.checkpoint, show_dir=str(tmp_path / 'shown'))
    run_setup.test(cfg)
    assert len(list((tmp_path / 'shown').rglob('*.png'))) == 2 * 3


def test_chosen_bands_are_read_from_an_image_of_any_format(source, tmp_path):
    bands = np.clip(scene(3)[0] // 12, 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), np.moveaxis(bands[[2, 1, 0, 3]], 0, -1))
    options = RunOptions(bands=(1, 2, 3, 4), scale=(0.0, 255.0))
    outputs = FileOutputs(tmp_path / 'out', overlays=False, polygons='geojson')
    found = predict_files(source, [str(tmp_path / 'a.png')], outputs, options=options)
    assert not found.failures
    assert (tmp_path / 'out' / 'labels' / 'a.tif').is_file()
    simpler = replace(outputs, simplify=2.0)
    with pytest.raises(InputError, match='simplify'):
        predict_files(source, [str(tmp_path / 'a.png')], simpler, options=options)


@pytest.mark.parametrize('option', ['crf', 'cfg_options'])
def test_what_does_not_go_with_bands_is_refused(source, option):
    value = dict(crf=True, cfg_options={'channels': 13})[option]
    message = 'reads bands' if option == 'crf' else 'does not fit the model.*13, 3, 3'
    with pytest.raises(InputError, match=message):
        load_predictor(source, **{option: value})
