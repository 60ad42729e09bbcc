"""How a trained network predicts: CRF, several scales, speed, views, output stride.

The same options mean the same for a test, a prediction, an export, a report and the web
page: all of them call :func:`apply_prediction_options`.
"""

import os
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS

from mmseg_deeplab.models import (
    LeanEncoderDecoder,
    LeanTTAModel,
    MultiScaleEncoderDecoder,
    PanopticDeepLab,
    set_output_stride,
)
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import read_json

from .config_errors import load_config
from .option_check import is_derived

SPEED_HOOK = 'InferenceSpeedHook'


def apply_prediction_options(
    cfg: Config,
    *,
    crf: str | bool | None = None,
    msc: bool = False,
    fast: bool = False,
    tta: bool = False,
    output_stride: int | None = None,
) -> None:
    """Change how the network of a config predicts; its weights stay valid.

    Args:
        cfg: Changed in place.
        crf: Path of a CRF fragment, see :func:`load_crf`; True takes the config's own
            CRF or, if it has none, that of the released ResNet-101 (the defaults of
            ``DenseCRF``); False takes the CRF out; None leaves the config as it is.
        msc: Predict at the scales 0.5, 0.75 and 1 and take the maximum of the logits
            (``MultiScaleEncoderDecoder``).
        fast: Fold BatchNorm and use channels_last (``InferenceSpeedHook``, as the mixin
            ``fast_inference``). See :func:`fast_settings`.
        tta: Test-time augmentation by ``cfg.tta_pipeline``.
        output_stride: Another output stride than the config's.

    Raises:
        FileNotFoundError: If there is no such CRF fragment.
        ValueError: If the config lacks what an option needs.
    """
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    if msc:
        _require_lean_segmentor(cfg.model, '--msc')
        if not is_derived(cfg.model.type, MultiScaleEncoderDecoder):
            cfg.model.type = 'MultiScaleEncoderDecoder'
    if crf:
        enable_crf(cfg, crf)
    elif crf is False:
        cfg.model.pop('crf', None)
    if fast:
        take_lean_segmentor(cfg.model)
        if fast_settings(cfg) is None:
            cfg.custom_hooks = [*cfg.get('custom_hooks', ()), dict(type=SPEED_HOOK)]
    if tta:
        enable_tta(cfg)


def fast_settings(cfg: Config) -> dict[str, Any] | None:
    """Return the arguments of the config's ``InferenceSpeedHook``, None without one."""
    for hook in cfg.get('custom_hooks') or ():
        if hook['type'] == SPEED_HOOK:
            return {key: value for key, value in hook.items() if key != 'type'}
    return None


def load_crf(path: str | Path) -> dict[str, Any]:
    """Read the settings of a CRF from a fragment, such as ``configs/crf/*.py``.

    A fragment is a config and its code is run; a ``.json`` is data. Its
    ``compatibility`` may be the name of a file beside it. The CRF is built once, so
    that errors name the file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'CRF fragment {str(path)!r} does not exist (current folder '
            f'{os.getcwd()}); some are in configs/crf, and mmseg-deeplab tune-crf '
            'writes them'
        )
    if path.suffix not in ('.py', '.json'):
        raise InputError(f'{path}: a CRF fragment is a .py, which is run, or a .json')
    # mmengine would import what `custom_imports` of a JSON file names.
    content = read_json(path) if path.suffix == '.json' else load_config(path).to_dict()
    crf = content.get('crf') if isinstance(content, dict) else content
    if not isinstance(crf, dict) or 'type' not in crf:
        raise InputError(
            f"{path}: a CRF fragment holds crf = dict(type='DenseCRF', ...), received "
            f'crf = {str(crf)[:200]}'
        )
    if path.suffix == '.json' and crf['type'] != 'DenseCRF':
        # A registry imports and calls what a name with dots means.
        raise InputError(f"{path}: crf.type must be 'DenseCRF' in a .json")
    crf.pop('learnable', None)
    named = crf.get('compatibility')
    if isinstance(named, str) and not Path(named).is_file():
        crf['compatibility'] = str(path.parent / named)
    try:
        MODELS.build(crf.copy())
    except (TypeError, ValueError, KeyError, FileNotFoundError) as error:
        raise InputError(f'{path}: not the settings of a CRF: {error}') from error
    return crf


def enable_crf(cfg: Config, crf: str | bool = True) -> None:
    """Let a dense CRF refine the predictions; see :func:`apply_prediction_options`."""
    if (cfg.model.get('data_preprocessor') or {}).get('type') == 'BandPreprocessor':
        raise InputError(
            '--crf compares the colours of images of 8 bits, and this network reads '
            'bands. Remedy: leave --crf out'
        )
    _require_lean_segmentor(cfg.model, '--crf')
    if isinstance(crf, str):
        cfg.model.crf = ConfigDict(load_crf(crf))
    elif not cfg.model.get('crf'):
        cfg.model.crf = ConfigDict(type='DenseCRF')


def enable_tta(cfg: Config) -> None:
    """Wrap the model for test-time augmentation; ``SegTTAModel`` becomes a lean one."""
    _refuse_instances(cfg.model, '--tta')
    if 'tta_pipeline' not in cfg:
        raise InputError('--tta needs tta_pipeline in the config, which has none')
    cfg.setdefault('test_dataloader', ConfigDict(dataset=ConfigDict()))
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    wrapper = ConfigDict(cfg.get('tta_model') or dict(type='SegTTAModel'))
    is_lean = is_derived(cfg.model.type, LeanEncoderDecoder)
    if wrapper.type == 'SegTTAModel':
        wrapper.type = 'LeanTTAModel'
    if is_lean and not is_derived(wrapper.type, LeanTTAModel):
        if cfg.model.get('crf'):
            raise InputError(
                f'tta_model.type={wrapper.type!r} would run the CRF on every view: '
                'derive it from LeanTTAModel, or leave out --crf or --tta'
            )
        cfg.model.test_cfg = dict(cfg.model.get('test_cfg') or {}, keep_logits=True)
    cfg.model = ConfigDict(**wrapper, module=cfg.model)


def take_lean_segmentor(model: ConfigDict) -> None:
    """Make an ``EncoderDecoder`` a ``LeanEncoderDecoder``, which predicts the same."""
    if model.type == 'EncoderDecoder' or MODELS.get(model.type) is EncoderDecoder:
        model.type = 'LeanEncoderDecoder'


def _require_lean_segmentor(model: ConfigDict, option: str) -> None:
    _refuse_instances(model, option)
    take_lean_segmentor(model)
    if not is_derived(model.type, LeanEncoderDecoder):
        raise InputError(
            f'{option} needs EncoderDecoder, LeanEncoderDecoder or '
            f'MultiScaleEncoderDecoder, model.type={model.type!r} is none of them'
        )


def _refuse_instances(model: ConfigDict, option: str) -> None:
    if is_derived(model.type, PanopticDeepLab):
        raise InputError(
            f'{option} changes classes alone, and {model.type} needs instances of the '
            f'same pixels. Remedy: leave {option} out'
        )
