"""Colour labels: every pixel gets its class, and unknown colours are named."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_deeplab.datasets import LoadCheckedAnnotations
from mmseg_deeplab.datasets.transforms import LabelColors

COLORS = ((128, 64, 128), (0, 0, 142), (142, 0, 0), (1, 1, 1))
IGNORED = ((0, 0, 0), (9, 9, 9))
SIZE = (12, 16)


@pytest.fixture
def colors() -> LabelColors:
    return LabelColors(COLORS, ignored=IGNORED, origin='labels.txt')


@pytest.fixture
def ids() -> np.ndarray:
    return np.random.default_rng(0).choice(np.uint8([0, 1, 2, 3, 255]), SIZE)


def paint(ids: np.ndarray) -> np.ndarray:
    """Give each id its colour (RGB), pixel by pixel."""
    table = {**dict(enumerate(COLORS)), 255: IGNORED[1]}
    rows = [[table[value] for value in row] for row in ids.tolist()]
    return np.array(rows, np.uint8)


def encode(image, suffix: str = '.png', **options) -> bytes:
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    image.save(buffer, format=Image.registered_extensions()[suffix], **options)
    return buffer.getvalue()


def palette_image(indices: np.ndarray, palette) -> Image.Image:
    image = Image.fromarray(indices)
    image.putpalette(np.ravel(palette).astype(np.uint8).tobytes())
    return image


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.tif'])
def test_colours_become_ids_and_grey_files_hold_ids(colors, ids, suffix):
    found = colors.read(encode(paint(ids), suffix), 'x')
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ids)
    content = cv2.imencode(suffix, ids)[1].tobytes()
    assert colors.read(content, 'x') is None


def test_an_alpha_channel_must_be_opaque(colors, ids):
    image = np.dstack([paint(ids), np.full(SIZE, 255, np.uint8)])
    np.testing.assert_array_equal(colors.read(encode(image), 'x'), ids)
    image[3, :5, 3] = 0
    with pytest.raises(ValueError, match=r'x\.png: 5 pixels are transparent'):
        colors.read(encode(image), 'x.png')


def test_16_bit_colours_are_refused(colors, ids):
    content = cv2.imencode('.png', paint(ids).astype(np.uint16) * 257)[1].tobytes()
    with pytest.raises(ValueError, match=r'x\.png.*uint16.*8-bit'):
        colors.read(content, 'x.png')


def test_unknown_colours_are_named_with_their_place(colors, ids):
    image = paint(ids)
    image[2, 5:8] = 128, 64, 127
    image[4, 1] = 200, 100, 50
    with pytest.raises(ValueError) as error:
        colors.read(encode(image), 'x.png')
    message = str(error.value)
    assert message.startswith('x.png: holds colours (RGB) that labels.txt does not')
    assert '(128, 64, 127) (3 pixels, first at row 2, column 5)' in message
    assert '(200, 100, 50) (1 pixels, first at row 4, column 1)' in message


def test_likely_causes_are_explained(colors, ids):
    smooth = cv2.GaussianBlur(paint(ids), (3, 3), 1)
    with pytest.raises(ValueError, match='anti-aliasing'):
        colors.read(encode(smooth), 'x.png')
    with pytest.raises(ValueError, match=r'x\.png.*truncated'):
        colors.read(encode(paint(ids))[:-9], 'x.png')


@pytest.mark.parametrize('bits', [4, 8])
def test_colours_of_a_palette_count_not_its_indices(colors, ids, bits):
    # As `optipng` stores a colour image: indices in any order.
    order = [(9, 9, 9), COLORS[2], COLORS[0], (77, 77, 77), COLORS[3], COLORS[1]]
    place = {0: 2, 1: 5, 2: 1, 3: 4, 255: 0}
    indices = np.vectorize(place.get)(ids).astype(np.uint8)
    content = encode(palette_image(indices, order), bits=bits)
    np.testing.assert_array_equal(colors.read(content, 'x'), ids)


def test_index_255_of_a_palette_is_ignored(colors, ids):
    palette = np.full((256, 3), 77)
    palette[:4], palette[255] = COLORS, (224, 224, 192)
    content = encode(palette_image(ids, palette))
    np.testing.assert_array_equal(colors.read(content, 'x'), ids)


def test_indices_of_a_foreign_palette_are_ids(colors, ids):
    palette = np.random.default_rng(0).integers(200, 256, (256, 3))
    assert colors.read(encode(palette_image(ids, palette)), 'x') is None


def test_palette_of_known_and_unknown_colours_is_refused(colors, ids):
    palette = np.full((256, 3), 77)
    palette[:2] = COLORS[:2]
    with pytest.raises(ValueError, match=r'\(77, 77, 77\) \(.*class ids'):
        colors.read(encode(palette_image(ids, palette)), 'x.png')


@pytest.fixture
def load(tmp_path):
    """Return a function that loads an image as a label with listed colours."""

    def load(image, colors, reduce_zero_label=False) -> np.ndarray:
        path = tmp_path / 'x.png'
        path.write_bytes(encode(image))
        results = dict(label_colors=colors, reduce_zero_label=reduce_zero_label)
        results |= dict(seg_map_path=str(path), seg_fields=[])
        return LoadCheckedAnnotations(num_classes=4)(results)['gt_seg_map']

    return load


BLACK, GREY, WHITE, RED = (0, 0, 0), (128, 128, 128), (255, 255, 255), (255, 0, 0)


@pytest.mark.parametrize(
    ('colors', 'values', 'expected'),
    [
        ([BLACK, WHITE], [0, 255], [0, 1]),  # a mask as most tools write it
        ([WHITE, BLACK], [0, 255], [1, 0]),
        ([BLACK, WHITE], [0, 1], [0, 1]),  # ids, whose colours are for drawing
        ([BLACK, WHITE], [0, 1, 255], [0, 1, 255]),
        ([BLACK, GREY, WHITE], [0, 128, 255], [0, 1, 2]),
        ([BLACK, GREY, WHITE], [0, 1, 2], [0, 1, 2]),
        ([BLACK, WHITE, RED], [255], [1]),
        ([RED, WHITE, BLACK], [0, 255], [2, 1]),
        ([RED, BLACK], [0, 255], [0, 255]),  # white is not listed
        ([RED, BLACK], [0], [0]),  # ids: grey cannot hold all colours
        ([BLACK, RED], [0, 1, 255], [0, 1, 255]),
        ([WHITE, BLACK], [0], 'may be class ids or colours.*first'),
    ],
)
def test_values_of_grey_files_are_colours_or_ids(load, colors, values, expected):
    label = np.uint8([values])
    if isinstance(expected, str):
        with pytest.raises(ValueError, match=expected):
            load(label, LabelColors(colors))
    else:
        assert load(label, LabelColors(colors)).tolist() == [expected]


@pytest.mark.parametrize('colors', [[BLACK, WHITE], [WHITE, RED, BLACK]])
@pytest.mark.parametrize('mask', [[0, 1], [0, 0], [1, 1]])
def test_bits_are_black_and_white(load, colors, mask):
    places = [colors.index(BLACK), colors.index(WHITE)]
    found = load(np.bool_([mask]), LabelColors(colors))
    assert found.tolist() == [[places[bit] for bit in mask]]


@pytest.mark.parametrize('reduce_zero_label', [False, True])
def test_loader_converts_colours_and_reduces_ids_alone(
    load, colors, ids, reduce_zero_label
):
    grey = np.where(ids == 255, 0, ids + np.uint8(1)) if reduce_zero_label else ids
    for image in (paint(ids), grey):
        np.testing.assert_array_equal(load(image, colors, reduce_zero_label), ids)
