"""What a file says about itself."""

import pytest
from tiny_segmentor import metadata

from mmseg_deeplab.inference.export_metadata import ExportMetadata


@pytest.mark.parametrize(
    'changes',
    [
        dict(),
        dict(threshold=0.3, resize=dict(scale=(2048, 512), keep_ratio=True)),
        dict(notes=('no CRF',), int8=dict(images=3, of='folder', method='minmax')),
    ],
)
def test_what_is_written_is_read(changes):
    before = metadata(**changes)
    after = ExportMetadata.from_text(before.to_text(), path='x.onnx')
    assert after == before


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({}, 'holds no metadata of mmseg_deeplab'),
        ({'package': '"other"'}, 'holds no metadata of mmseg_deeplab'),
        ({'package': '"mmseg_deeplab"', 'classes': '[]'}, 'KeyError.*palette'),
        (metadata().to_text() | {'mean': '[1,'}, 'are damaged'),
    ],
)
def test_a_foreign_or_damaged_file_is_named(found, message):
    with pytest.raises(ValueError, match=f'x.onnx: .*{message}'):
        ExportMetadata.from_text(found, path='x.onnx')
