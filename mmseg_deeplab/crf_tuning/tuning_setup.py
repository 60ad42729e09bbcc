"""The network, the images and the start of a tuning, and what is made of its result."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import torch
from mmseg.registry import MODELS

from mmseg_deeplab.config import named_dicts, read_config
from mmseg_deeplab.config.config_checks import check_checkpoint
from mmseg_deeplab.config.crf_settings import load_crf
from mmseg_deeplab.inference import ModelSource, Predictor, load_predictor
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.progress import Progress

from .crf_evaluation import evaluate
from .crf_fragment import plain_settings, write_fragment
from .probability_cache import ProbabilityCache, network_key
from .tuning_images import ImageSet, Sample, choose_images

Comparison = dict[str, dict[str, float]]


@dataclass
class TuningSetup:
    """The network, the chosen images, and the CRF to start from.

    Args:
        config: Path of the network's config.
        checkpoint: File or URL of the network's weights.
        cfg_options: Override settings of the config, dotted keys.
        work_dir: Folder of all results and of the cache; the default is ``crf`` in the
            work folder of the config.
        num_images: See :func:`choose_images`, as for the next two.
        holdout_split: ``'val'`` or ``'test'``.
        num_holdout: None takes all other images.
        seed: Seed of the choice of images, and of learning.
        tta: Whether to predict with test-time augmentation.
        start: File of the CRF to compare with and to learn from; None takes
            ``model.crf`` of the config, or else the defaults of ``DenseCRF``.
        num_iterations: Mean-field iterations of the result; 10 in the papers.
        device: None takes a GPU where there is one.
        restart: Forget earlier results; the predictions are kept.

    Raises:
        FileNotFoundError: If the config, the checkpoint, data or the start is missing.
        ValueError: If something does not fit.
    """

    config: str
    checkpoint: str
    cfg_options: dict[str, Any] = field(default_factory=dict)
    work_dir: str | Path | None = None
    num_images: int | None = None
    holdout_split: str = 'val'
    num_holdout: int | None = None
    seed: int = 0
    tta: bool = False
    start: Any = None
    num_iterations: int = 10
    device: str | None = None
    restart: bool = False

    def __post_init__(self) -> None:
        if self.num_iterations < 1:
            raise ValueError(f'num_iterations={self.num_iterations}: needs at least 1')
        cfg = read_config(self.config, self.cfg_options)
        check_checkpoint(self.checkpoint)
        if any(part.get('out_channels') == 1 for _, part in named_dicts(cfg.model)):
            raise ValueError(
                'the network has 1 output channel (a sigmoid); a CRF needs the '
                'probabilities of two classes or more: train with out_channels=2'
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
        key = network_key(cfg, self.checkpoint, tta=self.tta)
        self.cache = ProbabilityCache(self.work_dir / 'cache', key, cache(self._load))
        # What every mIoU on the tuning images depends on.
        self.settings = dict(network=key, images=self.tuning.paths())

    def _load(self) -> Predictor:
        source = ModelSource(self.config, self.checkpoint)
        options = dict(tta=self.tta, crf=False, cfg_options=self.cfg_options)
        return load_predictor(source, device=self.device, **options)

    def read(self, position: int) -> Sample:
        """Return the tuning image of a position, from 0."""
        return self.cache.read(self.tuning, self.tuning.indices[position])

    def tuning_samples(self) -> Iterator[Sample]:
        """Yield the tuning images."""
        return map(self.read, range(len(self.tuning)))

    def compare(self, found: dict[str, Any]) -> tuple[dict[str, Any], Comparison]:
        """Compare a CRF with none and with the start, which is kept if it is better.

        Args:
            found: The config of the CRF that was found.

        Returns:
            The config of the CRF with the higher mIoU on the tuning images; and
            ``tuning`` and ``holdout``, each with the number of ``images`` and the mIoU
            in percent ``without`` a CRF, with the ``start`` and with the ``tuned`` one.
        """
        tuning = self._miou('tuning', self.tuning, found)
        if tuning['tuned'] < tuning['start']:
            found, tuning['tuned'] = self.start, tuning['start']
        return found, dict(
            tuning=tuning, holdout=self._miou('held-out', self.holdout, found)
        )

    def _miou(self, name: str, images: ImageSet, crf: dict) -> dict[str, float]:
        read = self.cache.read if images is self.tuning else self.cache.predict
        samples = (read(images, index) for index in images.indices)
        crfs = [None, MODELS.build(dict(self.start)), MODELS.build(dict(crf))]
        with Progress(f'comparison, {name} images', len(images)) as progress:
            found = evaluate(
                samples, crfs, device=self.device, after_each=progress.advance
            )
        miou = dict(zip(('without', 'start', 'tuned'), found, strict=True))
        return dict(miou, images=len(images))


class Tuner(Protocol):
    """What finds a CRF: :class:`CRFSearch` and :class:`CRFLearner`."""

    setup: TuningSetup
    how: str  # how the CRF was found
    fragment_stem: str  # names of the files
    log_stem: str

    def run(self) -> dict[str, Any]:
        """Return the config of the best CRF."""

    def notes(self) -> list[str]:
        """Return what the user should know of the run."""

    def log(self) -> dict[str, Any]:
        """Return what was found on the way."""

    def plot(self, path: Path) -> None:
        """Plot the same."""


def tune(tuner: Tuner) -> dict[str, Any]:
    """Find a CRF, compare it, and write it with a log and a plot.

    Returns:
        ``crf``, ``comparison``, ``files`` and ``notes``.
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
    files = dict(
        fragment=setup.work_dir / f'{tuner.fragment_stem}.py',
        log=setup.work_dir / f'{tuner.log_stem}.json',
        plot=setup.work_dir / f'{tuner.log_stem}.png',
    )
    docstring = f"""Dense CRF, {tuner.how}.

Network: {Path(setup.config).stem}
with {setup.checkpoint}{', test-time augmentation' if setup.tta else ''}.
Tuned on {len(setup.tuning)} images of the val split (seed {setup.seed}),
judged by {len(setup.holdout)} others of the {setup.holdout.split} split.

{comparison_table(comparison)}

{''.join(f'{note}.' for note in notes)}
    python tools/test.py CONFIG CHECKPOINT --crf {files['fragment']}"""
    write_fragment(files['fragment'], crf, docstring=docstring)
    log = json.dumps({**tuner.log(), 'comparison': comparison}, indent=1)
    write_whole(log.encode() + b'\n', files['log'])
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
    """Check that the results in a file were made with the present settings.

    Raises:
        ValueError: If not; the message says what differs.
    """
    new = json.loads(json.dumps(new))  # tuples become lists, as in what is read
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if changed:
        before, now = ({n: s.get(n) for n in changed} for s in (old, new))
        raise ValueError(
            f'{path} was made with other settings: {str(before)[:300]}, now '
            f'{str(now)[:300]}. --restart begins anew; another --work-dir keeps both'
        )
