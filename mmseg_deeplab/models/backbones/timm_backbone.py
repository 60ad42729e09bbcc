"""Any backbone of timm, at the output stride that a head of DeepLab needs."""

from collections.abc import Sequence
from difflib import get_close_matches

from mmseg.models.backbones import TIMMBackbone
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.checkpoints.loading import load
from mmseg_deeplab.checkpoints.pretrained import split_pretrained
from mmseg_deeplab.checkpoints.references import local_file
from mmseg_deeplab.checkpoints.state_dicts import some, tensors_of
from mmseg_deeplab.ops.geometry import check_output_stride
from mmseg_deeplab.utils.errors import InputError, reason
from mmseg_deeplab.utils.optional_packages import optional_package

# What timm's constructors raise where they cannot be dilated.
NOT_DILATED = (TypeError, AssertionError, NotImplementedError)


class NormAct(nn.Sequential):
    """Normalisation, dropout and activation in place of timm's ``BatchNormAct2d``.

    That one is a ``BatchNorm2d`` which also activates: torch's and mmengine's
    conversions of SyncBN, and mmcv's folding, would lose the activation.
    """


@MODELS.register_module()
class TimmBackbone(TIMMBackbone):
    """A network of timm as a backbone, with strided or dilated features.

    The networks are those of `timm <https://github.com/huggingface/pytorch-image-models>`_;
    ``timm.list_models()`` names more than a thousand. Strides turn into dilations by
    timm's rule. MMSeg's ``TIMMBackbone`` does not look at the stride that it gets,
    downloads weights whenever it is built, and its normalisation can lose the
    activation (:class:`NormAct`).

    Args:
        model_name: Name in timm, with or without the tag of pre-trained weights.
        output_stride: Input size over the size of the last features: 8, 16 or 32.
            Not every network can be dilated.
        in_channels: Channels of the image.
        out_indices: Levels to return, counted as timm does. The default are the last
            four, in most networks those of strides 4, 8, 16 and 32 before dilation.
        norm_cfg: ``dict(type='SyncBN')`` takes the statistics of BatchNorm over all
            processes. Everything else of the normalisation is timm's.
        pretrained: Start from timm's weights for this name, as if ``init_cfg`` were
            ``dict(type='Pretrained', checkpoint='hf://timm/NAME')``.
        init_cfg: With the type ``'Pretrained'``, ``checkpoint`` is a file in timm's
            format, or what else :func:`local_file` takes.
        **kwargs: Arguments of the network in timm, such as ``drop_path_rate``.

    Attributes:
        out_channels: Channels of each map.
        out_strides: Input size over size of each map.

    Shape:
        input ``(N, in_channels, H, W)``; output a tuple of ``(N, C, h, w)`` maps.

    Raises:
        InputError: If timm has no such network, or has it not at this stride.
    """

    def __init__(
        self,
        model_name: str,
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        out_indices: Sequence[int] = (-4, -3, -2, -1),
        norm_cfg: dict | None = None,
        pretrained: bool = False,
        init_cfg: dict | list[dict] | None = None,
        **kwargs,
    ) -> None:
        timm = optional_package('timm', extra='timm', purpose='TimmBackbone')
        check_output_stride(output_stride)
        if not timm.is_model(model_name):
            known = timm.list_models() + timm.list_pretrained()
            near = get_close_matches(model_name, known) or ['timm.list_models()']
            raise InputError(
                f'model_name={model_name!r}: timm {timm.__version__} has no such '
                f'network. Remedy: one of {", ".join(near)}'
            )
        if pretrained:
            weights = timm.get_pretrained_cfg(model_name).hf_hub_id
            init_cfg = dict(type='Pretrained', checkpoint=f'hf://{weights}')
        options = dict(in_channels=in_channels, out_indices=tuple(out_indices))
        options |= dict(kwargs, model_name=model_name)
        self._build(output_stride, dict(options, pretrained=False, init_cfg=init_cfg))
        split_activations(self.timm_model)
        if norm_cfg and norm_cfg['type'] == 'SyncBN':
            nn.SyncBatchNorm.convert_sync_batchnorm(self.timm_model)
        info = self.timm_model.feature_info
        deepest = max(level['reduction'] for level in info.info)
        if deepest != output_stride:
            raise InputError(
                f'{model_name}: timm has it at output stride {deepest}, not at '
                f'{output_stride}. Remedy: output_stride={deepest}, or a network that '
                'timm can dilate, such as a ResNet, MobileNetV4, EfficientNetV2 or '
                'ConvNeXt V2'
            )
        self.output_stride = output_stride
        self.out_channels, self.out_strides = info.channels(), info.reduction()
        self._options = options

    def _build(self, output_stride: int, options: dict) -> None:
        """Build the network at the stride if it takes one, else as it is."""
        try:
            super().__init__(output_stride=output_stride, **options)
        except NOT_DILATED:
            try:
                super().__init__(**options)
            except (*NOT_DILATED, RuntimeError, IndexError, ValueError) as error:
                raise InputError(
                    f'{options["model_name"]}: timm gives no features of it with '
                    f'these arguments ({reason(error)})'
                ) from error

    def init_weights(self) -> None:
        """Load the pre-trained file, if there is one, in the way of timm."""
        self.init_cfg, pretrained = split_pretrained(self.init_cfg)
        super().init_weights()
        if pretrained is None:
            return
        path, name = pretrained['checkpoint'], self._options['model_name']
        state = tensors_of(load(local_file(path)))
        options = dict(self._options, pretrained=True)
        options['pretrained_cfg_overlay'] = dict(state_dict=state, custom_load=False)
        try:
            source, other = (TIMMBackbone(**options).timm_model for _ in range(2))
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f'{path} does not fit {name}: {reason(error)}') from error
        # timm keeps silent about most of what a file lacks: that is random, so differs.
        values = other.state_dict()
        random = [k for k, v in source.state_dict().items() if not v.equal(values[k])]
        if random:
            raise InputError(
                f'{path} does not fit {name}: it has no values for {some(random)}'
            )
        split_activations(source)
        self.timm_model.load_state_dict(source.state_dict())

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the maps of ``out_indices``, channels first."""
        maps = super().forward(x)
        if str(getattr(self.timm_model, 'output_fmt', '')).endswith('NHWC'):
            maps = [features.permute(0, 3, 1, 2) for features in maps]
        return tuple(maps)


def split_activations(module: nn.Module) -> None:
    """Replace timm's normalisations that activate, at any depth; keep their values."""
    from timm.layers import BatchNormAct2d

    for name, child in module.named_children():
        if isinstance(child, BatchNormAct2d):
            norm = nn.BatchNorm2d(child.num_features, child.eps, child.momentum)
            norm.load_state_dict(child.state_dict(), strict=False)
            module.set_submodule(name, NormAct(norm, child.drop, child.act))
        else:
            split_activations(child)
