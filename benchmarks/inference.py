"""``infer`` and ``export``: predictions from decoded images to labels."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.export.export_formats import with_metadata, write_onnx
from mmseg_deeplab.export.graph import PredictionGraph
from mmseg_deeplab.export.int8 import quantize
from mmseg_deeplab.inference.exported import ExportMetadata, OnnxFile
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import CPU, Case, Errors, Study, require
from .networks import Network, has_bfloat16, lean_segmentor, scenes, stock_segmentor
from .report import LIMIT, column, columns_of

V2_R50 = dict(backbone=dict(depth=50))
MNV2 = ('v3 MobileNetV2', 'deeplabv3_mobilenetv2', 19)
WINDOWS = dict(mode='slide', crop_size=(769, 769), stride=(513, 513))
SLIDE = ('v3 MobileNetV2, slide 769', *MNV2[1:])
NETWORKS = {
    'v3_mobilenetv2': Network(*MNV2, (1024, 2048)),
    'v3_mobilenetv2_small': Network(*MNV2, (360, 480)),
    'v3_mobilenetv2_slide': Network(*SLIDE, (1024, 2048), dict(test_cfg=WINDOWS)),
    'v2_r50': Network('v2 R50', 'deeplabv2_r101', 19, (512, 1024), V2_R50),
    'v2_r101': Network('v2 R101', 'deeplabv2_r101', 21, (513, 513)),
    'v3_r50': Network('v3 R50', 'deeplabv3_r50', 19, (512, 1024)),
    'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 19, (512, 1024)),
    'v3plus_r50_batch8': Network(
        'v3+ R50, batch 8', 'deeplabv3plus_r50', 19, (512, 1024), batch=8
    ),
}
EXPORTED = ('v3_mobilenetv2_small', 'v3_mobilenetv2', 'v2_r50', 'v3plus_r50')
SMALL_R26 = dict(
    backbone=dict(depth=26, base_channels=8), decode_head=dict(in_channels=256)
)
LARGEST_SHARE = 1e-3
CALIBRATION_IMAGES = 4


class Variant(NamedTuple):
    """A way to predict."""

    text: str  # in the table
    # Of `prepare_for_inference`; None for a plain lean network and for exported ones.
    settings: Mapping[str, bool] | None
    # The largest share of labels that may differ: where rounding decides. With random
    # weights the margins are small, so there are many in bfloat16, and int8 may differ
    # anywhere; `mmseg-deeplab export --int8` measures it for trained networks.
    largest: float = LARGEST_SHARE


VARIANTS = {
    'lean': Variant('`LeanEncoderDecoder`', None),
    'fast': Variant('`fast_inference`', {}),
    'bfloat16': Variant('`fast_inference`, bfloat16', dict(bfloat16=True), 0.4),
    'onnxruntime': Variant('ONNX Runtime', None),
    'int8': Variant('ONNX Runtime, int8', None, 1.0),
    'compile': Variant('`fast_inference`, compiled', dict(compile=True)),
}


def inference_cases(
    network: Network, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant, each against ``EncoderDecoder``.

    Left out is what the device cannot do: bfloat16 without instructions for it,
    ``compile`` without a C++ compiler, int8 on a GPU (ONNX Runtime has no kernels).
    """
    cfg = network.config()
    stock = stock_segmentor(cfg, network.size, device)
    images = scenes(network.batch, network.size, device)
    on_cpu = device.type == 'cpu'
    supported = dict(
        bfloat16=has_bfloat16(device),
        int8=on_cpu,
        compile=not on_cpu or shutil.which(os.environ.get('CXX', 'g++')) is not None,
    )
    for name in variants:
        if not supported.get(name, True):
            print(f'{name} is left out: it needs other hardware or a C++ compiler')
            continue
        variant = VARIANTS[name]
        if name in ('onnxruntime', 'int8'):
            file = onnx_file(stock, images[0], quantized=name == 'int8')
            ours = partial(_onnx_labels, file, rgb(images[0])[None])
        else:
            lean = lean_segmentor(cfg, stock)
            if variant.settings is not None:
                prepare_for_inference(lean, **variant.settings)
            ours = prediction(lean, images)
        yield Case(
            group=f'{network.name}, {network.size[0]} x {network.size[1]}',
            name=variant.text,
            stock=prediction(stock, images),
            ours=ours,
            compare=partial(compare_labels, largest=variant.largest),
            device=device,
        )


