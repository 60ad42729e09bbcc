"""The renderer: the same everywhere, exact, varied, and no matter of colour alone."""

import hashlib

import cv2
import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from mmseg_deeplab.datasets.street_scenes import (
    CLASSES,
    SPLITS,
    THINGS,
    render_panoptic,
    render_scene,
)
from mmseg_deeplab.datasets.street_scenes.camera import Camera, draw_camera
from mmseg_deeplab.datasets.street_scenes.cars import SHAPES, mesh
from mmseg_deeplab.datasets.street_scenes.light import Light
from mmseg_deeplab.datasets.street_scenes.random_numbers import (
    SIZE,
    RandomNumbers,
    noise_at,
    noise_tile,
)
from mmseg_deeplab.datasets.street_scenes.scene import Scene, see_wall
from mmseg_deeplab.datasets.street_scenes.street import Street

K = len(CLASSES)
# Start of the labels' SHA-256; equal with OpenCV 4.8, 4.12 and 5.0, NumPy 1.26 to 2.4.
GOLDEN_LABELS = [
    ('train', 0, (128, 256), '80c74412bd801d5627b573a8dd32171d'),
    ('val', 3, (128, 256), '1767a7c6c34cd5edf71498c8ab9cbb27'),
    ('test', 7, (200, 300), '6c94476234f5fdf561002c53d71d3315'),
    ('val', 24, (256, 512), '820ee6a7c12b6d84ff11f930a774d398'),
]


@pytest.fixture(scope='module')
def scenes():
    """Return 40 training and 20 validation scenes: images and labels."""
    drawn = {}
    for split, count in (('train', 40), ('val', 20)):
        pairs = [render_scene(split, index) for index in range(count)]
        drawn[split] = tuple(np.stack(arrays) for arrays in zip(*pairs, strict=True))
    return drawn


@pytest.fixture
def scene() -> Scene:
    rng = RandomNumbers(3)
    return Scene(draw_camera(rng, 48, 96), Street(rng), Light(rng))


@pytest.mark.parametrize('split, index, size, digest', GOLDEN_LABELS)
def test_scenes_are_the_same_on_every_machine(split, index, size, digest, root):
    image, label = render_scene(split, index, size)
    assert hashlib.sha256(label.tobytes()).hexdigest().startswith(digest)
    # The blur and the sums of floats may differ in the last digit.
    thumbnail = cv2.resize(image, (16, 8), interpolation=cv2.INTER_AREA)
    with np.load(root / 'tests/data/golden/street_scenes.npz') as golden:
        expected = golden[f'{split}_{index}']
    np.testing.assert_allclose(thumbnail, expected.astype(float), atol=1.01)


def test_random_numbers_are_those_of_numpy_and_keep_to_their_ranges():
    rng, generator = RandomNumbers(1, 2), np.random.default_rng([1, 2])
    blocks = [generator.random(256)[::-1] for _ in range(2)]
    assert [rng.unit() for _ in range(512)] == np.concatenate(blocks).tolist()
    assert {rng.integer(2, 4) for _ in range(99)} == {2, 3, 4}
    assert all(-1 <= rng.uniform(-1, 3) < 3 for _ in range(99))
    share = np.mean([rng.weighted({'a': 0.7, 'b': 0.3}) == 'a' for _ in range(4000)])
    assert share == pytest.approx(0.7, abs=0.04)


def test_a_scene_does_not_depend_on_others_or_threads():
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        image, label = render_scene('train', 5)
        cv2.setNumThreads(4)
        render_scene('train', 3)
        again, same = render_scene('train', 5)
    finally:
        cv2.setNumThreads(threads)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(label, same)


def test_splits_seeds_and_indices_give_other_scenes():
    keys = [(split, index, 0) for split in SPLITS for index in range(4)]
    keys += [('train', index, 1) for index in range(4)]
    labels = [render_scene(s, i, (32, 64), seed)[1].tobytes() for s, i, seed in keys]
    assert len(set(labels)) == len(keys)


@pytest.mark.parametrize(
    'size', [(32, 64), (33, 65), (97, 193), (321, 321), (64, 256), (1024, 2048)]
)
def test_any_size(size):
    image, label = render_scene('train', 1, size)
    assert image.shape == (*size, 3) and image.dtype == np.uint8
    assert label.shape == size and label.dtype == np.uint8


@pytest.mark.parametrize('index', range(4))
def test_plan_does_not_depend_on_the_size(index):
    _, coarse = render_scene('val', index, (128, 256))
    _, fine = render_scene('val', index, (256, 512))
    agreement = (fine[1::2, 1::2] == coarse).mean()
    assert agreement > 0.92  # the rest are borders


def test_every_class_is_there_also_the_small_ones(scenes):
    _, labels = scenes['train']
    counts = np.stack([np.bincount(label.ravel(), minlength=K) for label in labels])
    assert counts.shape == (40, K)  # no value beyond the classes
    share, present = counts.sum(0) / labels.size, (counts > 40).mean(0)
    assert share.min() > 0 and share.max() < 0.45
    for name, least in (('person', 0.02), ('car', 0.05), ('pole', 0.01)):
        assert share[CLASSES.index(name)] >= least
        assert present[CLASSES.index(name)] > 0.9


@pytest.mark.parametrize(
    'arguments, error, match',
    [
        (('trian', 0), ValueError, "split must be one of train.*'trian'"),
        (('train', -1), ValueError, 'index is -1'),
        (('train', 1.0), TypeError, 'index is 1.0'),
        (('train', 0, (31, 64)), ValueError, r'size is \(31, 64\).*\(32, 64\)'),
        (('train', 0, (64, 4096)), ValueError, r'\(1024, 2048\)'),
        (('train', 0, 128), TypeError, 'size is 128'),
        (('train', 0, (64, 128.0)), TypeError, 'two integers'),
        (('train', 0, (64, 128), -2), ValueError, 'seed is -2'),
        (('train', 0, (64, 128), True), TypeError, 'seed is True'),
    ],
)
def test_wrong_requests_are_explained(arguments, error, match):
    with pytest.raises(error, match=match):
        render_scene(*arguments)


