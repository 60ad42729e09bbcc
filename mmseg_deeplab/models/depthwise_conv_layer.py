"""The depthwise atrous convolutions of a network in less time on CPUs."""

import torch.fx
from torch import Tensor, nn

from mmseg_deeplab.ops.depthwise_atrous_conv import depthwise_atrous_conv2d

torch.fx.wrap('depthwise_atrous_conv2d')  # for mmengine's efficient_conv_bn_eval


class DepthwiseAtrousConv2d(nn.Conv2d):
    """A depthwise convolution by :func:`depthwise_atrous_conv2d`; same state dict."""

    @classmethod
    def like(cls, conv: nn.Conv2d) -> 'DepthwiseAtrousConv2d':
        """Return a convolution with the settings and the very parameters of another."""
        # On the meta device no random numbers are drawn.
        result = cls(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,
            padding=conv.padding,
            dilation=conv.dilation,
            groups=conv.groups,
            bias=conv.bias is not None,
            device='meta',
        )
        result.weight, result.bias = conv.weight, conv.bias
        return result.train(conv.training)

    def forward(self, x: Tensor) -> Tensor:
        return depthwise_atrous_conv2d(x, self.weight, self.bias, self.dilation[0])


def replace_depthwise_atrous_convs(model: nn.Module) -> None:
    """Put :class:`DepthwiseAtrousConv2d` in the place of the convolutions it can do."""
    replaced: dict[nn.Module, nn.Module] = {}  # a convolution may be in several places
    for name, module in list(model.named_modules(remove_duplicate=False)):
        if _is_depthwise_atrous(module):
            if module not in replaced:
                replaced[module] = DepthwiseAtrousConv2d.like(module)
            model.set_submodule(name, replaced[module])


def _is_depthwise_atrous(module: nn.Module) -> bool:
    if type(module) is not nn.Conv2d:  # a subclass may compute something else
        return False
    kept = tuple(module.dilation[0] * (side // 2) for side in module.kernel_size)
    return (
        module.groups == module.in_channels == module.out_channels > 1
        and module.dilation[0] == module.dilation[1] > 1
        and module.stride == (1, 1)
        and all(side % 2 for side in module.kernel_size)
        and module.padding == kept
        and module.padding_mode == 'zeros'
        and isinstance(module.weight, nn.Parameter)  # not so with weight_norm
    )
