"""From the files of a model to its predictor."""

from typing import Any

from .model_source import ModelSource, is_exported
from .predictor import Predictor


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
        source: A config and its checkpoint, or an exported file.
        device: Where to run, such as ``'cuda:0'``.
        tta: Whether to average over the views of the config's ``tta_pipeline``.
        crf: None does as the config says. False leaves the CRF out. True takes the
            config's CRF or, where it has none, that of the released ResNet-101. A
            string is the path of a CRF fragment.
        msc: Whether to take the maximum of the logits at the scales 0.5, 0.75 and 1.
        output_stride: An output stride other than the config's.
        cfg_options: Settings of the config to override, by dotted keys.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files do not fit together or the model lacks what is asked
            for.
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
            raise ValueError(
                f'{source.checkpoint}: --{name.replace("_", "-")} ({name}={value!r}) '
                'does not go with an exported model, which is fixed. Remedy: leave it '
                'out, or predict with CONFIG and CHECKPOINT'
            )
    from .exported import ExportedPredictor

    return ExportedPredictor(source.checkpoint, device=device)
