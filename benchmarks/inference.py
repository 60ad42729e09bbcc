"""Prediction, from decoded images to labels: each switch against ``EncoderDecoder``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmseg.models.segmentors import SegTTAModel
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.models import BatchedTTAModel, predicting
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Contender, Work, require
from .complexity import complexity
from .networks import Network, has_bfloat16, lean_segmentor, scenes, stock_segmentor
from .report import (
    limit_text,
    megabytes_text,
    memory_ratio_text,
    multiply_adds_text,
    ratio_text,
    seconds_text,
)
from .timing import Stopwatch

V2_R50 = dict(backbone=dict(depth=50))
SLIDE = dict(mode='slide', crop_size=(769, 769), stride=(513, 513))
NETWORKS = {
    'v3_mobilenetv2': Network(
        'v3 MobileNetV2', 'deeplabv3_mobilenetv2', 19, (1024, 2048)
    ),
    'v3_mobilenetv2_small': Network(
        'v3 MobileNetV2', 'deeplabv3_mobilenetv2', 19, (360, 480)
    ),
    'v3_mobilenetv2_slide': Network(
        'v3 MobileNetV2, slide 769',
        'deeplabv3_mobilenetv2',
        19,
        (1024, 2048),
        dict(test_cfg=SLIDE),
    ),
    'v3_mobilenetv2_flip': Network(
        'v3 MobileNetV2 with flip',
        'deeplabv3_mobilenetv2',
        19,
        (512, 1024),
        flip=True,
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


@dataclass(frozen=True)
class Switch:
    """A way to run the lean segmentor.

    Args:
        text: For the table.
        settings: Of :func:`prepare_for_inference`; None for a plain network.
        stock_autocast: The host runs in bfloat16, too, as with ``fp16=True`` of its
            test loop.
    """

    text: str
    settings: Mapping[str, bool] | None
    stock_autocast: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether scores are the host's up to float32's rounding."""
        return not (self.settings or {}).get('bfloat16', False)


SWITCHES = {
    'lean': Switch('`LeanEncoderDecoder`', None),
    'folded': Switch('+ BatchNorm folded', dict(channels_last=False)),
    'channels_last': Switch('+ channels_last', dict(fold_bn=False)),
    'fast': Switch('+ both: `fast_inference`', {}),
    'bfloat16': Switch('`fast_inference`, bfloat16', dict(bfloat16=True)),
    'both_bfloat16': Switch(
        '`fast_inference`, both sides bfloat16', dict(bfloat16=True), True
    ),
    'compile': Switch('`fast_inference`, compiled', dict(compile=True)),
}
QUICK_SWITCHES = ('lean', 'fast')
# Labels that may differ: where the two best scores of a pixel differ by rounding.
LARGEST_SHARE = 1e-3
# With bfloat16, random weights and hence small margins, many do. What they lose: 0 is
# the best class everywhere, 1 the level of classes drawn by lot.
LARGEST_LOSS = 0.2


def inference_cases(
    device: torch.device,
    *,
    networks: Mapping[str, Network] = NETWORKS,
    switches: Sequence[str] = tuple(SWITCHES),
) -> Iterator[Case]:
    """Make a case of each network and switch.

    Args:
        device: Of both.
        networks: By name.
        switches: Keys of ``SWITCHES``; bfloat16 is passed over where the device has no
            instructions for it.

    Raises:
        ValueError: If there is no such switch.
    """
    unknown = [name for name in switches if name not in SWITCHES]
    if unknown:
        raise ValueError(f'no switch {unknown}: choose among {list(SWITCHES)}')
    chosen = [SWITCHES[name] for name in switches]
    if not has_bfloat16(device):
        chosen = [switch for switch in chosen if switch.is_exact]
    for network in networks.values():
        cfg = network.config()
        stock = stock_segmentor(cfg, network.size, device)
        work = prediction_work(cfg, stock, network)
        images = scenes(1, network.size, device)
        for switch in chosen:
            if network.flip and not switch.is_exact:
                continue  # two views of random weights have no common scores to judge
            yield _case(network, switch, cfg, stock, images, work)


def _case(
    network: Network,
    switch: Switch,
    cfg: ConfigDict,
    stock: nn.Module,
    images: list[Tensor],
    work: Work,
) -> Case:
    ours = lean_segmentor(cfg, stock)
    if switch.settings is not None:
        prepare_for_inference(ours, **switch.settings)
    device = images[0].device
    height, width = network.size
    compare: Callable = partial(compare_labels, largest=LARGEST_SHARE)
    if not switch.is_exact:
        compare = partial(compare_choices, stock, images)
    data = partial(flip_data if network.flip else plain_data, images)
    if network.flip:
        stock, ours = SegTTAModel(stock), BatchedTTAModel(ours)
    theirs = prediction(stock, data, device, autocast=switch.stock_autocast)
    return Case(
        group=f'{network.name}, {height} x {width}',
        name=switch.text,
        stock=Contender('EncoderDecoder', theirs, device),
        ours=Contender(switch.text, prediction(ours, data, device), device),
        compare=compare,
        work=work,
    )


