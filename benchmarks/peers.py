"""DeepLab networks of other libraries, from decoded images to labels."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import torch
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmseg_deeplab import checkpoints
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Contender
from .inference import (
    LARGEST_SHARE,
    compare_labels,
    plain_data,
    prediction,
    prediction_work,
)
from .networks import (
    Network,
    Size,
    lean_segmentor,
    level_classes,
    measure_statistics,
    opposite_views,
    scenes,
    stock_segmentor,
)
from .report import digits
from .timing import Stopwatch

INSTALL = 'pip install torchvision segmentation_models_pytorch'
NUM_CLASSES = 19
# Of ImageNet, in RGB, 0..255: what both libraries are trained with.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SIZE, QUICK_SIZE = (512, 1024), (256, 512)
# Network of torchvision and the output stride that it has.
TORCHVISION = {'deeplabv3_mobilenet_v3_large': 16, 'deeplabv3_resnet50': 8}
# The network of segmentation_models_pytorch in our parts: torchvision's ResNet-50 at
# output stride 16, separable pyramid and decoder. It has one separable convolution at
# stride 16 and one at 4; ours, as the paper, two at 4.
SMP_TWIN = Network(
    'segmentation_models_pytorch DeepLabV3Plus, resnet50',
    'deeplabv3_r50_vainf',
    NUM_CLASSES,
    SIZE,
    dict(
        decode_head=dict(
            type='DeepLabV3PlusHead',
            dilations=(1, 12, 24, 36),
            c1_in_channels=256,
            num_convs=2,
            separable=True,
        )
    ),
)
NAME = 'same weights'
OTHER_NAME = 'same form, other weights'


def peer_cases(device: torch.device, *, size: Size = SIZE) -> Iterator[Case]:
    """Make a case of each network of the libraries that are installed.

    Args:
        device: Of both.
        size: Of the image.
    """
    if find_spec('torchvision') is not None:
        for name, output_stride in TORCHVISION.items():
            yield torchvision_case(name, output_stride, size, device)
    if find_spec('segmentation_models_pytorch') is not None:
        yield smp_case(size, device)


def torchvision_case(
    name: str, output_stride: int, size: Size, device: torch.device
) -> Case:
    """Return the case of a network of torchvision; ours has the same weights.

    Args:
        name: Of the function in ``torchvision.models.segmentation``.
        output_stride: Of this network.
        size: Of the image.
        device: Of both.
    """
    from torchvision.models import segmentation  # slow to import

    torch.manual_seed(0)
    build = getattr(segmentation, name)
    peer = build(weights=None, weights_backbone=None, num_classes=NUM_CLASSES)
    peer.eval().to(device)
    views = opposite_views(size, device)
    measure_statistics(peer, partial(peer_scores, peer, views))
    level_classes(peer.classifier[-1], peer_scores(peer, scenes(1, size, device)))
    state = checkpoints.convert(peer.state_dict(), 'torchvision')
    cfg = checkpoints.model_config(state, 'torchvision', output_stride=output_stride)
    ours = MODELS.build(dict(cfg, type='LeanEncoderDecoder'))
    ours.load_state_dict(state)
    return _case(
        f'torchvision {name}',
        peer,
        ours.to(device),
        ConfigDict(cfg),
        scenes(1, size, device),
        compare=partial(compare_labels, largest=LARGEST_SHARE),
    )


def smp_case(size: Size, device: torch.device) -> Case:
    """Return the case of segmentation_models_pytorch.

    Args:
        size: Of the image.
        device: Of both.
    """
    import segmentation_models_pytorch  # slow to import

    torch.manual_seed(0)
    peer = segmentation_models_pytorch.DeepLabV3Plus(
        'resnet50', encoder_weights=None, classes=NUM_CLASSES
    )
    cfg = SMP_TWIN.config()
    ours = lean_segmentor(cfg, stock_segmentor(cfg, size, device))
    images = scenes(1, size, device)
    return _case(
        SMP_TWIN.name, peer.eval().to(device), ours, cfg, images, compare=no_comparison
    )


def _case(
    name: str,
    peer: nn.Module,
    ours: nn.Module,
    cfg: ConfigDict,
    images: list[Tensor],
    *,
    compare: Callable[[Tensor, Tensor], dict[str, float]],
) -> Case:
    device = images[0].device
    network = Network(name, '', NUM_CLASSES, tuple(images[0].shape[-2:]))
    height, width = network.size
    prepare_for_inference(ours)
    data = partial(plain_data, images)
    work = prediction_work(cfg, ours, network)
    twin = OTHER_NAME if compare is no_comparison else NAME
    cost = digits(peer_multiply_adds(peer, images) / 1e9)
    return Case(
        group=f'{name}, {height} x {width}, {cost} G multiply-adds',
        name=f'`fast_inference`, {twin}',
        stock=Contender(name, partial(peer_labels, peer, images), device),
        ours=Contender('fast_inference', prediction(ours, data, device), device),
        compare=compare,
        work=work,
    )


@torch.no_grad()
def peer_scores(model: nn.Module, images: list[Tensor]) -> Tensor:
    """Return the scores at the size of the images, ``(N, K, H, W)``.

    Args:
        model: Of another library.
        images: ``(3, H, W)`` uint8, BGR.
    """
    inputs = torch.stack(images).flip(1).float()
    mean, std = (inputs.new_tensor(value).view(1, 3, 1, 1) for value in (MEAN, STD))
    scores = model((inputs - mean) / std)
    return scores['out'] if isinstance(scores, dict) else scores


def peer_labels(model: nn.Module, images: list[Tensor], _: Stopwatch) -> Tensor:
    """Return the labels as these libraries' examples do, ``(N, H, W)``."""
    return peer_scores(model, images).argmax(1)


def peer_multiply_adds(model: nn.Module, images: list[Tensor]) -> int:
    """Count the multiply-adds of a network while it runs."""
    with FlopCounterMode(display=False) as counter:
        peer_scores(model, images)
    return counter.get_total_flops() // 2


def no_comparison(stock: Tensor, ours: Tensor) -> dict[str, float]:
    """Return nothing: the weights differ. The labels are those of one image each.

    Raises:
        ValueError: If not even their sizes are equal.
    """
    if stock.shape != ours.shape:
        raise ValueError(f'labels of {tuple(stock.shape)} and {tuple(ours.shape)}')
    return {}