def test_image_and_label_are_filled_from_one_mask(scene):
    rng, size = np.random.default_rng(0), scene.ids.shape
    scene.number = 4
    for _ in range(20):
        scene.ids[:], scene.image[:] = 0, 0
        points = cv2.convexHull(rng.integers(-10, 70, (6, 2)).astype(np.int32))
        scene.fill(points[:, 0], (1.0, 2.0, 3.0), 5)
        np.testing.assert_array_equal(scene.ids == 5004, scene.image[..., 2] == 3)
        assert set(np.unique(scene.image[..., 0])) <= {0, 1}  # no antialiasing
    scene.ids[:], expected = 0, np.zeros(size, bool)
    scene.paste(2, 4, np.eye(3, dtype=bool), np.full((3, 3, 3), 7.0), 1)
    expected[[2, 3, 4], [4, 5, 6]] = True
    np.testing.assert_array_equal(scene.ids == 1000, expected)
    np.testing.assert_array_equal((scene.image == 7).all(2), expected)


def test_camera_projects_by_similar_triangles():
    camera = Camera(height=100, width=200, focal=150, horizon=45, centre=90, eye=1.5)
    x, y, z = np.array([2.02]), np.array([0.27]), np.array([10.0])
    # 150 * 2.02 / 10 = 30.3 to the right, 150 * 1.23 / 10 = 18.45 below the horizon
    assert camera.pixels(x, y, z).tolist() == [[120, 63]]
    assert camera.slopes(120, 121)[0] == pytest.approx(2.02 / 10, abs=0.5 / 150)
    assert camera.drops(63, 64)[0] == pytest.approx(1.23 / 10, abs=0.5 / 150)


def test_wall_is_where_rays_meet_it(scene):
    start, end = np.array([-3.0, 2.0]), np.array([4.0, 30.0])
    wall = see_wall(scene, tuple(start), tuple(end), 5.0)
    column = int(np.flatnonzero(wall.inside)[len(wall.z) // 4])
    slope = scene.camera.slopes(wall.left + column, wall.left + column + 1)[0]
    # ray (slope, 1) * depth = start + share * (end - start), solved as a 2x2 system
    matrix = np.array([[slope, start[0] - end[0]], [1.0, start[1] - end[1]]])
    depth, share = np.linalg.solve(matrix, start)
    assert wall.z[column] == pytest.approx(depth, rel=1e-5)
    assert wall.u[column] == pytest.approx(
        share * np.linalg.norm(end - start), rel=1e-5
    )
    drops = scene.camera.drops(wall.top, wall.top + len(wall.v))
    np.testing.assert_allclose(
        wall.v[:, column], scene.camera.eye - drops * depth, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize('kind', SHAPES)
@pytest.mark.parametrize('turn', [1, -1])
def test_car_shows_its_near_end_only(kind, turn):
    camera = Camera(height=200, width=400, focal=300, horizon=90, centre=200, eye=1.5)
    parts = mesh(kind, fine=True)
    along, across, up = parts.corners.T
    pixels = camera.pixels(turn * across, up, 12 + turn * along)
    shown = {parts.materials[i] for i in np.flatnonzero(parts.seen(pixels))}
    near, far = ('tail', 'head') if turn == 1 else ('head', 'tail')
    assert near in shown and far not in shown


def test_noise_has_no_seam():
    tile = noise_tile(16, 4)
    steps = np.abs(np.diff(tile, axis=0)).max()
    assert np.abs(tile[0] - tile[-1]).max() <= steps
    places = np.array([0.5, SIZE + 0.5, -SIZE + 0.5])
    assert len(set(noise_at(tile, places, places).tolist())) == 1


def miou_by_colour(training, validation, *, balanced: bool) -> float:
    """Predict the most frequent class of each of 32**3 bins of colours."""
    (images, labels), (others, expected) = training, validation
    counts = np.zeros((32, 32, 32, K))
    np.add.at(counts, (*np.moveaxis(images >> 3, -1, 0), labels), 1)
    if balanced:
        counts /= counts.sum((0, 1, 2))
    predicted = counts.argmax(-1)[tuple(np.moveaxis(others >> 3, -1, 0))]
    masks = map(torch.from_numpy, (predicted, expected))
    hits, union, *_ = IoUMetric.intersect_and_union(*masks, K, 255)
    return 100 * (hits / union).mean().item()


@pytest.mark.parametrize('balanced', [False, True])
def test_colour_alone_does_not_tell_the_classes(scenes, balanced):
    assert miou_by_colour(*scenes.values(), balanced=balanced) < 40


def test_the_colour_classifier_would_find_colours(scenes):
    colours = np.arange(0, 256, 32, np.uint8)[:, None].repeat(3, 1)
    recoloured = [(colours[labels], labels) for _, labels in scenes.values()]
    assert miou_by_colour(*recoloured, balanced=False) == 100


def test_every_person_and_car_has_a_number_and_nothing_else_has_one():
    for index in range(6):
        image, ids = render_panoptic('train', index)
        same, label = render_scene('train', index)
        np.testing.assert_array_equal(image, same)
        np.testing.assert_array_equal(ids // 1000, label)
        np.testing.assert_array_equal(ids % 1000 > 0, np.isin(label, THINGS))
        numbers = np.unique(ids)[np.unique(ids) % 1000 > 0] % 1000
        assert len(numbers) == len(set(numbers.tolist())) >= 3
