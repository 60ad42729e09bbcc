"""Outlines of masks: imported again, or drawn by rasterio, they are the same masks."""

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image
from predicting import write_raster
from rasterio.features import rasterize
from rasterio.transform import from_origin

from mmseg_deeplab.datasets.importing import ImportOptions, import_folder
from mmseg_deeplab.inference import FileOutputs, Prediction
from mmseg_deeplab.inference.input_files import InputFile
from mmseg_deeplab.inference.polygons import join_holes, trace
from mmseg_deeplab.inference.predictor import Segments
from mmseg_deeplab.inference.raster_outlines import outline_raster
from mmseg_deeplab.utils.errors import InputError

CLASSES = ('background', 'cell', 'dish', 'ring')
PALETTE = [[0, 0, 0], [200, 30, 40], [10, 90, 220], [0, 250, 7]]


def blots(seed: int, size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Return classes in blots with holes in holes, and some single pixels."""
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.normal(size=(*size, 4)), None, 3).argmax(2)
    noise[rng.random(size) < 0.05] = 3
    return noise.astype(np.uint8)


def write(
    folder: Path, kind: str, masks: dict[str, np.ndarray], classes=CLASSES, **options
) -> None:
    """Write outlines of masks, and images that they belong to."""
    outputs = FileOutputs(folder / 'out', overlays=False, polygons=kind, **options)
    outputs.begin(classes, PALETTE)
    items = []
    for name, mask in masks.items():
        path = folder / 'in' / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        image = np.repeat(mask[..., None], 3, axis=2)
        Image.fromarray(image).save(path)
        items.append(InputFile(str(path), name))
        prediction = Prediction(mask)
        outputs.write_image(items[-1], image, prediction, PALETTE, classes)
        assert outputs.are_finished(items[-1], since=0)
        outputs.polygons_path(items[-1]).rename(folder / 'kept')
        assert not outputs.are_finished(items[-1], since=0)
        (folder / 'kept').rename(outputs.polygons_path(items[-1]))
    outputs.finish(since=0)


@pytest.mark.parametrize(
    ('kind', 'source'), [('labelme', 'labelme'), ('coco', 'coco.json')]
)
@pytest.mark.parametrize('simplify', [0.0, 1.0])
def test_imported_again_masks_are_the_same(tmp_path, kind, source, simplify):
    masks = {'a/x': blots(0), 'a/y': blots(1), 'x': blots(2)}
    write(tmp_path, kind, masks, simplify=simplify)
    options = ImportOptions(
        images=str(tmp_path / 'in'), labels=str(tmp_path / 'out/labels.txt')
    )
    import_folder(str(tmp_path / 'out' / source), tmp_path / 'again', options)
    for name, mask in masks.items():
        file = Image.open(tmp_path / f'again/labels/{name.replace("/", "__")}.png')
        found = np.array(file)
        if simplify:  # blots of some ten pixels: most of them are borders
            assert 0.75 < (found == mask).mean() < 1
        else:
            assert np.array_equal(found, mask)
        assert file.getpalette()[: 3 * len(PALETTE)] == np.ravel(PALETTE).tolist()


def test_of_a_folder_of_predictions_coco_json_alone_is_imported(tmp_path):
    masks = {'a/x': blots(0), 'y': blots(1)}
    write(tmp_path, 'coco', masks)
    (tmp_path / 'out/predict.json').write_text('{}')
    options = ImportOptions(images=str(tmp_path / 'in'))
    report = import_folder(str(tmp_path / 'out'), tmp_path / 'again', options)
    assert (report.format, report.left_out) == ('coco', {})
    for name in ('a__x', 'y'):
        found = np.array(Image.open(tmp_path / f'again/labels/{name}.png'))
        assert np.array_equal(found, masks[name.replace('__', '/')])


def test_files_of_others_are_not_joined_in_coco_json(tmp_path):
    write(tmp_path, 'coco', {'x': blots(0)})
    joined = (tmp_path / 'out/coco.json').read_text()
    (tmp_path / 'out/coco/mine.json').write_text('{"a": 1}')
    write(tmp_path, 'coco', {'x': blots(0)})
    assert (tmp_path / 'out/coco.json').read_text() == joined


@pytest.mark.parametrize('source', ['out', 'out/coco.json'])
def test_predicted_masks_are_never_taken_for_the_images(tmp_path, source):
    write(tmp_path, 'coco', {'x': blots(0)})
    (tmp_path / 'out/predict.json').write_text('{}')
    with pytest.raises(InputError, match=r"image 'x\.png' is not below .*--images"):
        import_folder(str(tmp_path / source), tmp_path / 'again')


def test_a_prediction_without_background_is_imported_without_one(tmp_path):
    mask = blots(6)
    write(tmp_path, 'coco', {'x': mask}, classes=('a', *CLASSES[1:]))
    options = ImportOptions(images=str(tmp_path / 'in'))
    import_folder(str(tmp_path / 'out/coco.json'), tmp_path / 'again', options)
    found = Image.open(tmp_path / 'again/labels/x.png')
    assert np.array_equal(found, mask)
    assert (tmp_path / 'again/labels.txt').read_text().startswith('a 0 0 0\ncell ')


def test_geojson_has_the_pixels_of_each_class_with_holes(tmp_path):
    mask = blots(3)
    write(tmp_path, 'geojson', {'x': mask})
    content = json.loads((tmp_path / 'out/geojson/x.geojson').read_text())
    assert 'crs' not in content
    pairs = [(f['geometry'], f['properties']['id']) for f in content['features']]
    assert np.array_equal(rasterize(pairs, out_shape=mask.shape, fill=0), mask)
    assert {tuple(f['properties'].values()) for f in content['features']} == {
        ('cell', 1, None, '#c81e28'), ('dish', 2, None, '#0a5adc'),
        ('ring', 3, None, '#00fa07'),
    }  # fmt: skip


def test_an_area_has_its_pixels_and_its_box(tmp_path):
    mask = np.zeros((9, 12), np.uint8)
    mask[1:8, 2:11], mask[3:5, 4:6] = 1, 2
    write(tmp_path, 'coco', {'x': mask})
    content = json.loads((tmp_path / 'out/coco.json').read_text())
    frame, hole = content['annotations']
    if frame['category_id'] == 3:
        frame, hole = hole, frame
    assert (frame['area'], frame['bbox']) == (7 * 9 - 4, [2, 1, 9, 7])
    assert (hole['area'], hole['bbox']) == (4, [4, 3, 2, 2])
    assert [c['name'] for c in content['categories']] == list(CLASSES)


def test_a_joined_ring_encloses_what_the_polygon_does():
    mask = blots(4)
    for area in trace(mask, {0}):
        (polygon,) = area.polygons
        both = []
        for rings in (polygon, [join_holes(polygon)]):
            closed = [np.concatenate([ring, ring[:1]]) for ring in rings]
            shape = dict(type='Polygon', coordinates=closed)
            both.append(rasterize([shape], out_shape=mask.shape))
        assert np.array_equal(*both)
        assert area.size == both[0].sum()


@pytest.mark.parametrize(
    ('system', 'name'), [('EPSG:32633', 'urn:ogc:def:crs:EPSG::32633'), (None, None)]
)
def test_a_raster_has_map_coordinates(tmp_path, system, name):
    labels, place = blots(5), from_origin(500000, 5300000, 0.2, 0.2)
    labels[:9, :9] = 255  # no data
    outputs = FileOutputs(tmp_path, polygons='geojson')
    item = InputFile(str(tmp_path / 'x.tif'), 'x')
    path, profile = outputs.path(item, 'labels', '.tif'), dict(nodata=255, crs=system)
    write_raster(path, labels[None], transform=place, **profile)
    predictor = SimpleNamespace(classes=CLASSES, palette=PALETTE)
    outline_raster(predictor, item, outputs)
    content = json.loads((tmp_path / 'geojson/x.geojson').read_text())
    assert content.get('crs', {}).get('properties', {}).get('name') == name
    pairs = [(f['geometry'], f['properties']['id']) for f in content['features']]
    found = rasterize(pairs, out_shape=labels.shape, transform=place)
    assert np.array_equal(found, np.where(labels == 255, 0, labels))


def test_a_segment_is_one_object_of_several_polygons(tmp_path):
    ids = np.full((6, 9), -1, np.int32)
    ids[:, :2], ids[:, 4:6], ids[:, 8:] = 7, 3, 7  # 7 is cut in two
    infos = [
        dict(id=7, category_id=1, isthing=True, score=0.9, area=18),
        dict(id=3, category_id=2, isthing=False, score=0.9, area=12),
    ]
    prediction = Prediction((ids == 7).astype(np.uint8), segments=Segments(ids, infos))
    outputs = FileOutputs(tmp_path, overlays=False, polygons='labelme')
    item = InputFile(str(tmp_path / 'x.png'), 'x')
    outputs.write_image(item, np.zeros((6, 9, 3)), prediction, PALETTE, CLASSES)
    shapes = json.loads((tmp_path / 'labelme/x.json').read_text())['shapes']
    found = sorted((s['label'], s['group_id']) for s in shapes if s['group_id'])
    assert found == [('cell', 7), ('cell', 7)]
    assert len(shapes) == 3
