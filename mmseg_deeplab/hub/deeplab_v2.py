"""``get_deeplab_v2``: the plain network that the ``deeplabv2.py`` lineage expects."""

import os
from collections.abc import Iterator
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_deeplab.models import ClassifierModule, ResNetMulti

# Every convolution N(0, 0.01), BatchNorm the identity: `ResNetMulti` of the lineage.
LINEAGE_INIT = [
    dict(type='Normal', layer='Conv2d', std=0.01),
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=0),
]
# Shared by the lineage's read-me files.
PRETRAINED_URL = 'https://drive.google.com/uc?id=1ZX0UCXvJwqd2uBGCX7LI2n-DfMg3t74v'


class DeepLabV2(ResNetMulti):
    """DeepLab v2 on ResNet-101 as one plain module, keys as in the lineage.

    It has ``conv1``, ``bn1``, ``layer1`` to ``layer4`` and the classifier ``layer6`` at
    output stride 8. Weight and bias of BatchNorm are frozen, its statistics are not.
    Unlike in the lineage's code the biases of the classifier start at 0, and every
    tensor is in the parameter groups once (there up to four times).

    Shape:
        input ``(N, 3, H, W)``, BGR minus the ImageNet mean; output ``(N, K, H, W)`` in
        evaluation, ``(output, None, None)`` in training.
    """

    def __init__(
        self, num_classes: int, *, pretrained: str | os.PathLike | None = None
    ) -> None:
        init_cfg = list(LINEAGE_INIT)
        if pretrained is not None:
            init_cfg.append(dict(type='Pretrained', checkpoint=os.fspath(pretrained)))
        super().__init__(101, frozen_bn='affine', out_indices=(3,), init_cfg=init_cfg)
        self.init_weights()  # before the classifier is there: the file has none for it
        self.layer6 = ClassifierModule(
            self.feat_dim, in_index=0, num_classes=num_classes
        )
        self.layer6.init_weights()

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, None, None]:
        logits = self.layer6(super().forward(x))  # (N, K, h, w)
        logits = F.interpolate(logits, size=x.shape[2:], mode='bilinear')
        return (logits, None, None) if self.training else logits

    def get_1x_lr_params_no_scale(self) -> Iterator[nn.Parameter]:
        """Yield the backbone's trainable tensors, each once."""
        heads = set(self.layer6.parameters())
        return (p for p in self.parameters() if p.requires_grad and p not in heads)

    def get_10x_lr_params(self) -> Iterator[nn.Parameter]:
        return self.layer6.parameters()

    def optim_parameters(self, lr: float) -> list[dict]:
        """Return the groups for ``torch.optim.SGD``: backbone ``lr``, head ten times.

        The 20x of the Caffe release for the head's biases is not in the lineage; see
        ``DeepLabOptimWrapperConstructor`` for it.
        """
        return [
            {'params': list(self.get_1x_lr_params_no_scale()), 'lr': lr},
            {'params': list(self.get_10x_lr_params()), 'lr': 10 * lr},
        ]


def get_deeplab_v2(
    num_classes: int = 19,
    pretrain: bool = True,
    pretrain_model_path: str | os.PathLike = 'DeepLab_resnet_pretrained_imagenet.pth',
) -> DeepLabV2:
    """Build the lineage's DeepLab v2, drop-in.

    Args:
        num_classes: ``K``.
        pretrain: Load ImageNet weights into the backbone.
        pretrain_model_path: The lineage's file (keys such as ``Scale.conv1.weight``),
            or any other that ``ResNetMulti`` can load.
    """
    if not pretrain:
        return DeepLabV2(num_classes)
    path = Path(pretrain_model_path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'{path}: no such file (from {Path.cwd()}). Download it from '
            f'{PRETRAINED_URL}, or build without it: pretrain=False'
        )
    return DeepLabV2(num_classes, pretrained=path)
