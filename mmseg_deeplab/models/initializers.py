"""Initial weights by name, as Composer's DeepLab v3+ takes them.

In a config the mixin ``composer_init`` does the same by ``init_cfg``.
"""

from collections.abc import Callable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def kaiming_normal(module: nn.Module) -> None:
    """Draw the weight of a convolution or linear layer: N(0, 2 / fan-in).

    `He et al. <https://arxiv.org/abs/1502.01852>`_, section 2.2, torch's defaults.
    """
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)


def bn_ones(module: nn.Module) -> None:
    """Let batch normalisation start as the identity: weight 1, bias 0."""
    if isinstance(module, _BatchNorm) and module.affine:
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)


INITIALIZERS: dict[str, Callable[[nn.Module], None]] = dict(
    kaiming_normal=kaiming_normal, bn_ones=bn_ones
)
