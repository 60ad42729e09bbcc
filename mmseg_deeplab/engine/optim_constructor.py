"""DeepLab's learning rates: backbone 1x, head weights 10x, head biases 20x."""

import logging
from collections.abc import Iterator

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn
from torch.nn import GroupNorm, LayerNorm
from torch.nn.modules.batchnorm import _NormBase

from mmseg_deeplab.utils.errors import InputError

HEADS = ('decode_head', 'auxiliary_head')

# Caffe release of DeepLab v2, train.prototxt for ResNet-101: lr_mult and decay_mult of
# the backbone's convolutions, of the classifiers' weights and of their biases. (For
# VGG16 it has 2 and 0 for the backbone's biases.)
MULTIPLIERS = dict(
    backbone_lr_mult=1.0,
    backbone_decay_mult=1.0,
    backbone_bias_lr_mult=1.0,
    backbone_bias_decay_mult=1.0,
    head_lr_mult=10.0,
    head_decay_mult=1.0,
    head_bias_lr_mult=20.0,
    head_bias_decay_mult=0.0,
)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class DeepLabOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Learning rates by module: backbone 1x, head weights 10x, head biases 20x.

    `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4 (classifier 10x), with
    20x and no weight decay for the biases from the Caffe release. The parameters of
    ``decode_head`` and ``auxiliary_head`` (one head or a list) belong to the heads, all
    others to the backbone. The biases of normalisation layers do not count as biases.
    Unlike MMSegmentation's ``custom_keys``, names are never searched for substrings.
    Frozen parameters are left out, shared ones come once, and the groups are logged.

    Args:
        optim_wrapper_cfg: ``type``, ``optimizer`` (with ``lr``, and ``weight_decay`` or
            0), ``accumulative_counts`` (Caffe's ``iter_size``), ...
        paramwise_cfg: Other values for any of :data:`MULTIPLIERS`; and ``classifier``,
            names of modules such as ``('fc8',)``, to which the heads' rates are
            restricted: the rest of the heads then has the backbone's.
    """

    def _validate_cfg(self) -> None:
        super()._validate_cfg()
        multipliers = dict(self.paramwise_cfg)
        names = multipliers.pop('classifier', ())
        self.classifier = (names,) if isinstance(names, str) else tuple(names)
        if unknown := sorted(multipliers.keys() - MULTIPLIERS.keys()):
            raise InputError(
                f'paramwise_cfg takes {sorted(MULTIPLIERS)} and classifier, received '
                f'{unknown}'
            )
        if negative := {k: v for k, v in multipliers.items() if v < 0}:
            raise InputError(f'multipliers must not be negative, received {negative}')
        if self.base_lr is None:
            raise InputError(f'optimizer needs an lr, received {self.optimizer_cfg}')
        # The base class only builds groups when this is not empty.
        self.paramwise_cfg = {**MULTIPLIERS, **multipliers}

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = '',
        is_dcn_module: int | float | None = None,
    ) -> None:
        model = module.module if is_model_wrapper(module) else module
        if not isinstance(getattr(model, HEADS[0], None), nn.Module):
            raise InputError(
                f'{type(model).__name__} has no decode_head: this constructor is for '
                'segmentors of the EncoderDecoder family'
            )
        groups: dict[str, list[nn.Parameter]] = {}
        for kind, parameter in trainable_parameters(model, self.classifier):
            groups.setdefault(kind, []).append(parameter)
        if not groups:
            raise InputError(f'every parameter of {type(model).__name__} is frozen')
        for kind, members in groups.items():
            lr = self.base_lr * self.paramwise_cfg[f'{kind}_lr_mult']
            decay = (self.base_wd or 0.0) * self.paramwise_cfg[f'{kind}_decay_mult']
            params.append(dict(params=members, name=kind, lr=lr, weight_decay=decay))
        print_log(describe_groups(params), logger='current', level=logging.INFO)


def trainable_parameters(
    model: nn.Module, classifier: tuple[str, ...] = ()
) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield each trainable parameter once, with the kind of its group.

    Modules in the heads count as heads if their name is in ``classifier``, by default
    all.
    """
    in_heads = {
        module
        for head in (getattr(model, name, None) for name in HEADS)
        if isinstance(head, nn.Module)
        for path, module in head.named_modules()
        if not classifier or set(classifier) & set(path.split('.'))
    }
    if classifier and not in_heads:
        raise InputError(
            f'paramwise_cfg.classifier={classifier}: no module in '
            f'{" or ".join(HEADS)} has such a name'
        )
    seen: set[nn.Parameter] = set()
    for module in model.modules():
        part = 'head' if module in in_heads else 'backbone'
        is_norm = isinstance(module, _NormBase | GroupNorm | LayerNorm)
        for name, parameter in module.named_parameters(recurse=False):
            if parameter in seen or not parameter.requires_grad:
                continue
            seen.add(parameter)
            is_bias = name == 'bias' and not is_norm
            yield f'{part}_bias' if is_bias else part, parameter


def describe_groups(groups: list[dict]) -> str:
    """Return a table of the optimizer's groups."""
    lines = [f'{"group":14} {"lr":>10} {"decay":>10} {"tensors":>8} {"parameters":>12}']
    for group in groups:
        size = sum(parameter.numel() for parameter in group['params'])
        lines.append(
            f'{group["name"]:14} {group["lr"]:10.3g} {group["weight_decay"]:10.3g} '
            f'{len(group["params"]):8d} {size:12,d}'
        )
    return 'Optimizer groups:\n' + '\n'.join(lines)
