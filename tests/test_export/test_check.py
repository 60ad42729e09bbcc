"""A file that does not do what its network does is refused."""

import copy

import numpy as np
import pytest
import torch
from tiny_segmentor import metadata, tiny_segmentor

from mmseg_deeplab.export.check_file import SIZES, ExportDiffersError, check_file
from mmseg_deeplab.export.export_formats import write_torchscript
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.models.fast_prediction import prepare_for_inference


@pytest.fixture
def check(tmp_path):
    """Return what writes a graph and compares the file with a network."""

    def run(graph, model, output='labels', **changes):
        path = tmp_path / 'tiny.torchscript'
        content = write_torchscript(graph.eval(), metadata(output, **changes))
        path.write_bytes(content)
        return check_file(path, model)

    return run


@pytest.mark.parametrize('output', ['labels', 'probabilities'])
def test_a_folded_network_agrees(check, output):
    model = tiny_segmentor()
    folded = prepare_for_inference(copy.deepcopy(model), channels_last=False)
    found = check(PredictionGraph(folded, output), model, output)
    assert 0 < found.logit_error < 1e-5
    assert found.other_labels <= 2
    assert found.pixels == sum(int(np.prod(size)) for size in SIZES)
    assert '97x131, 64x64, 255x33' in found.text()


def test_a_sigmoid_agrees(check):
    model = tiny_segmentor(num_classes=2, out_channels=1)
    graph = PredictionGraph(copy.deepcopy(model))
    found = check(graph, model, threshold=model.decode_head.threshold)
    assert found.logit_error < 1e-5


@pytest.mark.parametrize(
    ('change', 'message'), [(0.1, '97x131: a logit differs'), (torch.nan, 'by nan')]
)
def test_other_logits_are_refused(check, change, message):
    model = tiny_segmentor()
    other = copy.deepcopy(model)
    other.decode_head.conv_seg.bias.data[0] += change
    with pytest.raises(ExportDiffersError, match=message):
        check(PredictionGraph(other), model)


class Changed(PredictionGraph):
    """Labels are one too large, probabilities half as large."""

    def forward(self, image):
        found = super().forward(image)
        return found / 2 if found.is_floating_point() else found + 1


@pytest.mark.parametrize(
    ('output', 'message'),
    [('labels', 'labels differ'), ('probabilities', r'add up to 0\.5')],
)
def test_other_results_of_equal_logits_are_refused(check, output, message):
    model = tiny_segmentor()
    with pytest.raises(ExportDiffersError, match=message):
        check(Changed(copy.deepcopy(model), output), model, output)
