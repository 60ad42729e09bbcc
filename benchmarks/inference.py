"""``infer``: prediction from decoded images to labels, against ``EncoderDecoder``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Errors, Row, Study, require
from .networks import Network, has_bfloat16, lean_segmentor, scenes, stock_segmentor
from .report import LIMIT, columns_of

V2_R50 = dict(backbone=dict(depth=50))
MNV2 = ('v3 MobileNetV2', 'deeplabv3_mobilenetv2', 19)
WINDOWS = dict(mode='slide', crop_size=(769, 769), stride=(513, 513))
NETWORKS = {
    'v3_mobilenetv2': Network(*MNV2, (1024, 2048)),
    'v3_mobilenetv2_small': Network(*MNV2, (360, 480)),
    'v3_mobilenetv2_slide': Network(
        'v3 MobileNetV2, slide 769', *MNV2[1:], (1024, 2048), dict(test_cfg=WINDOWS)
    ),
    'v2_r50': Network('v2 R50', 'deeplabv2_r101', 19, (512, 1024), V2_R50),
    'v2_r101': Network('v2 R101', 'deeplabv2_r101', 21, (513, 513)),
    'v3_r50': Network('v3 R50', 'deeplabv3_r50', 19, (512, 1024)),
    'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 19, (512, 1024)),
}
QUICK_NETWORKS = {
    'v3_mobilenetv2_small': NETWORKS['v3_mobilenetv2_small'],
    'v3plus_r50': Network('v3+ R50', 'deeplabv3plus_r50', 19, (256, 512)),
}


LARGEST_SHARE = 1e-3


@dataclass(frozen=True)
class Variant:
    """A way to run the lean segmentor.

    Args:
        text: The text in the table.
        settings: Those of :func:`prepare_for_inference`; None for a plain network.
        largest: The largest share of labels that may differ: where rounding decides.
            In bfloat16 there are many, since the margins of random weights are small.
    """

    text: str
    settings: Mapping[str, bool] | None
    largest: float = LARGEST_SHARE


VARIANTS = {
    'lean': Variant('`LeanEncoderDecoder`', None),
    'fast': Variant('`fast_inference`', {}),
    'bfloat16': Variant('`fast_inference`, bfloat16', dict(bfloat16=True), 0.4),
    'compile': Variant('`fast_inference`, compiled', dict(compile=True)),
}


def inference_cases(
    network: Network, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant; bfloat16 only where the device has it."""
    cfg = network.config()
    stock = stock_segmentor(cfg, network.size, device)
    images = scenes(1, network.size, device)
    for variant in map(VARIANTS.__getitem__, variants):
        if variant is VARIANTS['bfloat16'] and not has_bfloat16(device):
            continue
        ours = lean_segmentor(cfg, stock)
        if variant.settings is not None:
            prepare_for_inference(ours, **variant.settings)
        yield Case(
            group=f'{network.name}, {network.size[0]} x {network.size[1]}',
            name=variant.text,
            stock=prediction(stock, images),
            ours=prediction(ours, images),
            compare=partial(compare_labels, largest=variant.largest),
            device=device,
        )


def prediction(model: nn.Module, images: list[Tensor]) -> Callable[[], Tensor]:
    """Return a function that predicts labels ``(N, H, W)``, normalisation included.

    Args:
        model: A segmentor.
        images: ``(3, H, W)`` uint8 each, as a data loader gives them.
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


def compare_labels(stock: Tensor, ours: Tensor, *, largest: float) -> Errors:
    """Return the share of labels ``(N, H, W)`` that differ.

    Args:
        stock: The stock labels.
        ours: Our labels.
        largest: The largest share that may differ.

    Raises:
        ResultsDiffer: If more differ, or the stock labels are all of one class and so
            say nothing.
    """
    errors = dict(
        other_labels=(stock != ours).double().mean().item(),
        classes=len(stock.unique()),
    )
    same = errors['other_labels'] <= largest
    require(same and errors['classes'] > 1, 'predicted labels', errors)
    return errors


def other_labels_text(row: Row) -> str:
    """Return the share of labels that differ."""
    share = row['errors'].get('other_labels')
    return '-' if share is None else f'{share:.2g}'


COLUMNS = columns_of(('network', 'ours'), {**LIMIT, 'other labels': other_labels_text})
STUDY = Study(
    help='prediction, from decoded images to labels',
    columns=COLUMNS,
    subjects=NETWORKS,
    quick=QUICK_NETWORKS,
    cases=inference_cases,
    variants=tuple(VARIANTS),
)
