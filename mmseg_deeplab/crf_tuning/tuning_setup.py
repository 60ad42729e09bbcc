"""The network, the images and the start of a tuning, and what is made of its result."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_deeplab.checkpoints.class_order import (
    ORDER_REMEDY,
    checkpoint_meta,
    class_difference,
)
from mmseg_deeplab.config import named_dicts, read_config
from mmseg_deeplab.config.config_checks import check_checkpoint
from mmseg_deeplab.config.prediction_options import load_crf
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor
from mmseg_deeplab.inference.prediction_config import read_checkpoint
from mmseg_deeplab.utils.array_files import save_array
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.utils.progress import Progress
from mmseg_deeplab.utils.value_checks import require_at_least

from .probability_cache import ProbabilityCache, network_key
from .tuning_images import Sample, choose_images, evaluate

# Up to so many classes (those of VOC) the compatibility is listed in the file itself.
MAX_LISTED_CLASSES = 21
DIGITS = 6  # significant digits of each number

Comparison = dict[str, dict[str, float]]


@dataclass
class TuningSetup:
    """The network, the chosen images, and the CRF to start from.

    Raises:
        FileNotFoundError: If the config, the checkpoint, data or the start is missing.
        ValueError: If something does not fit.
    """

    config: str  # path of the network's config
    checkpoint: str  # file or URL of the network's weights
    cfg_options: dict[str, Any] = field(default_factory=dict)  # of the config
    work_dir: str | Path | None = None  # for all files; `crf` in the config's own
    num_images: int | None = None  # to tune on, see choose_images for these four
    holdout_split: str = 'val'
    num_holdout: int | None = None
    seed: int = 0  # also of learning
    tta: bool = False  # whether to predict with test-time augmentation
    start: Any = None  # CRF file; None: `model.crf`, or the defaults of DenseCRF
    num_iterations: int = 10  # mean-field iterations of the result, as in the papers
    device: str | None = None  # a GPU where there is one
    restart: bool = False  # forget earlier results, but not the predictions

    def __post_init__(self) -> None:
        require_at_least(1, num_iterations=self.num_iterations)
        cfg = read_config(self.config, self.cfg_options)
        check_checkpoint(self.checkpoint)
        if any(part.get('out_channels') == 1 for _, part in named_dicts(cfg.model)):
            raise InputError(
                'the network has 1 output channel; a CRF needs two: out_channels=2'
            )
        self.work_dir = Path(self.work_dir or Path(cfg.work_dir) / 'crf')
        self.device = self.device or ('cuda' if torch.cuda.is_available() else 'cpu')
        own = cfg.model.get('crf') or dict(type='DenseCRF')
        start = load_crf(self.start) if self.start else MODELS.build(own).settings()
        self.start = plain_settings(start, self.num_iterations)
        self.tuning, self.holdout = choose_images(
            cfg,
            num_images=self.num_images,
            holdout_split=self.holdout_split,
            num_holdout=self.num_holdout,
            seed=self.seed,
        )
        self._check_classes()
        key = network_key(cfg, self.checkpoint, tta=self.tta)
        self.cache = ProbabilityCache(self.work_dir / 'cache', key, cache(self._load))
        # What every mIoU on the tuning images depends on.
        self.settings = dict(network=key, images=self.tuning.paths())

    def _check_classes(self) -> None:
        trained = checkpoint_meta(read_checkpoint(self.checkpoint))
        for images in (self.tuning, self.holdout):
            sources = (self.checkpoint, f'the data set of {images.split}_dataloader')
            found = class_difference(trained, images.images.metainfo, sources)
            if found and found.exchanged:
                raise InputError(f'{found.message}. {ORDER_REMEDY}')

    def _load(self) -> Predictor:
        source = ModelSource(self.config, self.checkpoint)
        options = dict(tta=self.tta, crf=False, cfg_options=self.cfg_options)
        return load_predictor(source, device=self.device, **options)

    def read(self, position: int) -> Sample:
        return self.cache.read(self.tuning, self.tuning.indices[position])

    def tuning_samples(self) -> Iterator[Sample]:
        return map(self.read, range(len(self.tuning)))

    def evaluate(self, crfs: list[Any], progress: Progress) -> list[float]:
        """Return the mIoU in percent of CRFs on the tuning images."""
        samples = self.tuning_samples()
        return evaluate(samples, crfs, device=self.device, after_each=progress.advance)

    def compare(self, found: dict[str, Any]) -> tuple[dict[str, Any], Comparison]:
        """Compare a CRF with none and with the start, which is kept if it is better.

        Returns the better one, and the mIoU in percent ``without``, with the ``start``
        and with the ``tuned`` one, of ``tuning`` and ``holdout`` images.
        """
        start = MODELS.build(dict(self.start))
        comparison = {}
        for name, images in dict(tuning=self.tuning, holdout=self.holdout).items():
            read = self.cache.read if images is self.tuning else self.cache.predict
            samples = (read(images, index) for index in images.indices)
            crfs = [None, start, MODELS.build(dict(found))]
            with Progress(f'comparison, {name} images', len(images)) as progress:
                miou = evaluate(
                    samples, crfs, device=self.device, after_each=progress.advance
                )
            values = dict(zip(('without', 'start', 'tuned'), miou, strict=True))
            if images is self.tuning and values['tuned'] < values['start']:
                found, values['tuned'] = self.start, values['start']
            comparison[name] = dict(values, images=len(images))
        return found, comparison


def tune(tuner: Any) -> dict[str, Any]:
    """Find a CRF, compare it, and write it with a log and a plot.

    ``tuner`` is a :class:`CRFSearch` or a :class:`CRFLearner`. Returns ``crf``,
    ``comparison``, ``files`` and ``notes``.
    """
    setup = tuner.setup
    found = tuner.run()
    crf, comparison = setup.compare(found)
    notes = tuner.notes()
    if crf != found:
        notes.append('the start is better on the tuning images, and is kept')
    notes += [
        f'the CRF does not help this model on the {name} images: '
        f'{miou["without"]:.2f} without, {miou["tuned"]:.2f} with it'
        for name, miou in comparison.items()
        if miou['tuned'] < miou['without']
    ]
    stem, log_stem = tuner.stems
    names = dict(fragment=f'{stem}.py', log=f'{log_stem}.json', plot=f'{log_stem}.png')
    files = {kind: setup.work_dir / name for kind, name in names.items()}
    remarks = '\n'.join(notes)
    docstring = f"""Dense CRF, {tuner.how}.