def prediction(
    model: nn.Module,
    data: Callable[[], dict[str, Any]],
    device: torch.device,
    *,
    autocast: bool = False,
) -> Callable[[Stopwatch], Tensor]:
    """Return what predicts labels, normalisation included.

    Args:
        model: A segmentor, or one with test-time augmentation.
        data: Gives what a data loader does, each time anew.
        device: Of the model.
        autocast: In bfloat16, the whole step.
    """

    @torch.no_grad()
    def run(_: Stopwatch) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            found = model.test_step(data())
        return torch.cat([sample.pred_sem_seg.data for sample in found])

    return run


def plain_data(images: list[Tensor]) -> dict[str, Any]:
    """Return a batch of images ``(3, H, W)`` as a data loader gives it."""
    return dict(inputs=images, data_samples=[sample_of(image) for image in images])


def flip_data(images: list[Tensor]) -> dict[str, Any]:
    """Return a batch of two views, as images are and flipped."""
    flipped = dict(flip=True, flip_direction='horizontal')
    return dict(
        inputs=[images, [image.flip(-1) for image in images]],
        data_samples=[
            [sample_of(image) for image in images],
            [sample_of(image, **flipped) for image in images],
        ],
    )


def sample_of(image: Tensor, **metainfo: Any) -> SegDataSample:
    """Return the sample that a test pipeline packs with an image.

    Args:
        image: ``(3, H, W)``.
        **metainfo: More of it.
    """
    size = tuple(image.shape[-2:])
    known = dict(img_path='drawn', ori_shape=size, img_shape=size)
    return SegDataSample(metainfo=known | metainfo)


def prediction_work(cfg: ConfigDict, model: nn.Module, network: Network) -> Work:
    """Return the least work: the network, and each weight, pixel and label once.

    Args:
        cfg: Of the segmentor.
        model: The same, built.
        network: Says size and views. With overlapping windows a network sees more.
    """
    weights = sum(4 * parameter.numel() for parameter in model.parameters())
    views = 2 if network.flip else 1
    height, width = network.size
    return Work(
        multiply_adds=views * complexity(cfg, network.size).multiply_adds,
        bytes=weights + (3 + 8) * height * width,
    )


def compare_labels(stock: Tensor, ours: Tensor, *, largest: float) -> dict[str, float]:
    """Return the share of labels that differ.

    Args:
        stock: ``(N, H, W)``.
        ours: The same.
        largest: Share that is let pass.

    Raises:
        ResultsDiffer: If more differ, or the stock labels are of one class alone and
            so say nothing.
    """
    errors = dict(
        other_labels=(stock != ours).double().mean().item(),
        classes=len(stock.unique()),
    )
    same = errors['other_labels'] <= largest
    require(same and errors['classes'] > 1, 'predicted labels', errors)
    return errors


def compare_choices(
    model: nn.Module, images: list[Tensor], stock: Tensor, ours: Tensor
) -> dict[str, float]:
    """Return the share of labels that differ, and what they lose in score.

    Args:
        model: The host's segmentor.
        images: What was predicted.
        stock: ``(N, H, W)``.
        ours: The same.

    Raises:
        ResultsDiffer: If they lose much, or the stock labels are of one class alone.
    """
    with torch.no_grad(), predicting(model, keep_logits=True):
        found = model.test_step(plain_data(images))
    scores = torch.stack([sample.seg_logits.data for sample in found])
    level = scores.mean(1, keepdim=True)
    reached = [
        (scores.gather(1, labels[:, None]) - level).double().mean().item()
        for labels in (stock, ours)
    ]
    errors = dict(
        other_labels=(stock != ours).double().mean().item(),
        lost=1 - reached[1] / reached[0],
        classes=len(stock.unique()),
    )
    near = errors['lost'] <= LARGEST_LOSS
    require(near and errors['classes'] > 1, 'predicted labels', errors)
    return errors


def other_labels_text(row: dict[str, Any]) -> str:
    """Return the share of labels that differ."""
    share = row['errors'].get('other_labels')
    return '-' if share is None else f'{share:.2g}'


INFERENCE_COLUMNS = {
    'network': lambda row: row['group'],
    'ours': lambda row: row['name'],
    'stock, ms': lambda row: seconds_text(row, 'stock', unit=1e-3),
    'ours, ms': lambda row: seconds_text(row, 'ours', unit=1e-3),
    'times faster (range)': ratio_text,
    'stock, MB': lambda row: megabytes_text(row, 'stock'),
    'ours, MB': lambda row: megabytes_text(row, 'ours'),
    'times less memory': memory_ratio_text,
    'multiply-adds, G': multiply_adds_text,
    'of the limit': limit_text,
    'other labels': other_labels_text,
}
