"""A file that does not do what its network does is not let pass."""

import copy

import numpy as np
import pytest
import torch
from tiny_segmentor import metadata, tiny_segmentor

from mmseg_deeplab.export import torchscript_format
from mmseg_deeplab.export.check_file import (
    SIZES,
    ExportDiffersError,
    check_file,
    random_images,
)
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.export.torch_file import TorchFile
from mmseg_deeplab.models.inference_speed import prepare_for_inference


def opened(folder, graph, output='labels', **changes) -> TorchFile:
    path = folder / 'tiny.torchscript'
    content = torchscript_format.write(graph.eval(), metadata(output, **changes))
    path.write_bytes(content)
    return torchscript_format.open_file(path)


@pytest.mark.parametrize('output', ['labels', 'probabilities'])
def test_a_folded_network_agrees(tmp_path, output):
    model = tiny_segmentor()
    folded = prepare_for_inference(copy.deepcopy(model), channels_last=False)
    found = check_file(opened(tmp_path, PredictionGraph(folded, output), output), model)
    assert 0 < found.score_error < 1e-5
    assert found.other_labels <= 2
    assert found.pixels == sum(int(np.prod(size)) for size in SIZES)
    assert '97x131, 64x64, 255x33' in found.text()


def test_a_sigmoid_agrees(tmp_path):
    model = tiny_segmentor(num_classes=2, out_channels=1)
    threshold = model.decode_head.threshold
    file = opened(tmp_path, PredictionGraph(copy.deepcopy(model)), threshold=threshold)
    assert check_file(file, model).score_error < 1e-5


def test_a_changed_weight_is_found(tmp_path):
    model = tiny_segmentor()
    other = copy.deepcopy(model)
    other.backbone.conv1.weight.data[0] += 0.01
    with pytest.raises(ExportDiffersError, match='97x131: a score differs'):
        check_file(opened(tmp_path, PredictionGraph(other)), model)


def test_scores_that_are_no_numbers_are_found(tmp_path):
    model = tiny_segmentor()
    other = copy.deepcopy(model)
    other.decode_head.conv_seg.bias.data[:] = torch.nan
    with pytest.raises(ExportDiffersError, match='by nan'):
        check_file(opened(tmp_path, PredictionGraph(other)), model)


def test_other_labels_of_equal_scores_are_found(tmp_path):
    class Shifted(PredictionGraph):
        def forward(self, image):
            return super().forward(image) + 1

    model = tiny_segmentor()
    with pytest.raises(ExportDiffersError, match='labels differ'):
        check_file(opened(tmp_path, Shifted(copy.deepcopy(model))), model)


def test_probabilities_must_add_up(tmp_path):
    class Halved(PredictionGraph):
        def forward(self, image):
            return super().forward(image) / 2

    model = tiny_segmentor()
    graph = Halved(copy.deepcopy(model), 'probabilities')
    with pytest.raises(ExportDiffersError, match=r'add up to 0\.5'):
        check_file(opened(tmp_path, graph, 'probabilities'), model)


def test_images_for_the_check_have_structure():
    images = random_images((2, 40, 50))
    assert images.shape == (2, 40, 50, 3)
    assert images.dtype == np.uint8
    assert images.max() > 200
    np.testing.assert_array_equal(images, random_images((2, 40, 50)))
