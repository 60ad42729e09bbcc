"""Image-level features that also train with one image per process."""

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class ImagePooling(nn.Sequential):
    """Global average, 1x1 convolution, normalisation, ReLU; works with one image.

    `DeepLab v3 <https://arxiv.org/abs/1706.05587>`_, section 3.3. The pooled map has
    one value per channel and image, so that PyTorch's BatchNorm refuses a process with
    a single image. Then, and only then, this layer normalises by its running statistics
    and leaves them alone. SyncBN over several processes has enough values.
    """

    def __init__(self, in_channels: int, channels: int, **layers) -> None:
        # The keys are those of `image_pool` in MMSeg's ASPPHead.
        pool = nn.AdaptiveAvgPool2d(1)
        super().__init__(pool, ConvModule(in_channels, channels, 1, **layers))

    def forward(self, x: Tensor) -> Tensor:
        pool, project = self
        if not (lacks_a_batch(project) and x.shape[0] == 1):
            return super().forward(x)
        x, norm = project.conv(pool(x)), project.norm
        x = F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        return project.activate(x) if project.with_activation else x


def lacks_a_batch(module: ConvModule) -> bool:
    """Tell whether BatchNorm would see a single value per channel."""
    norm = module.norm
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
        return False
    synced = (
        isinstance(norm, nn.SyncBatchNorm)
        and distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size(norm.process_group) > 1
    )
    return norm.training and not synced
