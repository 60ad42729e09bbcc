"""The depthwise atrous convolutions of a network in less time on CPUs."""

from functools import partial

from torch import Tensor, nn

from mmseg_deeplab.ops.depthwise_atrous_conv import depthwise_atrous_conv2d


def speed_up_depthwise_atrous_convs(model: nn.Module) -> None:
    """Let :func:`depthwise_atrous_conv2d` compute the convolutions it can, in place.

    The modules stay, and so do their parameters and hooks: others look for convolutions
    by their class, such as mmengine's ``efficient_conv_bn_eval``. Each gets a
    ``forward`` of its own, which ``deepcopy`` and ``pickle`` carry over, but not
    ``copy.copy``: :class:`torch.nn.DataParallel` does not work with it.
    """
    for module in model.modules():
        if _is_depthwise_atrous(module):
            module.forward = partial(_forward, module)


def _forward(conv: nn.Conv2d, input: Tensor) -> Tensor:
    return depthwise_atrous_conv2d(input, conv.weight, conv.bias, conv.dilation[0])


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
    )
