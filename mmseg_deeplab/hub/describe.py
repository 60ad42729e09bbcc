"""What a config says about its network, its data and what it needs, in words."""

from typing import Any

from mmengine.config import Config


def inner_dataset(cfg: Config, loader: str) -> dict[str, Any]:
    """Return the config of a loader's data set, out of its wrappers; empty if none.

    Args:
        cfg: The whole config.
        loader: Such as ``'train_dataloader'``.
    """
    dataset = (cfg.get(loader) or {}).get('dataset') or {}
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def network_in_words(model: dict[str, Any]) -> str:
    """Name segmentor, backbone and heads.

    Args:
        model: Config of a segmentor.
    """
    backbone, head = model['backbone'], model['decode_head']
    heads = head if isinstance(head, list | tuple) else [head]
    details = [
        f'{key} {backbone[key]}'
        for key in ('depth', 'output_stride')
        if key in backbone
    ]
    extra = f' ({", ".join(details)})' if details else ''
    crf = ', refined by a dense CRF' if model.get('crf') else ''
    names = ', '.join(f'`{part["type"]}`' for part in heads)
    return f'`{model["type"]}` of `{backbone["type"]}`{extra} and {names}{crf}'


def other_modules(cfg: Config) -> list[str]:
    """Return what a config imports besides this package."""
    imports = cfg.custom_imports.get('imports') or []
    imports = [imports] if isinstance(imports, str) else imports
    return [name for name in imports if name.split('.')[0] != 'mmseg_deeplab']
