"""``export``: latency in PyTorch, compiled, in ONNX Runtime and in int8."""

import os
import shutil
from collections.abc import Iterator, Sequence
from copy import deepcopy
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mmseg_deeplab.export.export_formats import with_metadata, write_onnx
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.export.int8 import quantize
from mmseg_deeplab.inference.export_metadata import ExportMetadata
from mmseg_deeplab.inference.exported import OnnxFile
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import CPU, Case, Study
from .inference import (
    NETWORKS,
    compare_labels,
    other_labels_text,
    prediction,
)
from .networks import Network, lean_segmentor, scenes, stock_segmentor
from .report import LIMIT, TIMES

NAMES = ('v3_mobilenetv2_small', 'v3_mobilenetv2', 'v2_r50', 'v3plus_r50')
SMALL_R26 = dict(
    backbone=dict(depth=26, base_channels=8), decode_head=dict(in_channels=256)
)
# The text in the table, and the share of labels that may differ: by rounding, and in 8
# bits with random weights. `tools/export.py --int8` measures trained networks.
VARIANTS = {
    'fast': ('PyTorch, `fast_inference`', 1e-3),
    'onnxruntime': ('ONNX Runtime', 1e-3),
    'int8': ('ONNX Runtime, int8', 1.0),
    'compile': ('`fast_inference`, compiled', 1e-3),
}
CALIBRATION_IMAGES = 4
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


def export_cases(
    network: Network, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant, each against stock in PyTorch.

    Left out are ``compile`` on a CPU without a C++ compiler, and int8 on a GPU, for
    which ONNX Runtime has no such kernels.
    """
    cfg = network.config()
    stock = stock_segmentor(cfg, network.size, device)
    image = scenes(1, network.size, device)[0]
    model = b''
    if {'onnxruntime', 'int8'} & set(variants):
        folded = deepcopy(stock).cpu()
        prepare_for_inference(folded, channels_last=False)
        model = write_onnx(PredictionGraph(folded).eval(), METADATA)
    for variant in variants:
        if device.type == 'cpu' and variant == 'compile' and not has_compiler():
            print(
                'torch.compile needs a C++ compiler (g++), which is missing: left out'
            )
            continue
        if device.type != 'cpu' and variant == 'int8':
            continue
        if variant in ('fast', 'compile'):
            lean = lean_segmentor(cfg, stock)
            prepare_for_inference(lean, compile=variant == 'compile')
            ours = prediction(lean, [image])
        else:
            content = model
            if variant == 'int8':  # calibrated on other scenes
                images = scenes(1 + CALIBRATION_IMAGES, network.size, CPU)[1:]
                content = with_metadata(quantize(model, map(rgb, images)), METADATA)
            file = OnnxFile(content, str(device), threads=torch.get_num_threads())
            ours = partial(_onnx_labels, file, rgb(image)[None])
        text, largest = VARIANTS[variant]
        yield Case(
            group=f'{network.name}, {network.size[0]} x {network.size[1]}',
            name=text,
            stock=prediction(stock, [image]),
            ours=ours,
            compare=partial(compare_labels, largest=largest),
            device=device,
        )


def _onnx_labels(file: OnnxFile, image: np.ndarray) -> Tensor:
    return torch.from_numpy(file(image)).long()


def has_compiler() -> bool:
    """Tell whether there is a C++ compiler, which torch.compile needs on a CPU."""
    return shutil.which(os.environ.get('CXX', 'g++')) is not None


def rgb(image: Tensor) -> np.ndarray:
    """Return ``(H, W, 3)`` RGB of ``(3, H, W)`` BGR."""
    return np.ascontiguousarray(image.cpu().permute(1, 2, 0).numpy()[..., ::-1])


STUDY = Study(
    help='latency in PyTorch, compiled, in ONNX Runtime and in int8',
    columns={
        'network': lambda row: row['group'],
        'variant': lambda row: row['name'],
        **TIMES,
        **LIMIT,
        'other labels': other_labels_text,
    },
    subjects={name: NETWORKS[name] for name in NAMES},
    quick={'v2_r26': Network('v2 R26', 'deeplabv2_r101', 8, (128, 256), SMALL_R26)},
    cases=export_cases,
    variants=tuple(VARIANTS),
)
