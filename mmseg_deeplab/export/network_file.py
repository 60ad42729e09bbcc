"""The network of a predictor as an ONNX file, for ``predict --backend onnxruntime``."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor, nn

from mmseg_deeplab.inference import NetworkPredictor
from mmseg_deeplab.inference.backends import (
    Job,
    OnnxNetwork,
    network_logits,
    seconds_of,
)
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError

from .check_file import SIZES, TOLERANCE
from .export_formats import onnx_model
from .graph import EvenPools, replace_upsampling

ROUNDS = 3  # of a comparison of times


class LogitsGraph(nn.Module):
    """Backbone and head of a segmentor: inputs ``(N, C, H, W)`` to small logits."""

    def __init__(self, segmentor: BaseSegmentor) -> None:
        super().__init__()
        replace_upsampling(segmentor)
        self.segmentor = segmentor

    def forward(self, inputs: Tensor) -> Any:
        with EvenPools():
            return network_logits(self.segmentor, inputs)


@torch.no_grad()
def export_network(
    predictor: NetworkPredictor, path: Path, job: Job, *, must_be_faster: bool
) -> None:
    """Write the network of a predictor as an ONNX file that takes inputs of any size.

    The file is compared with the network on images of several sizes and, if it
    ``must_be_faster``, by :func:`check_speed`.

    Raises:
        InputError: If it is not equal or not faster; then no file is written.
    """
    segmentor = predictor.segmentor
    if not isinstance(segmentor.decode_head, BaseDecodeHead):
        raise InputError('a cascade of decode heads is not exported')
    channels = _num_channels(segmentor)
    # A batch with odd and different sides, so that no size becomes a condition.
    example = torch.zeros(2, channels, *SIZES[0][1:])
    model = onnx_model(LogitsGraph(segmentor), example, free=(0, 2, 3))
    content = model.SerializeToString()
    network = OnnxNetwork(content)
    for count, height, width in SIZES:
        patches = torch.randn(count, channels, height // 16 + 1, width // 16 + 1)
        compare_logits(segmentor, network, F.interpolate(2 * patches, (height, width)))
    if must_be_faster:
        check_speed(predictor, network, job)
    write_whole(content, path)


@torch.no_grad()
def check_speed(predictor: NetworkPredictor, network: OnnxNetwork, job: Job) -> None:
    """Raise InputError if a file is slower on an image of the job, or differs there."""
    segmentor = predictor.segmentor
    inputs = torch.randn(1, _num_channels(segmentor), 512, 512)
    if job.example is not None:
        inputs = predictor.network_inputs(job.example)
    compare_logits(segmentor, network, inputs)  # the first run of both is slower
    runs = (lambda: network(inputs)), (lambda: network_logits(segmentor, inputs))
    times = [[seconds_of(run) for run in runs] for _ in range(ROUNDS)]
    ours, theirs = map(min, zip(*times, strict=True))
    if ours > theirs:
        raise InputError(
            f'it is slower here, {ours:.3g} s against {theirs:.3g} s of PyTorch'
        )


def _num_channels(segmentor: BaseSegmentor) -> int:
    # The preprocessor has a mean only if it normalises.
    return getattr(segmentor.data_preprocessor, 'mean', torch.zeros(3)).numel()


def compare_logits(
    segmentor: BaseSegmentor, network: OnnxNetwork, inputs: Tensor
) -> None:
    """Raise InputError if a file gives other logits than the network."""
    expected = network_logits(segmentor, inputs)
    expected = (expected,) if isinstance(expected, Tensor) else expected
    for one, found in zip(expected, network(inputs), strict=True):
        error = float((found - one).abs().max() / one.abs().max())
        if not error <= TOLERANCE:  # NaN fails, too
            raise InputError(
                f'a logit differs from that of the network by {error:.2g} of the '
                f'largest one, more than {TOLERANCE:g}'
            )
