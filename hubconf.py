"""Entry points of ``torch.hub``: DeepLab as plain PyTorch modules.

::

    model = torch.hub.load('OWNER/mmseg_deeplab', 'deeplabv3plus_resnet101',
                           num_classes=19)
"""

from mmseg_deeplab import deeplabv3, get_deeplab_v2

dependencies = ['torch', 'mmengine', 'mmcv', 'mmseg']


def deeplabv2_resnet101(
    num_classes=19,
    pretrained=False,
    pretrained_path='DeepLab_resnet_pretrained_imagenet.pth',
):
    """DeepLab v2 with the keys of the ``deeplabv2.py`` lineage.

    num_classes: number of channels of the logits
    pretrained: whether to load the lineage's ImageNet file into the backbone
    pretrained_path: path of that file
    """
    return get_deeplab_v2(num_classes, pretrained, pretrained_path)


def deeplabv3_resnet50(num_classes=21, pretrained=True, **options):
    """DeepLab v3 on ResNet-50; pretrained: ImageNet weights in the backbone."""
    return _deeplabv3('resnet50', num_classes, pretrained, use_plus=False, **options)


def deeplabv3_resnet101(num_classes=21, pretrained=True, **options):
    """DeepLab v3 on ResNet-101; pretrained: ImageNet weights in the backbone."""
    return _deeplabv3('resnet101', num_classes, pretrained, use_plus=False, **options)


def deeplabv3plus_resnet50(num_classes=21, pretrained=True, **options):
    """DeepLab v3+ on ResNet-50; pretrained: ImageNet weights in the backbone."""
    return _deeplabv3('resnet50', num_classes, pretrained, use_plus=True, **options)


def deeplabv3plus_resnet101(num_classes=21, pretrained=True, **options):
    """DeepLab v3+ on ResNet-101; pretrained: ImageNet weights in the backbone."""
    return _deeplabv3('resnet101', num_classes, pretrained, use_plus=True, **options)


def _deeplabv3(arch, num_classes, pretrained, *, use_plus, **options):
    return deeplabv3(
        num_classes,
        backbone_arch=arch,
        is_backbone_pretrained=pretrained,
        use_plus=use_plus,
        **options,
    )