def prediction(model: nn.Module, images: list[Tensor]) -> Callable[[], Tensor]:
    """Return a function that predicts labels ``(N, H, W)``, normalisation included.

    The images are ``(3, H, W)`` uint8 each, as a data loader gives them.
    """

    @torch.no_grad()
    def run() -> Tensor:
        samples = [sample_of(image) for image in images]
        found = model.test_step(dict(inputs=images, data_samples=samples))
        return torch.cat([sample.pred_sem_seg.data for sample in found])

    return run


def sample_of(image: Tensor) -> SegDataSample:
    """Return the sample that a test pipeline packs with an image ``(..., H, W)``."""
    size = tuple(image.shape[-2:])
    metainfo = dict(img_path='drawn', ori_shape=size, img_shape=size)
    return SegDataSample(metainfo=metainfo)


def onnx_file(stock: nn.Module, image: Tensor, *, quantized: bool) -> OnnxFile:
    """Export a segmentor to ONNX; in 8 bits it is calibrated on other scenes."""
    metadata = ExportMetadata(
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
    folded = deepcopy(stock).cpu()
    prepare_for_inference(folded, channels_last=False)
    content = write_onnx(PredictionGraph(folded).eval(), metadata)
    if quantized:
        others = scenes(1 + CALIBRATION_IMAGES, tuple(image.shape[1:]), CPU)[1:]
        content = with_metadata(quantize(content, map(rgb, others)), metadata)
    return OnnxFile(content, str(image.device))


def _onnx_labels(file: OnnxFile, image: np.ndarray) -> Tensor:
    return torch.from_numpy(file(image)).long()


def rgb(image: Tensor) -> np.ndarray:
    """Return ``(H, W, 3)`` RGB of ``(3, H, W)`` BGR."""
    return np.ascontiguousarray(image.cpu().permute(1, 2, 0).numpy()[..., ::-1])


def compare_labels(stock: Tensor, ours: Tensor, *, largest: float) -> Errors:
    """Return the share of labels ``(N, H, W)`` that differ.

    If the stock labels are all of one class, they say nothing.
    """
    errors = dict(
        other_labels=(stock.cpu() != ours.cpu()).double().mean().item(),
        classes=len(stock.unique()),
    )
    same = errors['other_labels'] <= largest
    require(same and errors['classes'] > 1, 'predicted labels', errors)
    return errors


OTHER = column(lambda row: row['errors']['other_labels'], '{:.2g}'.format)
COLUMNS = columns_of(('network', 'ours'), {**LIMIT, 'other labels': OTHER})
STUDY = Study(
    help='prediction, from decoded images to labels',
    columns=COLUMNS,
    subjects=NETWORKS,
    quick={
        'v3_mobilenetv2_small': NETWORKS['v3_mobilenetv2_small'],
        'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 19, (256, 512)),
    },
    cases=inference_cases,
    variants=('lean', 'fast', 'bfloat16', 'compile'),
)
EXPORT_STUDY = Study(
    help='latency in PyTorch, compiled, in ONNX Runtime and in int8',
    columns=COLUMNS,
    subjects={name: NETWORKS[name] for name in EXPORTED},
    quick={'v2_r26': Network('v2 R26', 'deeplabv2_r101', 8, (128, 256), SMALL_R26)},
    cases=inference_cases,
    variants=('fast', 'onnxruntime', 'int8', 'compile'),
)
