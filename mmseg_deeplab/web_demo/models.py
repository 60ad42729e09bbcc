"""The models that the page offers, and the switches that each of them has."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from mmengine.config import Config

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor

from .scene import Choice


class DemoModel:
    """A model under the name that the page gives it.

    Args:
        name: In the page.
        source: Config and checkpoint, or an exported file.
        device: Where it runs.

    Attributes:
        why_no_crf: Why the page's CRF switch is off for good, or empty.
        why_no_tta: The same for multi-scale testing.
        crf: Whether the config itself has a CRF.
    """

    def __init__(self, name: str, source: ModelSource, *, device: str = 'cpu') -> None:
        self.name, self.source, self.device = name, source, device
        self.crf = False
        if source.config is None:
            self.why_no_crf = self.why_no_tta = 'not with an exported file'
        else:
            cfg = launch.load_config(source.config)
            self.crf = bool(cfg.model.get('crf'))
            self.why_no_crf = _why_not(launch.enable_crf, cfg)
            self.why_no_tta = _why_not(launch.enable_tta, cfg)
        self.predictor = lru_cache(maxsize=None)(self._load)

    def choose(self, *, crf: bool = False, tta: bool = False) -> Choice:
        """Return the choice of these switches, those it does not have left off."""
        return Choice(
            self.name,
            crf=bool(crf and not self.why_no_crf),
            tta=bool(tta and not self.why_no_tta),
        )

    def _load(self, *, crf: bool = False, tta: bool = False) -> Predictor:
        """Load the weights: once for each setting of the switches."""
        return load_predictor(self.source, device=self.device, crf=crf, tta=tta)


def open_models(
    sources: Sequence[ModelSource], *, device: str = 'cpu'
) -> dict[str, DemoModel]:
    """Load all models, so that a mistake shows before the page does.

    Args:
        sources: At least one.
        device: Where they run.

    Returns:
        The models by name, in their order.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If there is no model, one is given twice, or a file is none.
    """
    names = model_names(sources)
    models = {
        name: DemoModel(name, source, device=device)
        for name, source in zip(names, sources, strict=True)
    }
    for model in models.values():
        model.predictor(crf=model.crf, tta=False)
    return models


def model_names(sources: Sequence[ModelSource]) -> list[str]:
    """Return the shortest names that tell the models apart.

    The config's name; the checkpoint's behind it where configs repeat; the checkpoint's
    whole path where that repeats as well.

    Raises:
        ValueError: If there is no model, or one is given twice.
    """
    if not sources:
        raise ValueError('the page needs at least one model, received none')
    styles = (_config_name, _file_name, _path_name)
    for style in styles:
        names = [style(source) for source in sources]
        if len(set(names)) == len(names):
            return names
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f'the model {twice} is given twice; leave one of them out')


def _config_name(source: ModelSource) -> str:
    return Path(source.config or source.checkpoint).stem


def _file_name(source: ModelSource) -> str:
    return f'{_config_name(source)} ({Path(source.checkpoint).name})'


def _path_name(source: ModelSource) -> str:
    return f'{_config_name(source)} ({source.checkpoint})'


def _why_not(enable: Callable[[Config], None], cfg: Config) -> str:
    """Return what the launcher says against an option; empty if nothing."""
    try:
        enable(Config(cfg.to_dict()))
    except ValueError as error:
        return str(error)
    return ''
