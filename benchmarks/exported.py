"""Latency of one image: the network in PyTorch, compiled, in ONNX Runtime, in int8."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.export.export_formats import with_metadata, write_onnx
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.export.int8 import quantize
from mmseg_deeplab.inference.export_metadata import ExportMetadata
from mmseg_deeplab.inference.exported import OnnxFile
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Contender, Work
from .inference import NETWORKS, compare_labels, other_labels_text, prediction_work
from .networks import Network, lean_segmentor, scenes, stock_segmentor
from .report import limit_text, multiply_adds_text, ratio_text, seconds_text
from .timing import Stopwatch

EXPORT_NETWORKS = {
    name: NETWORKS[name]
    for name in ('v3_mobilenetv2_small', 'v3_mobilenetv2', 'v2_r50', 'v3plus_r50')
}
QUICK_EXPORT_NETWORKS = {
    'v2_r26': Network(
        'v2 R26',
        'deeplabv2_r101',
        8,
        (128, 256),
        dict(
            backbone=dict(depth=26, base_channels=8),
            decode_head=dict(in_channels=256),
        ),
    )
}
# Labels that may differ: by rounding, and between random weights in 8 bits.
LARGEST_SHARE = dict(onnxruntime=1e-3, int8=1.0, fast=1e-3, compiled=1e-3)
NUM_CALIBRATION_IMAGES = 4

Run = Callable[[Stopwatch], Tensor]


@dataclass(frozen=True)
class Subject:
    """One network, in PyTorch and as an ONNX file.

    Args:
        cfg: Of the segmentor.
        stock: The host's segmentor.
        image: ``(3, H, W)`` uint8, BGR.
        model: Content of the file; empty where no path needs it.
    """

    cfg: ConfigDict
    stock: nn.Module
    image: Tensor
    model: bytes

    def lean(self, **settings: bool) -> Run:
        """Return our segmentor in PyTorch."""
        ours = lean_segmentor(self.cfg, self.stock)
        return labels_of(prepare_for_inference(ours, **settings), self.image)

    def onnx(self, model: bytes) -> Run:
        """Return an ONNX Runtime session with as many threads as PyTorch has."""
        file = OnnxFile(
            model,
            str(self.image.device),
            threads=torch.get_num_threads(),
        )
        image = rgb(self.image)[None]
        return lambda _: torch.from_numpy(file(image)).long()

    def quantised(self) -> bytes:
        """Return the file in 8 bits, calibrated on other scenes."""
        size = tuple(self.image.shape[1:])
        cpu = torch.device('cpu')
        images = scenes(1 + NUM_CALIBRATION_IMAGES, size, cpu)[1:]
        return with_metadata(quantize(self.model, map(rgb, images)), METADATA)


METADATA = ExportMetadata(
    classes=(),
    palette=[],
    output='labels',
    config='benchmark',
    mean=[],
    std=[],
    channels='RGB',
    size_divisor=1,
    align_corners=False,
)
PATHS: dict[str, tuple[str, Callable[[Subject], Run]]] = {
    'fast': ('PyTorch, `fast_inference`', lambda one: one.lean()),
    'compiled': ('the same, compiled', lambda one: one.lean(compile=True)),
    'onnxruntime': ('ONNX Runtime', lambda one: one.onnx(one.model)),
    'int8': ('ONNX Runtime, int8', lambda one: one.onnx(one.quantised())),
}


def exported_cases(
    device: torch.device,
    *,
    networks: Mapping[str, Network] = EXPORT_NETWORKS,
    paths: Sequence[str] = tuple(PATHS),
    say: Callable[[str], None] = print,
) -> Iterator[Case]:
    """Make a case of each network and path, each against the host in PyTorch.

    Weights are random, so that the share of other labels says little about int8: see
    ``tools/export.py --int8`` for a trained network.

    Args:
        device: Of both.
        networks: By name.
        paths: Keys of ``PATHS``. ``'compiled'`` is passed over where there is no C++
            compiler, ``'int8'`` on a GPU, for which ONNX Runtime has no such kernels.
        say: Gets a line about each path that is passed over.

    Raises:
        ValueError: If there is no such path.
    """
    unknown = [name for name in paths if name not in PATHS]
    if unknown:
        raise ValueError(f'no path {unknown}: choose among {list(PATHS)}')
    chosen = [name for name in paths if _can_run(name, device, say)]
    for network in networks.values():
        subject = _subject(network, device, exports='onnxruntime' in paths)
        work = prediction_work(subject.cfg, subject.stock, network)
        for name in chosen:
            yield _case(network, name, subject, work)


def _can_run(name: str, device: torch.device, say: Callable[[str], None]) -> bool:
    if name == 'compiled' and device.type == 'cpu' and not has_compiler():
        say('torch.compile needs a C++ compiler (g++), which is missing: passed over')
        return False
    if name == 'int8' and device.type != 'cpu':
        say('int8 is measured on the CPU alone: passed over')
        return False
    return True


def has_compiler() -> bool:
    """Tell whether there is a C++ compiler, which torch.compile needs on a CPU."""
    return shutil.which(os.environ.get('CXX', 'g++')) is not None


def _subject(network: Network, device: torch.device, *, exports: bool) -> Subject:
    cfg = network.config()
    stock = stock_segmentor(cfg, network.size, device)
    model = b''
    if exports:
        folded = deepcopy(stock).cpu()
        prepare_for_inference(folded, channels_last=False)
        model = write_onnx(PredictionGraph(folded).eval(), METADATA)
    return Subject(cfg, stock, scenes(1, network.size, device)[0], model)


def _case(network: Network, name: str, subject: Subject, work: Work) -> Case:
    text, make = PATHS[name]
    height, width = network.size
    device = subject.image.device
    stock = labels_of(subject.stock, subject.image)
    return Case(
        group=f'{network.name}, {height} x {width}',
        name=text,
        stock=Contender('PyTorch', stock, device),
        ours=Contender(text, make(subject), device),
        compare=partial(compare_labels, largest=LARGEST_SHARE[name]),
        work=work,
    )


def labels_of(model: nn.Module, image: Tensor) -> Run:
    """Return what predicts the labels of one image, normalisation included.

    Args:
        model: A segmentor.
        image: ``(3, H, W)`` uint8, BGR.
    """
    size = tuple(image.shape[1:])

    @torch.no_grad()
    def run(_: Stopwatch) -> Tensor:
        sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
        (found,) = model.test_step(dict(inputs=[image], data_samples=[sample]))
        return found.pred_sem_seg.data

    return run


def rgb(image: Tensor) -> np.ndarray:
    """Return ``(H, W, 3)`` RGB of ``(3, H, W)`` BGR."""
    return np.ascontiguousarray(image.cpu().permute(1, 2, 0).numpy()[..., ::-1])


EXPORT_COLUMNS = {
    'network': lambda row: row['group'],
    'path': lambda row: row['name'],
    'PyTorch, ms': lambda row: seconds_text(row, 'stock', unit=1e-3),
    'path, ms': lambda row: seconds_text(row, 'ours', unit=1e-3),
    'times faster than PyTorch (range)': ratio_text,
    'multiply-adds, G': multiply_adds_text,
    'of the float32 limit': limit_text,
    'other labels': other_labels_text,
}
