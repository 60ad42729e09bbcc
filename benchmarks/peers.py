"""``peers``: DeepLab networks of other libraries, from decoded images to labels."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab import checkpoints
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Errors, Study, require
from .inference import COLUMNS, LARGEST_SHARE, compare_labels, prediction
from .networks import (
    Network,
    Size,
    balance_classes,
    lean_segmentor,
    measure_statistics,
    opposite_views,
    scenes,
    stock_segmentor,
)

NUM_CLASSES = 19
# ImageNet's in RGB, 0..255, with which both libraries train.
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SIZE, QUICK_SIZE = (512, 1024), (256, 512)
# The networks of torchvision and their output strides.
TORCHVISION = {'deeplabv3_mobilenet_v3_large': 16, 'deeplabv3_resnet50': 8}
# The network of segmentation_models_pytorch, built of our parts: torchvision's
# ResNet-50 at output stride 16, separable pyramid and decoder. It has one separable
# convolution at stride 16 and one at 4; ours, like the paper's, has two at 4.
SMP = 'segmentation_models_pytorch'
SMP_NAME = f'{SMP} DeepLabV3Plus, resnet50'
SMP_HEAD = dict(type='DeepLabV3PlusHead', dilations=(1, 12, 24, 36))
SMP_HEAD |= dict(c1_in_channels=256, num_convs=2, separable=True)


def peer_cases(
    subject: tuple[str, Size], variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make the cases of a library, none if it is not installed."""
    library, size = subject
    if find_spec(library) is None:
        print(f'{library} is missing and left out: pip install {library}')
    elif library == SMP:
        yield smp_case(size, device)
    else:
        for name, output_stride in TORCHVISION.items():
            yield torchvision_case(name, output_stride, size, device)


def torchvision_case(
    name: str, output_stride: int, size: Size, device: torch.device
) -> Case:
    """Return the case of a network of torchvision; ours has the same weights."""
    from torchvision.models import segmentation  # slow to import

    torch.manual_seed(0)
    build = getattr(segmentation, name)
    peer = build(weights=None, weights_backbone=None, num_classes=NUM_CLASSES)
    peer.eval().to(device)
    views, images = opposite_views(size, device), scenes(1, size, device)
    measure_statistics(peer, partial(peer_logits, peer, views))
    balance_classes(peer.classifier[-1], peer_logits(peer, images))
    state = checkpoints.convert(peer.state_dict(), 'torchvision')
    cfg = checkpoints.model_config(state, 'torchvision', output_stride=output_stride)
    ours = MODELS.build(dict(cfg, type='LeanEncoderDecoder'))
    ours.load_state_dict(state)
    compare = partial(compare_labels, largest=LARGEST_SHARE)
    name, weights = f'torchvision {name}', 'same weights'
    return _case(name, peer, ours.to(device), images, compare, weights)


def like_smp(num_classes: int, size: Size) -> Network:
    """Return the network of segmentation_models_pytorch, built of our parts."""
    changes = dict(decode_head=SMP_HEAD)
    return Network(SMP_NAME, 'deeplabv3_r50_vainf', num_classes, size, changes)


def smp_network(num_classes: int, device: torch.device) -> nn.Module:
    """Return that of the library, with random weights."""
    import segmentation_models_pytorch  # slow to import

    torch.manual_seed(0)
    peer = segmentation_models_pytorch.DeepLabV3Plus(
        'resnet50', encoder_weights=None, classes=num_classes
    )
    return peer.eval().to(device)


def smp_case(size: Size, device: torch.device) -> Case:
    """Return the case of segmentation_models_pytorch; the weights differ."""
    peer = smp_network(NUM_CLASSES, device)
    cfg = like_smp(NUM_CLASSES, size).config()
    ours = lean_segmentor(cfg, stock_segmentor(cfg, size, device))
    images, weights = scenes(1, size, device), 'same form, other weights'
    return _case(SMP_NAME, peer, ours, images, compare_shapes, weights)


def _case(
    name: str,
    peer: nn.Module,
    ours: nn.Module,
    images: list[Tensor],
    compare: Callable[[Tensor, Tensor], Errors],
    weights: str,
) -> Case:
    size = tuple(images[0].shape[-2:])
    prepare_for_inference(ours)
    return Case(
        group=f'{name}, {size[0]} x {size[1]}',
        name=f'`fast_inference`, {weights}',
        # Their examples take the labels like this.
        stock=lambda: peer_logits(peer, images).argmax(1),
        ours=prediction(ours, images),
        compare=compare,
        device=images[0].device,
    )


@torch.no_grad()
def peer_logits(model: nn.Module, images: list[Tensor]) -> Tensor:
    """Return another library's logits ``(N, K, H, W)`` of images as ours take them."""
    inputs = torch.stack(images).flip(1).float()
    mean, std = (inputs.new_tensor(value).view(1, 3, 1, 1) for value in (MEAN, STD))
    logits = model((inputs - mean) / std)
    return logits['out'] if isinstance(logits, dict) else logits


def compare_shapes(stock: Tensor, ours: Tensor) -> Errors:
    """Require equal shapes, since the weights differ."""
    require(stock.shape == ours.shape, 'shapes of labels', {})
    return {}


STUDY = Study(
    help='networks of torchvision and segmentation_models_pytorch',
    columns=COLUMNS,
    subjects={name: (name, SIZE) for name in ('torchvision', SMP)},
    quick={'torchvision': ('torchvision', QUICK_SIZE)},
    cases=peer_cases,
)
