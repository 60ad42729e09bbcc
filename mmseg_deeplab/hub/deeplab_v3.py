"""``deeplabv3``: DeepLab v3 and v3+ as one plain module, for any training loop."""

import os
from collections.abc import Callable, Sequence

import torch.nn.functional as F
from mmseg.models.backbones import ResNet
from mmseg.models.decode_heads import ASPPHead, DepthwiseSeparableASPPHead
from torch import Tensor, distributed, nn

from mmseg_deeplab.checkpoints import convert, load, local_file
from mmseg_deeplab.models.initializers import INITIALIZERS
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

# ImageNet weights of torchvision, its second recipe (``ResNet101_Weights`` etc.).
BACKBONE_URLS = {
    'resnet50': 'https://download.pytorch.org/models/resnet50-11ad3fa6.pth',
    'resnet101': 'https://download.pytorch.org/models/resnet101-cd907fc2.pth',
    'resnet152': 'https://download.pytorch.org/models/resnet152-f82ba261.pth',
}


class DeepLabV3(nn.Module):
    """A backbone and a classifier, whose logits are enlarged to the size of the image.

    The backbone returns a tuple of feature maps, the classifier makes ``(N, K, h, w)``
    of it. Input ``(N, 3, H, W)``; output ``(N, K, H, W)``, logits.
    """

    def __init__(self, backbone: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        logits = self.classifier(self.backbone(x))
        return F.interpolate(logits, size=x.shape[2:], mode='bilinear')


def deeplabv3(
    num_classes: int,
    backbone_arch: str = 'resnet101',
    is_backbone_pretrained: bool = True,
    backbone_url: str | os.PathLike | None = None,
    use_plus: bool = True,
    sync_bn: bool = True,
    initializers: Sequence[str | Callable[[nn.Module], None]] = (),
) -> DeepLabV3:
    """Build DeepLab v3 or v3+ on a ResNet at output stride 8, without a config.

    `DeepLab v3 <https://arxiv.org/abs/1706.05587>`_ and
    `v3+ <https://arxiv.org/abs/1802.02611>`_ as MMSegmentation and Composer train
    them: MMSegmentation's heads with 512 channels and rates 12, 24, 36 on torchvision's
    ResNet, whose strides are replaced by dilations. The image is RGB, scaled by
    torchvision's mean and standard deviation.

    Args:
        num_classes: ``K``.
        backbone_arch: ``'resnet50'``, ``'resnet101'`` or ``'resnet152'``.
        is_backbone_pretrained: Load ImageNet weights into the backbone.
        backbone_url: Address or file of those weights, torchvision's keys; by default
            torchvision's newest for the architecture.
        use_plus: v3+ with its decoder; else v3.
        sync_bn: Whether BatchNorm takes its statistics over all processes of a running
            process group; without a group, as in a notebook, it is plain BatchNorm.
        initializers: Names (``'kaiming_normal'``, ``'bn_ones'``) or functions that
            initialize each module; a pretrained backbone is left as it is.
    """
    if not isinstance(num_classes, int) or num_classes < 1:
        raise InputError(f'num_classes must be a positive integer, got {num_classes!r}')
    require_one_of('backbone_arch', backbone_arch, BACKBONE_URLS)
    functions = [INITIALIZERS.get(f, f) for f in initializers]
    if not all(map(callable, functions)):
        known = sorted(INITIALIZERS)
        raise InputError(f'initializers must be functions or names out of {known}')
    weights = None
    if is_backbone_pretrained:
        weights = _pretrained(backbone_url or BACKBONE_URLS[backbone_arch])
    backbone = ResNet(
        int(backbone_arch.removeprefix('resnet')),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=True,  # torchvision's replace_stride_with_dilation
        norm_cfg=dict(type='BN', requires_grad=True),
        zero_init_residual=False,
    )
    model = DeepLabV3(backbone, _classifier(num_classes, use_plus=use_plus))
    if weights is not None:
        model.backbone.load_state_dict(weights, strict=True)
    for function in functions:
        (model if weights is None else model.classifier).apply(function)
    if sync_bn and distributed.is_available() and distributed.is_initialized():
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model


def _classifier(num_classes: int, *, use_plus: bool) -> ASPPHead:
    options = dict(
        in_channels=2048,
        in_index=-1,
        channels=512,  # as in MMSegmentation's heads
        dilations=(1, 12, 24, 36),  # for output stride 8
        dropout_ratio=0.1,
        num_classes=num_classes,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    )
    if not use_plus:
        return ASPPHead(**options)
    return DepthwiseSeparableASPPHead(c1_in_channels=256, c1_channels=48, **options)


def _pretrained(url: str | os.PathLike) -> dict[str, Tensor]:
    state = convert(load(local_file(url)), 'torchvision')
    return {key.removeprefix('backbone.'): value for key, value in state.items()}