Network: {Path(setup.config).stem}
with {setup.checkpoint}{', test-time augmentation' if setup.tta else ''}.
Tuned on {len(setup.tuning)} images of the val split (seed {setup.seed}),
judged by {len(setup.holdout)} others of the {setup.holdout.split} split.

{comparison_table(comparison)}

{remarks}
    mmseg-deeplab test CONFIG CHECKPOINT --crf {files['fragment']}"""
    write_fragment(files['fragment'], crf, docstring=docstring)
    write_json(files['log'], {**tuner.log(), 'comparison': comparison})
    tuner.plot(files['plot'])
    return dict(crf=crf, comparison=comparison, notes=notes, files=files)


def comparison_table(comparison: Comparison) -> str:
    """Return the mIoU before and after as a text table."""
    names = dict(without='no CRF', start='start', tuned='tuned')
    lines = [f'{"mIoU, %":20}' + ''.join(f'{name:>9}' for name in names.values())]
    for name, miou in comparison.items():
        row = f'{name} ({miou["images"]} images)'
        lines.append(f'{row:20}' + ''.join(f'{miou[key]:9.2f}' for key in names))
    return '\n'.join(lines)


def check_same_settings(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse results in a file that were made with other settings."""
    new = json.loads(json.dumps(new))  # tuples become lists, as in what is read
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if changed:
        before, now = ({n: s.get(n) for n in changed} for s in (old, new))
        raise InputError(
            f'{path} was made with other settings: {str(before)[:300]}, now '
            f'{str(now)[:300]}. --restart begins anew; another --work-dir keeps both'
        )


def plain_settings(settings: dict[str, Any], num_iterations: int) -> dict[str, Any]:
    """Return the config of a CRF as the file will hold it: rounded, not learnable."""
    left_out = ('learnable', 'num_classes')
    text = json.dumps({n: v for n, v in settings.items() if n not in left_out})
    plain = json.loads(text, parse_float=lambda t: float(f'{float(t):.{DIGITS}g}'))
    return dict(plain, num_iterations=num_iterations)


def write_fragment(path: Path, settings: dict[str, Any], *, docstring: str) -> None:
    """Write ``crf = dict(...)``, for ``mmseg-deeplab test --crf FILE``, and JSON.

    A compatibility of more than 21 classes goes to an ``.npy`` beside the file, which
    names it by mmengine's ``{{ fileDirname }}``: the two work from any folder.
    """
    write_json(path.with_suffix('.json'), dict(crf=settings))
    settings = dict(settings)
    compatibility = settings.get('compatibility')
    if isinstance(compatibility, list) and len(compatibility) > MAX_LISTED_CLASSES:
        array = path.with_name(f'{path.stem}_compatibility.npy')
        save_array(array, np.array(compatibility, dtype=np.float32))
        settings['compatibility'] = f'{{{{ fileDirname }}}}/{array.name}'
    text = docstring.replace('\\', '/').replace('"""', "'''")
    crf = Config(dict(crf=settings)).pretty_text
    write_whole(f'"""{text}\n"""\n\n{crf}'.encode(), path)
