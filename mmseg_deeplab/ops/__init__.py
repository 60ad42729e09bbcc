"""Pure tensor functions that need torch and numpy alone."""

from .confusion import confusion_matrix, grouped_confusion_matrix
from .depthwise_atrous_conv import depthwise_atrous_conv2d
from .group_panoptic import find_centers, group_panoptic
from .panoptic_losses import topk_cross_entropy, weighted_l1, weighted_mse
from .summed_atrous_conv import summed_atrous_conv2d
from .upsample_argmax import upsample_argmax
from .upsample_cross_entropy import upsample_cross_entropy

__all__ = [
    'confusion_matrix',
    'depthwise_atrous_conv2d',
    'find_centers',
    'group_panoptic',
    'grouped_confusion_matrix',
    'summed_atrous_conv2d',
    'topk_cross_entropy',
    'upsample_argmax',
    'upsample_cross_entropy',
    'weighted_l1',
    'weighted_mse',
]
