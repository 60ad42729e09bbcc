"""Image files of all kinds become upright RGB of 8 bits."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from predicting import smooth_image

from mmseg_deeplab.datasets.transforms import LoadCheckedImage
from mmseg_deeplab.inference import read_image
from mmseg_deeplab.inference.images import header_size
from mmseg_deeplab.utils.image_formats import UNKNOWN_SIZE

PICTURE = smooth_image((24, 40))
ORIENTATION = 274  # EXIF tag


def encoded(image: Image.Image, suffix: str = 'png', **options) -> bytes:
    content = io.BytesIO()
    image.save(content, suffix, **options)
    return content.getvalue()


def test_reads_what_the_pipelines_read(tmp_path):
    path = tmp_path / '1.jpg'
    path.write_bytes(encoded(Image.fromarray(PICTURE), 'jpeg'))
    loaded = LoadCheckedImage().transform(dict(img_path=str(path)))['img']
    assert np.array_equal(read_image(path), loaded[..., ::-1])


def test_turns_an_image_as_its_orientation_says():
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turned by 90 degrees
    content = encoded(
        Image.fromarray(PICTURE), 'jpeg', exif=exif, quality=100, subsampling=0
    )
    turned = np.rot90(PICTURE, -1)
    assert np.abs(read_image(content).astype(int) - turned).mean() < 3


def deep(image: np.ndarray, suffix: str = 'png') -> bytes:
    """Encode with 16 bits; the lower half of them is not zero."""
    content = image.astype(np.uint16) * 256 + 77
    return cv2.imencode(f'.{suffix}', content)[1].tobytes()


GREY = PICTURE[..., 0]
GREY_RGB = np.stack([GREY] * 3, axis=-1)
FEW_COLOURS = Image.fromarray(PICTURE).quantize(16)
KINDS = {
    'grey': (encoded(Image.fromarray(GREY)), GREY_RGB),
    '16 bits': (deep(PICTURE[..., ::-1]), PICTURE),
    'grey png of 16 bits': (deep(GREY), GREY_RGB),
    'grey tiff of 16 bits': (deep(GREY, 'tiff'), GREY_RGB),
    'alpha': (encoded(Image.fromarray(np.dstack([PICTURE, GREY]))), PICTURE),
    'palette': (encoded(FEW_COLOURS), np.asarray(FEW_COLOURS.convert('RGB'))),
}


@pytest.mark.parametrize('kind', KINDS)
def test_each_kind_becomes_rgb_of_8_bits(kind):
    content, expected = KINDS[kind]
    assert np.array_equal(read_image(content), expected)


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'empty'),
        (encoded(Image.fromarray(PICTURE))[:500], 'truncated'),
        (encoded(Image.fromarray(PICTURE), 'jpeg')[:-30], 'truncated'),
        (b'<html>', 'web page'),
        (b'nonsense', 'not a readable image'),
        (encoded(Image.fromarray(PICTURE), 'pcx'), 'an unknown format'),
        (encoded(Image.fromarray(PICTURE), 'eps'), 'an unknown format'),
        (encoded(Image.fromarray(np.float32(PICTURE[..., 0])), 'tiff'), 'no image'),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path, content, reason):
    path = tmp_path / 'bad.png'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf'bad\.png: .*{reason}'):
        read_image(path)


def test_says_what_is_wrong_with_bytes():
    with pytest.raises(ValueError, match=r'upload\.jpg: .*empty'):
        read_image(b'', name='upload.jpg')


def test_refuses_too_many_pixels_before_it_decodes_them(tmp_path):
    path = tmp_path / 'large.png'
    header = struct.pack('>4sIIBBBBB', b'IHDR', 30_000, 20_000, 8, 0, 0, 0, 0)
    check = struct.pack('>I', zlib.crc32(header))
    content = encoded(Image.fromarray(PICTURE))
    path.write_bytes(content[:12] + header + check + content[33:])
    assert header_size(path) == UNKNOWN_SIZE  # beyond what Pillow opens
    with pytest.raises(ValueError, match=r'large\.png: .*more than 1000000 pixels'):
        read_image(path, max_pixels=1_000_000)
