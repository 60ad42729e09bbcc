"""The head of DeepLab v2: parallel atrous classifiers, summed."""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.ops import summed_atrous_conv2d
from mmseg_deeplab.utils.errors import InputError

from .head_arguments import check_head
from .resizing_heads import resizes_logits

HOOKS = (
    '_forward_hooks', '_forward_pre_hooks', '_backward_hooks', '_backward_pre_hooks',
)  # fmt: skip


@resizes_logits
@MODELS.register_module()
class ClassifierModule(BaseDecodeHead):
    """Atrous spatial pyramid of classifiers whose logits are added (ASPP-L).

    `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.2, in the form of the
    Caffe release for ResNet-101: 3x3 convolutions straight from the features to the
    classes, with bias, without normalisation, activation or dropout. Unlike
    MMSegmentation's heads it has no ``conv_seg``: every parameter is used.

    The branches are computed together by :func:`summed_atrous_conv2d`, and one by one
    where a branch was replaced or hooked, or while the model is traced or exported.

    Args:
        num_classes: ``K``, channels of the logits.
        dilations: Rate (and padding) of each branch; (6, 12, 18, 24) is ASPP-L of the
            paper, (2, 4, 8, 12) ASPP-S.
        num_summed: How many branches, from the first, are added; all by default. 2 is
            for checkpoints of AdaptSegNet and its relatives, whose code returned
            inside the summing loop. The others stay in the state dict, frozen.
        dropout_ratio: Dropout before the branches; the paper's head has none.
        init_cfg: Initialisation, by default N(0, 0.01) and bias 0 (``weight_filler`` of
            the Caffe release's ``train.prototxt``).

    Shape:
        input a list of feature maps, of which ``in_index`` selects ``(N, C, h, w)``;
        output ``(N, K, h, w)``.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        num_classes: int,
        dilations: Sequence[int] = (6, 12, 18, 24),
        num_summed: int | None = None,
        dropout_ratio: float = 0.0,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        check_head(num_classes, dilations)
        if num_summed is None:
            num_summed = len(dilations)
        if not 1 <= num_summed <= len(dilations):
            raise InputError(
                f'num_summed must be 1 to {len(dilations)}, received {num_summed!r}'
            )
        super().__init__(
            in_channels,
            channels=num_classes,
            num_classes=num_classes,
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg or dict(type='Normal', layer='Conv2d', std=0.01, bias=0),
            **kwargs,
        )
        self.dilations = tuple(dilations)
        self.num_summed = num_summed
        del self.conv_seg  # never used here: DistributedDataParallel would wait for it
        self.conv2d_list = nn.ModuleList(
            nn.Conv2d(
                self.in_channels, self.out_channels, 3, padding=rate, dilation=rate
            )
            for rate in self.dilations
        )
        self.conv2d_list[num_summed:].requires_grad_(False)

    def cls_seg(self, feat: Tensor) -> Tensor:
        """Classify each position: the sum of the first ``num_summed`` branches."""
        if self.dropout is not None:
            feat = self.dropout(feat)
        convs = self.conv2d_list[: self.num_summed]
        if not _computed_together(convs, feat):
            return sum(conv(feat) for conv in convs)
        return summed_atrous_conv2d(
            feat,
            [conv.weight for conv in convs],
            [conv.bias for conv in convs],
            [conv.dilation[0] for conv in convs],
        )

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        return self.cls_seg(self._transform_inputs(inputs))  # (N, K, h, w)


def _computed_together(convs: nn.ModuleList, feat: Tensor) -> bool:
    is_exporting = getattr(torch.compiler, 'is_exporting', bool)  # from PyTorch 2.7 on
    # Another runtime has no such operator.
    exporting = (
        torch.jit.is_tracing() or torch.onnx.is_in_onnx_export() or is_exporting()
    )
    # torch.fx passes a proxy instead of a tensor.
    return not exporting and isinstance(feat, Tensor) and all(map(_is_plain, convs))


def _is_plain(conv: nn.Module) -> bool:
    """Tell whether nothing but the 3x3 convolution happens when the module is called.

    A parametrised, quantised or adapted module is of another type; weight
    normalisation of the older form, pruning and observers are hooks.
    """
    return (
        type(conv) is nn.Conv2d
        and conv.kernel_size == (3, 3)
        and conv.stride == (1, 1)
        and conv.groups == 1
        and conv.padding_mode == 'zeros'
        and conv.padding == conv.dilation
        and conv.dilation[0] == conv.dilation[1]
        and not any(getattr(conv, name) for name in HOOKS)
        and 'forward' not in conv.__dict__
    )
