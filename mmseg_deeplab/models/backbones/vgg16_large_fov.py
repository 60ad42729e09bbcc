"""VGG16 as DeepLab v1 and v2 use it: no fully connected layers, dilated conv5."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from mmseg_deeplab.ops.geometry import check_output_stride
from mmseg_deeplab.utils.value_checks import require_one_of

from .pretrained_backbone import PretrainedBackbone, check_out_indices

CONVS_PER_STAGE = (2, 2, 3, 3, 3)
WIDTHS = (1, 2, 4, 8, 8)


@MODELS.register_module()
class VGG16LargeFOV(PretrainedBackbone, BaseModule):
    """The thirteen convolutions of VGG16 with DeepLab's pools and rates.

    `DeepLab v1 <https://arxiv.org/abs/1412.7062>`_, section 3.1, in the form of its
    Caffe release: every pool is 3x3 with padding 1 and rounds up; pool4 and pool5 have
    stride 1, and conv5 rate 2 makes up for pool4. What makes up for pool5 is the rate
    of the head (:class:`LargeFOVHead`), which holds fc6 to fc8.

    Args:
        base_channels: Channels of conv1; conv5 has eight times as many.
        output_stride: Input size over feature size: 8 (the papers), 16 (pool4 strides,
            conv5 has rate 1) or 32 (pool5 strides too).
        average_pool: Average 3x3 with stride 1 after pool5: pool5a of v1's LargeFOV.
            v2 has none.
        out_indices: Stages to return, from 0; a stage ends with its pool.
        frozen_stages: Number of stages, from the first, that stay as they are; -1 or 0
            none.
        init_cfg: Initialisation, He's normal if None. With ``type='Pretrained'`` the
            file may be torchvision's, Caffe's by its layer names, or this project's.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps.
    """

    def __init__(
        self,
        *,
        in_channels: int = 3,
        base_channels: int = 64,
        output_stride: int = 8,
        average_pool: bool = True,
        out_indices: Sequence[int] = (4,),
        frozen_stages: int = -1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(
            init_cfg or dict(type='Kaiming', layer='Conv2d', nonlinearity='relu')
        )
        require_one_of('frozen_stages', frozen_stages, range(-1, 6))
        self.output_stride = check_output_stride(output_stride)
        self.average_pool = average_pool
        self.out_indices = check_out_indices(out_indices, 5)
        self.frozen_stages = frozen_stages
        last_pools = {8: (1, 1), 16: (2, 1), 32: (2, 2)}[output_stride]
        self.pool_strides = (2, 2, 2, *last_pools)
        self._make_convs(in_channels, base_channels)
        for names in self.stages[: max(frozen_stages, 0)]:
            for name in names:
                self.get_submodule(name).requires_grad_(False)

    def _make_convs(self, in_channels: int, base_channels: int) -> None:
        self.stages: list[list[str]] = []
        for i, (num, width) in enumerate(zip(CONVS_PER_STAGE, WIDTHS, strict=True)):
            rate = 2 if i == 4 and self.pool_strides[3] == 1 else 1
            names = [f'conv{i + 1}_{j + 1}' for j in range(num)]
            for name in names:
                conv = nn.Conv2d(
                    in_channels, base_channels * width, 3, padding=rate, dilation=rate
                )
                self.add_module(name, conv)
                in_channels = base_channels * width
            self.stages.append(names)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = []
        for i, (names, stride) in enumerate(
            zip(self.stages, self.pool_strides, strict=True)
        ):
            for name in names:
                x = F.relu(self.get_submodule(name)(x), inplace=True)
            x = F.max_pool2d(x, 3, stride=stride, padding=1, ceil_mode=True)
            if i == 4 and self.average_pool:
                # As in Caffe, the padding counts in the mean.
                x = F.avg_pool2d(x, 3, stride=1, padding=1)
            if i in self.out_indices:
                maps.append(x)
        return tuple(maps)
