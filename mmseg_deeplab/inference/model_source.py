"""Which files a model comes from, and its predictor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_deeplab.checkpoints import is_model, local_file, model_files
from mmseg_deeplab.checkpoints.model_zoo import nearest_models
from mmseg_deeplab.config import find_config
from mmseg_deeplab.utils.errors import InputError

from .predictor import ModelSource, Predictor

# Files that hold the whole model: written by mmseg-deeplab export, they need no config.
EXPORTED_SUFFIXES = ('.onnx', '.pt2', '.torchscript')


def is_exported(path: str) -> bool:
    """Tell by the suffix whether a file is an exported model."""
    return Path(path).suffix.lower() in EXPORTED_SUFFIXES


def take_model(
    arguments: Sequence[str], *, trust_program: bool = False
) -> tuple[ModelSource, list[str]]:
    """Take the model from the front of the arguments; return it and the others.

    A model is one argument (see :func:`~mmseg_deeplab.checkpoints.model_files`; it is
    downloaded where it is not there), an exported file, or CONFIG CHECKPOINT.
    """
    expected = (
        'expected the name of a model (mmseg-deeplab models lists them), '
        'hf://OWNER/NAME, a URL or file of a checkpoint, CONFIG CHECKPOINT, or a file '
        f'of mmseg-deeplab export ({", ".join(EXPORTED_SUFFIXES)})'
    )
    if not arguments:
        raise InputError(f'no model is given: {expected}')
    first, *rest = arguments
    is_address = first.startswith(('http://', 'https://'))
    file = local_file(first) if is_address else first
    if is_exported(file):
        return ModelSource(None, file, trust_program), rest
    if is_model(first):
        config, checkpoint = model_files(first)
        if config is None:
            raise InputError(f'{first!r} is a backbone alone, for init_cfg: {expected}')
        return ModelSource(config, checkpoint), rest
    if not first.endswith('.py'):
        _check_name(first)
    if not rest:
        raise InputError(f'{first!r} stands alone: {expected}')
    if is_exported(rest[0]):
        raise InputError(
            f'{rest[0]!r} is an exported model, which holds all that it needs: leave '
            f'out the config {first!r} before it'
        )
    return ModelSource(first, rest[0]), rest[1:]


def _check_name(name: str) -> None:
    """Raise FileNotFoundError for what is neither a model nor a config."""
    try:
        find_config(name)
    except FileNotFoundError as error:
        near = nearest_models(name)
        models = f'; models of like names are {", ".join(near)}' if near else ''
        raise FileNotFoundError(f'{error}{models}') from error


def split_models(
    arguments: Sequence[str], *, trust_program: bool = False
) -> list[ModelSource]:
    """Split ``MODEL [CONFIG CHECKPOINT] [EXPORTED_FILE] ...`` into models."""
    models, rest = [], list(arguments)
    while rest or not models:
        model, rest = take_model(rest, trust_program=trust_program)
        models.append(model)
    return models


def load_predictor(
    source: ModelSource,
    *,
    device: str = 'cpu',
    tta: bool = False,
    crf: str | bool | None = None,
    msc: bool = False,
    output_stride: int | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Predictor:
    """Load a model from its files.

    Args:
        source: A config and its checkpoint, or an exported file; a ``.pt2`` or
            ``.torchscript`` file only with ``trust_program=True``.
        device: Where to run, such as ``'cuda:0'``.
        tta: Whether to average over the views of the config's ``tta_pipeline``.
        crf: None does as the config says. False leaves the CRF out. True takes the
            config's CRF or, where it has none, that of the released ResNet-101. A
            string is the path of a CRF fragment.
        msc: Whether to take the maximum of the logits at the scales 0.5, 0.75 and 1.
        output_stride: An output stride other than the config's.
        cfg_options: Settings of the config to override, by dotted keys.

    Raises:
        ValueError: If the files do not fit, or the model lacks what is asked for.
    """
    options = dict(
        tta=tta,
        crf=crf,
        msc=msc,
        output_stride=output_stride,
        cfg_options=cfg_options,
    )
    if not is_exported(source.checkpoint):
        from .network import NetworkPredictor

        return NetworkPredictor.from_files(source, device=device, **options)
    for name, value in options.items():
        if value:
            raise InputError(
                f'{source.checkpoint}: --{name.replace("_", "-")} ({name}={value!r}) '
                'does not go with an exported model, which is fixed. Remedy: leave it '
                'out, or predict with CONFIG and CHECKPOINT'
            )
    from .exported import ExportedPredictor

    return ExportedPredictor(
        source.checkpoint, device=device, trust_program=source.trust_program
    )
