"""MobileViT as Apple's DeepLab dilates it."""

from mmseg.registry import MODELS

from .timm_backbone import TimmBackbone


@MODELS.register_module()
class DeepLabMobileViT(TimmBackbone):
    """timm's MobileViT or MobileViTV2, dilated as in Apple's DeepLab v3.

    `MobileViT <https://arxiv.org/abs/2110.02178>`_, section 4.3, and
    `MobileViTV2 <https://arxiv.org/abs/2206.02680>`_. timm dilates the 3x3 convolution
    in front of the attention too; Apple's code (CVNets) and transformers leave it, and
    their weights expect that. The last 1x1 convolution, which only the image
    classifiers have, is left out.

    Args:
        model_name: ``mobilevit_xxs``, ``_xs`` or ``_s``, ``mobilevitv2_050`` to
            ``_200``.
        **kwargs: Arguments of :class:`TimmBackbone`.

    Shape:
        input ``(N, 3, H, W)``; output a tuple of ``(N, C, h, w)`` maps.
    """

    def __init__(self, model_name: str = 'mobilevit_s', **kwargs) -> None:
        super().__init__(model_name, num_features=0, **kwargs)
        for name, module in self.timm_model.named_modules():
            if name.endswith('.conv_kxk.conv'):
                module.dilation = module.padding = (1, 1)
