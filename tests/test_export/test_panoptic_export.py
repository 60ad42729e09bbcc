"""A panoptic network as an ONNX file, and what it predicts with the grouping."""

import numpy as np
import pytest
from panoptic_network import write_model

from mmseg_deeplab.export import export_model
from mmseg_deeplab.export.check_file import random_images
from mmseg_deeplab.inference import ModelSource, load_predictor
from mmseg_deeplab.utils.errors import InputError

GROUPING = dict(stuff_area=16, nms_kernel=31)


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> list[str]:
    return write_model(tmp_path_factory.mktemp('model'), grouping=GROUPING)


@pytest.mark.slow
def test_file_finds_the_segments_of_the_network(model, tmp_path):
    exported = export_model(*model, out=tmp_path / 'a.onnx', output='probabilities')
    assert exported.metadata.panoptic == dict(thing_classes=(1, 2), **GROUPING)
    images = [*random_images((2, 65, 98)), random_images((1, 40, 40))[0]]
    sources = ModelSource(*model), ModelSource(None, str(exported.path))
    expected, found = (load_predictor(source).predict(images) for source in sources)
    for one, other in zip(expected, found, strict=True):
        assert len(one.segments.infos) > 2
        assert (one.segments.ids == other.segments.ids).mean() > 0.99
        assert np.array_equal(one.labels.shape, one.segments.ids.shape)
        numbers = [{s['id'] for s in p.segments.infos} for p in (one, other)]
        assert numbers[0] == numbers[1]


def test_other_formats_are_refused(model, tmp_path):
    with pytest.raises(InputError, match='--format onnx'):
        export_model(*model, format='torchscript', out=tmp_path / 'a.torchscript')
