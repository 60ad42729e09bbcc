"""Files of each format: what goes in comes out, whatever the size of the image."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_segmentor import metadata, tiny_segmentor

from mmseg_deeplab.export.check_file import (
    FileWithLogits,
    random_images,
    reference_logits,
)
from mmseg_deeplab.export.export_formats import FORMATS
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.inference.exported import ExportMetadata, open_exported

ROOT = Path(__file__).resolve().parents[3]
# Even and odd, wide and high, one and several: none is the example's.
SIZES = [(1, 64, 64), (3, 33, 48), (1, 75, 9), (2, 8, 130)]


@pytest.fixture(scope='module')
def graph() -> PredictionGraph:
    model = tiny_segmentor()
    model.data_preprocessor.test_cfg = dict(size_divisor=4)
    return PredictionGraph(model).eval()


@pytest.fixture(scope='module')
def paths(graph, tmp_path_factory) -> dict[str, Path]:
    """Return one file of each format."""
    folder = tmp_path_factory.mktemp('files')
    paths = {name: folder / f'tiny{suffix}' for name, (suffix, _) in FORMATS.items()}
    for name, path in paths.items():
        path.write_bytes(FORMATS[name][1](graph, metadata()))
    return paths


@pytest.fixture(scope='module', params=list(FORMATS))
def path(request, paths) -> Path:
    return paths[request.param]


@pytest.mark.parametrize('size', SIZES, ids=str)
def test_results_and_logits_are_those_of_the_network(path, graph, size):
    images = random_images(size)
    logits = reference_logits(graph.segmentor, images)
    result, found = FileWithLogits(path)(images)
    np.testing.assert_allclose(found, logits, atol=1e-5)
    assert (result != logits.argmax(1)).mean() < 1e-3
    file = open_exported(path, trust_program=True)
    assert file.metadata == metadata()
    np.testing.assert_array_equal(file(images), result)


# torch.jit keeps the positions of the source.
@pytest.mark.parametrize('name', ['onnx', 'torch_export'])
def test_no_path_of_this_machine_is_in_the_file(paths, name):
    assert str(ROOT).encode() not in paths[name].read_bytes()


def test_onnx_names_its_sizes(paths):
    session = open_exported(paths['onnx']).session.opened()
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert given.shape == [*result.shape, 3] == ['batch', 'height', 'width', 3]
    assert result.name == 'labels'


@pytest.mark.parametrize('foreign', [False, True])
def test_a_truncated_or_foreign_file_is_refused(path, tmp_path, foreign):
    part = tmp_path / path.name
    content = path.read_bytes()[: path.stat().st_size // 2]
    part.write_bytes(b'something else' if foreign else content)
    with pytest.raises(ValueError, match=f'{part}: .*Remedy'):
        open_exported(part, trust_program=True)


def test_another_suffix_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / 'model.bin').touch()
    with pytest.raises(ValueError, match=r'ends in \.onnx, \.pt2, \.torchscript'):
        open_exported(tmp_path / 'model.bin')
    with pytest.raises(FileNotFoundError, match=r'none\.onnx'):
        open_exported(tmp_path / 'none.onnx')


@pytest.mark.parametrize('name', ['torch_export', 'torchscript'])
def test_a_program_is_loaded_only_if_it_is_trusted(paths, name):
    with pytest.raises(ValueError, match=r'is a program.*--trust-program'):
        open_exported(paths[name])
    assert open_exported(paths[name], trust_program=True).metadata == metadata()


def test_a_program_with_pickled_code_is_refused(paths, tmp_path):
    class Code:
        def __reduce__(self):
            return (Path.touch, (tmp_path / 'ran',))

    bad, code = tmp_path / 'bad.pt2', tmp_path / 'code.pt'
    torch.save(Code(), code)
    with (
        zipfile.ZipFile(paths['torch_export']) as source,
        zipfile.ZipFile(bad, 'w') as target,
    ):
        for name in source.namelist():
            is_pickle = name.endswith('.pt')  # the example's inputs
            target.writestr(name, code.read_bytes() if is_pickle else source.read(name))
    with pytest.raises(Exception, match=r'[Ww]eights.only'):
        open_exported(bad, trust_program=True)
    assert not (tmp_path / 'ran').exists()


# One that no machine has, and a kind that there is not.
@pytest.mark.parametrize('device', ['cuda:99', 'tpu'])
def test_onnx_runtime_without_such_a_device(device, paths):
    with pytest.raises(ValueError, match=f'device(=| must be .*){device!r}'):
        open_exported(paths['onnx'], device=device)


def test_metadata_that_are_written_are_read():
    resize, int8 = dict(scale=(2048, 512), keep_ratio=True), dict(images=3)
    before = metadata(threshold=0.3, resize=resize, int8=int8, notes=('no CRF',))
    assert ExportMetadata.from_text(before.to_text(), path='x.onnx') == before


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({'package': '"other"'}, 'holds no metadata of mmseg_deeplab'),
        ({'package': '"mmseg_deeplab"', 'classes': '[]'}, 'KeyError.*palette'),
        (metadata().to_text() | {'mean': '[1,'}, 'are damaged'),
    ],
)
def test_foreign_or_damaged_metadata_are_refused(found, message):
    with pytest.raises(ValueError, match=f'x.onnx: .*{message}'):
        ExportMetadata.from_text(found, path='x.onnx')
