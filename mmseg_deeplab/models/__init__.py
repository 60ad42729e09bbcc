"""Networks of the papers that MMSegmentation lacks."""

from .backbones.aligned_xception import AlignedXception, JFZhang95Xception
from .backbones.auto_deeplab_net import AutoDeepLabNet
from .backbones.auto_deeplab_search import AutoDeepLabSearchNet
from .backbones.deeplab_mobilevit import DeepLabMobileViT
from .backbones.dilated_resnet import DilatedResNet
from .backbones.mobilenet_v2 import DeepLabMobileNetV2, VainFMobileNetV2
from .backbones.mobilenet_v3 import DeepLabMobileNetV3
from .backbones.resnet_multi import ResNetMulti
from .backbones.resnet_v1_beta import ResNetV1Beta
from .backbones.timm_backbone import TimmBackbone
from .backbones.vgg16_large_fov import VGG16LargeFOV
from .band_preprocessor import BandPreprocessor
from .decode_heads.classifier_module import ClassifierModule
from .decode_heads.deeplabv3_head import DeepLabV3Head
from .decode_heads.deeplabv3plus_head import DeepLabV3PlusHead
from .decode_heads.dense_prediction_cell_head import DensePredictionCellHead
from .decode_heads.large_fov_head import LargeFOVHead
from .decode_heads.multi_stride_aspp_head import MultiStrideASPPHead
from .decode_heads.panoptic_deeplab_head import PanopticDeepLabHead
from .decode_heads.resizing_heads import resizes_logits
from .lean_preprocessor import LeanPreprocessor
from .losses.pixel_losses import HardPixelCrossEntropy, SoftmaxFocalLoss
from .losses.region_losses import LovaszSoftmaxLoss, SoftDiceLoss, SoftTverskyLoss
from .output_stride import set_output_stride
from .postprocess.dense_crf import DenseCRF
from .segmentors.lean_encoder_decoder import LeanEncoderDecoder, predicting
from .segmentors.multi_scale_encoder_decoder import MultiScaleEncoderDecoder
from .segmentors.panoptic_deeplab import PanopticDeepLab
from .segmentors.search_segmentor import ArchitectureSearchSegmentor
from .segmentors.tta_models import BatchedTTAModel, LeanTTAModel

__all__ = [
    'AlignedXception',
    'ArchitectureSearchSegmentor',
    'AutoDeepLabNet',
    'AutoDeepLabSearchNet',
    'BandPreprocessor',
    'BatchedTTAModel',
    'ClassifierModule',
    'DeepLabMobileNetV2',
    'DeepLabMobileNetV3',
    'DeepLabMobileViT',
    'DeepLabV3Head',
    'DeepLabV3PlusHead',
    'DenseCRF',
    'DensePredictionCellHead',
    'DilatedResNet',
    'HardPixelCrossEntropy',
    'JFZhang95Xception',
    'LargeFOVHead',
    'LeanEncoderDecoder',
    'LeanPreprocessor',
    'LeanTTAModel',
    'LovaszSoftmaxLoss',
    'MultiScaleEncoderDecoder',
    'MultiStrideASPPHead',
    'PanopticDeepLab',
    'PanopticDeepLabHead',
    'ResNetMulti',
    'ResNetV1Beta',
    'SoftDiceLoss',
    'SoftTverskyLoss',
    'SoftmaxFocalLoss',
    'TimmBackbone',
    'VGG16LargeFOV',
    'VainFMobileNetV2',
    'predicting',
    'resizes_logits',
    'set_output_stride',
]
