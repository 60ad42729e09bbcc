"""The hash of a published file, which stands in its name."""

import hashlib

import pytest

from mmseg_deeplab.utils.file_hashes import check_hash, named_hash

CONTENT = b'weights'
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ('name', 'digits'),
    [
        ('deeplabv3_r50-d8_cityscapes_20200605_022449-acadc2f8.pth', 'acadc2f8'),
        (f'streets-{DIGEST}.safetensors', DIGEST),
        ('archive-0676ba61.tar.gz', '0676ba61'),
        ('iter_40000.pth', None),
        ('run-2024.pth', None),
        ('acadc2f8.pth', None),
        ('net-acadc2f8-best.pth', None),
        ('net-ACADC2F8.pth', None),
    ],
)
def test_the_hash_stands_before_the_suffix(name, digits):
    assert named_hash(name) == digits


@pytest.mark.parametrize('digits', [8, 64])
def test_the_right_file_passes_and_another_one_is_named(tmp_path, digits):
    file = tmp_path / f'net-{DIGEST[:digits]}.pth'
    file.write_bytes(CONTENT)
    check_hash(file)
    file.write_bytes(CONTENT + b'!')
    with pytest.raises(ValueError, match=rf'{file.name} \(8 bytes\).*as its name says'):
        check_hash(file)


def test_a_name_without_a_hash_goes_with_any_content(tmp_path):
    file = tmp_path / 'net.pth'
    file.write_bytes(CONTENT)
    check_hash(file)
