"""Which images two data sets have in common."""

import pytest

from mmseg_deeplab.datasets import shared_images as module
from mmseg_deeplab.datasets.shared_images import shared_images


@pytest.fixture
def files(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(name: str, content: bytes) -> str:
        (tmp_path / name).write_bytes(content)
        return str(tmp_path / name)

    return write


def test_equal_contents_and_links_are_the_same_image(files, tmp_path):
    one, twin = (files(name, b'1' * 20000) for name in ('one', 'twin'))
    others = [files('end', b'1' * 19999 + b'2'), files('more', b'1' * 20001)]
    link = tmp_path / 'link'
    link.symlink_to(others[0])
    assert shared_images([one, *others], [twin]) == [(one, twin)]
    assert shared_images([str(link)], others) == [(others[0], others[0])]
    assert shared_images([one], others) == []


def test_images_that_are_no_files_have_their_names_alone():
    assert shared_images(['s3://x/a.png', 'no/b.png'], ['no/b.png', 'no/c.png']) == (
        shared_images(['no/b.png'], ['no/b.png'])
    )


def test_only_names_are_compared_where_files_are_many(files, monkeypatch):
    one, twin = (files(name, b'1') for name in ('one', 'twin'))
    monkeypatch.setattr(module, 'MAX_FILES', 1)
    assert shared_images([one], [twin]) == []
    assert shared_images([one], [one]) == [(one, one)]
