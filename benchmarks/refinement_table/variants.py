"""What a table of refinements compares."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_deeplab.config.crf_settings import load_crf

PLAIN = 'plain'
# What the multi-scale segmentor has beside the arguments of the single-scale one.
MULTI_SCALE_KEYS = ('scales', 'resize', 'label_subsampling')
SEGMENTORS = ('EncoderDecoder', 'LeanEncoderDecoder', 'MultiScaleEncoderDecoder')


@dataclass(frozen=True)
class Variant:
    """One way to predict with the same weights.

    Args:
        name: In the table.
        multi_scale: DeepLab v2's multi-scale inputs with max fusion.
        crf: Config of the CRF, or None.
        base: Name of the variant that this one refines; empty for the first.
    """

    name: str
    multi_scale: bool = False
    crf: dict[str, Any] | None = None
    base: str = ''


def list_variants(
    cfg: Config,
    *,
    crf: str | None = None,
    tuned: str | None = None,
    learned: str | None = None,
    multi_scale: bool = True,
) -> list[Variant]:
    """Return the rows of the table, the plain network first.

    Args:
        cfg: The whole config.
        crf: Fragment of the CRF as it is before any tuning; None takes ``model.crf``
            of the config, or else the settings of the released ResNet-101.
        tuned: Fragment that a search has written.
        learned: Fragment that learning has written.
        multi_scale: Also several scales, and those with the tuned CRF (the learned
            one, the first one where there is none).

    Raises:
        FileNotFoundError: If a fragment is missing.
        ValueError: If a file is no fragment.
    """
    own = cfg.model.get('crf') or dict(type='DenseCRF')
    first = load_crf(crf) if crf else MODELS.build(dict(own)).settings()
    crfs = {'CRF': first}
    crfs |= {'CRF, tuned': load_crf(tuned)} if tuned else {}
    crfs |= {'CRF, learned': load_crf(learned)} if learned else {}
    variants = [Variant(PLAIN)]
    variants += [Variant(name, crf=crf, base=PLAIN) for name, crf in crfs.items()]
    if multi_scale:
        best = shown(variants)
        variants.insert(1, Variant('MSC', multi_scale=True, base=PLAIN))
        name = f'MSC + {best.name}'
        variants.append(Variant(name, multi_scale=True, crf=best.crf, base='MSC'))
    return variants


def shown(variants: list[Variant]) -> Variant:
    """Return the variant that the pictures show: tuned, else learned, else the CRF."""
    named = {variant.name: variant for variant in variants}
    names = ('CRF, tuned', 'CRF, learned', 'CRF')
    return next(named[name] for name in names if name in named)


def network_config(cfg: Config, *, multi_scale: bool) -> Config:
    """Return the config with the segmentor at one scale or at several.

    Args:
        cfg: The whole config; left as it is.
        multi_scale: At several. A config that has them already keeps its own.

    Raises:
        ValueError: If the segmentor is not of this family.
    """
    cfg = Config(cfg.to_dict())
    model = cfg.model
    if model.type not in SEGMENTORS:
        raise ValueError(
            f'model.type={model.type!r}: several scales and a CRF go with {SEGMENTORS}'
        )
    if multi_scale:
        model.type = 'MultiScaleEncoderDecoder'
    elif model.type == 'MultiScaleEncoderDecoder':
        model.type = 'LeanEncoderDecoder'
        for key in MULTI_SCALE_KEYS:
            model.pop(key, None)
    return cfg


def slug(name: str) -> str:
    """Return a name that is fit for a file."""
    return '_'.join(name.lower().replace('+', ' ').replace(',', ' ').split())


def checkpoint_name(checkpoint: str) -> str:
    """Return folder and file of a checkpoint, which tell it apart from others."""
    return '/'.join(Path(checkpoint).parts[-2:])
