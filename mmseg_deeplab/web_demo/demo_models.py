"""The models that the page offers, and the switches that each of them has."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.prediction_options import enable_crf, enable_tta
from mmseg_deeplab.export import export_network
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor
from mmseg_deeplab.inference.backends import Job, choose_backend
from mmseg_deeplab.inference.output_folder import describe
from mmseg_deeplab.utils.errors import InputError


class Choice(NamedTuple):
    """One way to predict an image."""

    model: str  # its name
    crf: bool = False  # refine the prediction by a dense CRF
    tta: bool = False  # average several scales and their mirror images

    @property
    def words(self) -> list[str]:
        return [self.model, *['CRF'] * self.crf, *['multi-scale'] * self.tta]


class DemoModel:
    """A model under the name that the page gives it.

    ``why_no_crf`` and ``why_no_tta`` say why a switch stays off, and are empty if it
    works; ``crf`` tells whether the config itself has a CRF.
    """

    def __init__(
        self,
        name: str,
        source: ModelSource,
        *,
        device: str = 'cpu',
        backend: str = 'auto',
    ) -> None:
        self.name, self.source = name, source
        self.device, self.backend = device, backend
        self.crf = False
        if source.config is None:
            self.why_no_crf = self.why_no_tta = 'not with an exported file'
        else:
            cfg = read_config(source.config)
            self.crf = bool(cfg.model.get('crf'))
            self.why_no_crf = _why_not(enable_crf, cfg)
            self.why_no_tta = _why_not(enable_tta, cfg)
        self.predictor = lru_cache(maxsize=None)(self._load)

    def choose(self, *, crf: bool = False, tta: bool = False) -> Choice:
        """Return the choice of these switches; those that it lacks stay off."""
        crf, tta = crf and not self.why_no_crf, tta and not self.why_no_tta
        return Choice(self.name, crf=bool(crf), tta=bool(tta))

    def _load(self, *, crf: bool = False, tta: bool = False) -> Predictor:
        """Load the weights, once for each setting of the switches."""
        predictor = load_predictor(self.source, device=self.device, crf=crf, tta=tta)
        choose_backend(
            predictor,
            self.backend,
            Job(None, 0),
            made_of=describe(self.source, {}),
            export=export_network,
        )
        return predictor


def _why_not(enable: Callable[[Config], None], cfg: Config) -> str:
    """Return the message against an option; empty if there is none."""
    try:
        enable(Config(cfg.to_dict()))
    except ValueError as error:
        return str(error)
    return ''


def open_models(
    sources: Sequence[ModelSource], *, device: str = 'cpu', backend: str = 'auto'
) -> dict[str, DemoModel]:
    """Load all models at once, so that a mistake shows before the page does.

    With the ``backend`` ``'auto'`` an ONNX file of the cache is taken, and none made.
    """
    names = model_names(sources)
    pairs = zip(names, sources, strict=True)
    models = {
        name: DemoModel(name, source, device=device, backend=backend)
        for name, source in pairs
    }
    for model in models.values():
        model.predictor(crf=model.crf, tta=False)
    return models


def model_names(sources: Sequence[ModelSource]) -> list[str]:
    """Return the shortest names telling the models apart: config, checkpoint, path."""
    if not sources:
        raise InputError('the page needs at least one model, received none')
    for style in ('{0.name}', '{0.name} ({1.name})', '{0.name} ({1})'):
        names = [style.format(one, Path(one.checkpoint)) for one in sources]
        if len(set(names)) == len(names):
            return names
    twice = next(name for name in names if names.count(name) > 1)
    raise InputError(f'the model {twice} is given twice; leave one of them out')
