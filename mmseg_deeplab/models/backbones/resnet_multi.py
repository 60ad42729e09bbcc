"""ResNet as DeepLab v2 uses it: Caffe strides, ceil-rounded pool, full dilation."""

from collections.abc import Sequence

from mmseg.models.backbones import ResNet
from mmseg.models.backbones.resnet import Bottleneck as StockBottleneck
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.ops.geometry import stage_geometry
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

from .pretrained_backbone import PretrainedBackbone, check_out_indices
from .recompute import recompute

FROZEN_BN = ('none', 'affine', 'all')


class Bottleneck(StockBottleneck):
    """MMSeg's bottleneck; with ``with_cp`` a step updates BatchNorm once, not twice."""

    def __init__(self, *args, with_cp: bool = False, **kwargs) -> None:
        super().__init__(*args, with_cp=False, **kwargs)
        self.recompute = with_cp

    def forward(self, x: Tensor) -> Tensor:
        return recompute(self, super().forward, x, when=self.recompute)

    def branch(self, x: Tensor) -> Tensor:
        """Return what the block adds to its input."""
        x = self.relu(self.norm1(self.conv1(x)))
        x = self.relu(self.norm2(self.conv2(x)))
        return self.norm3(self.conv3(x))


@MODELS.register_module()
class ResNetMulti(PretrainedBackbone, ResNet):
    """Dilated ResNet of DeepLab v2, with the key names of the ``deeplabv2.py`` lineage.

    `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4.1, in the form of its
    Caffe release. It differs from MMSeg's ``ResNet``: the stem's pool rounds up, the
    stride of a stage sits in the first 1x1 convolution, every block of a dilated
    stage runs at the full rate, the multi-grid multiplies that rate instead of
    replacing it, and no residual branch starts at zero (a frozen one would stay
    there).

    Args:
        depth: 26 (blocks 2, 2, 2, 2), 50, 101 or 152.
        base_channels: Channels of the stem and of the first stage's bottlenecks; the
            four outputs have 4, 8, 16 and 32 times as many.
        stem_channels: Channels of the stem, ``base_channels`` if None.
        output_stride: Input size over feature size: 8, 16 or 32.
        multi_grid: One factor per block of the last stage, multiplied with its rate
            (`DeepLab v3 <https://arxiv.org/abs/1706.05587>`_, section 3.2).
        frozen_bn: ``'none'`` trains BatchNorm; ``'affine'`` keeps weight and bias but
            lets the running statistics follow (the lineage); ``'all'`` keeps the
            statistics too (Caffe). Each survives ``model.train()``.
        out_indices: Stages to return, from 0.
        norm_cfg: Normalisation layer; ``frozen_bn`` decides about its gradients.
        **kwargs: ``in_channels``, ``frozen_stages`` (0 is the stem, -1 none),
            ``with_cp``, ``conv_cfg`` and ``init_cfg`` as in MMSeg's. With
            ``init_cfg=dict(type='Pretrained', ...)`` the file may come from any family
            that :mod:`mmseg_deeplab.checkpoints` knows (the lineage's ImageNet file,
            kazuto1011, torchvision, this project, MMSeg).

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps, where
        each stride-2 step of the stem and of the stages rounds up.
    """

    arch_settings = {
        26: (Bottleneck, (2, 2, 2, 2)),
        50: (Bottleneck, (3, 4, 6, 3)),
        101: (Bottleneck, (3, 4, 23, 3)),
        152: (Bottleneck, (3, 8, 36, 3)),
    }

    def __init__(
        self,
        depth: int = 101,
        *,
        base_channels: int = 64,
        stem_channels: int | None = None,
        output_stride: int = 8,
        multi_grid: Sequence[int] | None = None,
        frozen_bn: str = 'affine',
        out_indices: Sequence[int] = (0, 1, 2, 3),
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        require_one_of('depth', depth, self.arch_settings)
        require_one_of('frozen_bn', frozen_bn, FROZEN_BN)
        blocks = self.arch_settings[depth][1][-1]
        if multi_grid and (len(multi_grid) != blocks or min(multi_grid) < 1):
            raise InputError(
                f'multi_grid needs {blocks} factors >= 1 for depth {depth}, received '
                f'{tuple(multi_grid)}'
            )
        strides, dilations = stage_geometry(output_stride)
        norm_cfg = dict(norm_cfg or dict(type='BN'))
        norm_cfg['requires_grad'] = frozen_bn == 'none'
        super().__init__(
            depth,
            stem_channels=stem_channels or base_channels,
            base_channels=base_channels,
            strides=strides,
            dilations=dilations,
            out_indices=check_out_indices(out_indices, 4),
            style='caffe',
            norm_cfg=norm_cfg,
            norm_eval=frozen_bn == 'all',
            multi_grid=multi_grid and [dilations[-1] * rate for rate in multi_grid],
            zero_init_residual=False,
            **kwargs,
        )
        self.output_stride = output_stride
        self.frozen_bn = frozen_bn
        self.train()  # frozen from the start, not only after the first train()

    def _make_stem_layer(self, in_channels: int, stem_channels: int) -> None:
        super()._make_stem_layer(in_channels, stem_channels)
        # Caffe rounds pooled sizes up: 321 -> 161 -> 81 -> 41.
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
