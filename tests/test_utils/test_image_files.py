"""Only whole files of known formats and of bearable size reach a decoder."""

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image
from predicting import write_raster

from mmseg_deeplab.utils.data_file_errors import DataFileError
from mmseg_deeplab.utils.image_files import MAX_SCANS, decode, read_file
from mmseg_deeplab.utils.image_formats import SIGNATURES, image_format, read_header

RGB = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def encoded(kind: str, array: np.ndarray = RGB, **options) -> bytes:
    content = io.BytesIO()
    Image.fromarray(array).save(content, kind, **options)
    return content.getvalue()


def read(content: bytes, flag: str = 'unchanged', **limit) -> np.ndarray:
    return decode(content, 'x.png', flag=flag, backend='cv2', **limit)


@pytest.mark.parametrize('kind', SIGNATURES)
def test_formats_are_known_by_their_content(kind):
    content = encoded(kind)
    assert image_format(content) == kind
    header = read_header(io.BytesIO(content), 'x')
    assert (header.width, header.height) == (40, 24)
    assert read(content, 'color').shape == RGB.shape


@pytest.mark.parametrize(
    ('content', 'word'),
    [
        (encoded('EPS'), 'EPS'),
        (cv2.imencode('.hdr', RGB.astype(np.float32))[1].tobytes(), 'dynamic range'),
        (encoded('ICO'), 'unknown format'),
        (encoded('TGA'), 'unknown format'),
        (encoded('AVIF'), 'HEIC or AVIF'),
        (encoded('PDF'), 'PDF'),
        (bytes(128) + b'DICM' + bytes(40), 'DICOM'),
        (b'  <svg xmlns="http://www.w3.org/2000/svg"/>', 'drawing'),
        (b'RIFF\x24\0\0\0WAVEfmt ', 'unknown format'),
    ],
)
def test_other_formats_reach_no_decoder(monkeypatch, content, word):
    for opened in ('PIL.Image.open', 'mmcv.imfrombytes'):
        monkeypatch.setattr(opened, lambda *_, **__: pytest.fail('decoded'))
    with pytest.raises(DataFileError, match=rf'x\.png: not a readable image.*{word}'):
        read(content)


@pytest.mark.parametrize('kind', SIGNATURES)
def test_no_format_is_read_when_its_end_is_missing(kind):
    content = encoded(kind)
    for share in np.linspace(0.02, 0.98, 25):
        with pytest.raises(DataFileError, match=r'x\.png: .*Remedy'):
            read(content[: int(share * len(content))], 'color')


def test_every_damaged_byte_of_a_png_is_found():
    content = encoded('PNG', RGB[..., 0])
    for at in range(8, len(content), 3):
        damaged = bytearray(content)
        damaged[at] ^= 0x20
        with pytest.raises(DataFileError, match=r'damaged|truncated'):
            read(bytes(damaged))


def test_chunk_of_a_wrong_length_ends_the_search():
    content = bytearray(encoded('PNG'))
    content[8:12] = b'\xff\xff\xff\xff'
    with pytest.raises(DataFileError, match=r"damaged.*'IHDR'"):
        read(bytes(content))


def test_jpeg_of_many_scans_is_refused():
    content = encoded('JPEG', progressive=True)
    assert read(content).shape == RGB.shape
    scan = content.rindex(b'\xff\xda')
    bomb = content[:scan] + content[scan:-2] * (MAX_SCANS + 1) + content[-2:]
    with pytest.raises(DataFileError, match='scans'):
        read(bomb)


@pytest.mark.parametrize('subsampling', [0, 2])
@pytest.mark.parametrize('progressive', [False, True])
def test_jpeg_without_its_end_is_truncated(progressive, subsampling):
    options = dict(progressive=progressive, subsampling=subsampling)
    content = encoded('JPEG', **options)
    assert read(content + b'\0' * 9).shape == RGB.shape
    with pytest.raises(DataFileError, match='truncated'):
        read(content[: len(content) * 2 // 3])


@pytest.mark.parametrize('kind', ['GIF', 'TIFF', 'PNG', 'WEBP'])
def test_several_images_in_one_file_are_refused(kind):
    more = [Image.new('RGB', (40, 24))]
    with pytest.raises(DataFileError, match=r'several images.*ffmpeg'):
        read(encoded(kind, save_all=True, append_images=more))


def test_a_preview_beside_the_image_is_no_second_image():
    preview = Image.new('L', (9, 9))
    preview.encoderinfo = dict(tiffinfo={254: 1})  # NewSubfileType: reduced
    assert read(encoded('TIFF', save_all=True, append_images=[preview])).any()


@pytest.mark.parametrize('big', [False, True])
def test_tiff_of_huge_tiles_is_refused(tmp_path, big):
    profile = dict(tiled=True, blockxsize=64, blockysize=64)
    profile |= dict(BIGTIFF='YES' if big else 'NO')
    path = write_raster(tmp_path / 'x.tif', RGB.transpose(2, 0, 1), **profile)
    content = path.read_bytes()
    assert np.array_equal(read(content)[..., ::-1], RGB)
    entry = struct.pack('<HHQH' if big else '<HHLH', 322, 3, 1, 64)
    assert content.count(entry) == 1
    huge = content.replace(entry, entry[:-2] + struct.pack('<H', 60_000))
    with pytest.raises(DataFileError, match=r'tiles of 60000x64'):
        read(huge)


def test_pixels_are_counted_before_they_are_decoded():
    header = struct.pack('>4sIIBBBBB', b'IHDR', 30_000, 20_000, 8, 0, 0, 0, 0)
    content = encoded('PNG')
    check = struct.pack('>I', zlib.crc32(header))
    with pytest.raises(DataFileError, match='more than'):
        read(content[:12] + header + check + content[33:])
    assert read(content, max_pixels=960).shape == RGB.shape
    with pytest.raises(DataFileError, match='40x24 are more than 959 pixels'):
        read(content, max_pixels=959)


def test_a_huge_jpeg_with_more_behind_it_is_refused():
    content = encoded('JPEG')
    at = content.index(b'\xff\xc0') + 5  # the height and the width of SOF0
    huge = content[:at] + struct.pack('>HH', 60_000, 60_000) + content[at + 4 :]
    with pytest.raises(DataFileError, match='more than'):
        read(huge + b'more')


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    for path in (tmp_path / 'pipe.png', tmp_path, '/dev/zero'):
        with pytest.raises(DataFileError, match='a folder, a pipe or a device'):
            read_file(str(path), remedy='none')


def test_a_name_in_another_normal_form_is_found(tmp_path):
    (tmp_path / 'gru\u0308n.png').touch()
    with pytest.raises(FileNotFoundError, match=r'gru.u0308n.*only looks the same'):
        read_file(str(tmp_path / 'gr\u00fcn.png'), remedy='none')
