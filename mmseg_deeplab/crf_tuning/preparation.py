"""What searching and learning share: images, predictions, start, comparison."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.crf_settings import load_crf
from mmseg_deeplab.utils.progress import Progress

from .cache import PredictionCache, network_key
from .evaluate_crf import evaluate
from .fragment import round_settings
from .sample import Sample
from .search_journal import Journal
from .tuned_network import Predictor, build_network
from .tuning_images import ImageSet, choose_images


@dataclass(frozen=True)
class TuningOptions:
    """What to tune on.

    Args:
        config: Name of the config, for the record.
        checkpoint: Weights of the network.
        work_dir: Folder of all results and of the cache.
        num_images: See :func:`choose_images`, as the next two.
        holdout_split: ``'val'`` or ``'test'``.
        num_holdout: None for all the rest.
        seed: Of the choice of images, and of learning.
        tta: Predict by test-time augmentation.
        start: Fragment of the CRF to compare with and to learn from; None takes
            ``model.crf`` of the config, or else the defaults of ``DenseCRF``.
        num_iterations: Mean-field iterations of the result; 10 in the papers.
        device: None takes a GPU where there is one.
        restart: Forget earlier results; the predictions are kept.
    """

    config: str
    checkpoint: str
    work_dir: Path
    num_images: int | None = None
    holdout_split: str = 'val'
    num_holdout: int | None = None
    seed: int = 0
    tta: bool = False
    start: str | None = None
    num_iterations: int = 10
    device: str | None = None
    restart: bool = False


class TuningSetup:
    """Chosen images with their predictions, and the CRF to start from.

    Args:
        cfg: The whole config, from ``launch.load_config``.
        options: What to tune on.

    Raises:
        FileNotFoundError: If the checkpoint, data or the start are missing.
        ValueError: If something does not fit.
    """

    def __init__(self, cfg: Config, options: TuningOptions) -> None:
        launch.check_checkpoint(options.checkpoint)
        launch.check_data(cfg, 'val_dataloader')
        if options.holdout_split == 'test':
            launch.check_data(cfg, 'test_dataloader')
        if options.num_iterations < 1:
            raise ValueError(
                f'num_iterations={options.num_iterations}: at least one is needed'
            )
        self.cfg, self.options = cfg, options
        default = 'cuda' if torch.cuda.is_available() else 'cpu'
        self.device = options.device or default
        self.start = self._start()
        self.tuning, self.holdout = choose_images(
            cfg,
            num_images=options.num_images,
            holdout_split=options.holdout_split,
            num_holdout=options.num_holdout,
            seed=options.seed,
            tta=options.tta,
        )
        self.key = network_key(cfg, options.checkpoint, tta=options.tta)
        self._cache: PredictionCache | None = None

    def _start(self) -> dict[str, Any]:
        if self.options.start:
            start = load_crf(self.options.start)
        else:
            own = self.cfg.model.get('crf') or dict(type='DenseCRF')
            start = MODELS.build(own).settings()
        start = {
            k: v for k, v in start.items() if k not in ('learnable', 'num_classes')
        }
        start['num_iterations'] = self.options.num_iterations
        return round_settings(start)

    def settings(self) -> dict[str, Any]:
        """Return what every mIoU on the tuning images depends on."""
        return dict(
            network=self.key,
            images=dict(count=len(self.tuning), digest=_digest(self.tuning)),
        )

    @property
    def num_classes(self) -> int:
        """``K``, from the first prediction."""
        return self.read(0).probabilities.shape[1]

    def predict(self) -> None:
        """Run the network on all images that are not in the cache."""
        folder = self.options.work_dir / 'cache'
        self._cache = PredictionCache(folder, self.key)
        model = None

        def build() -> Predictor:
            nonlocal model
            model = model or build_network(
                self.cfg, self.options.checkpoint, device=self.device
            )
            return Predictor(model, tta=self.options.tta)

        for images in (self.tuning, self.holdout):
            self._cache.fill(images, build)

    def read(self, place: int) -> Sample:
        """Return one of the tuning images."""
        return self._cache.read_one(self.tuning, self.tuning.indices[place])

    def samples(self) -> Iterator[Sample]:
        """Yield the tuning images."""
        return self._cache.read(self.tuning)

    def compare(self, tuned: dict[str, Any], journal: Journal) -> dict[str, Any]:
        """Return mIoU without CRF, with the start and with a tuned one.

        Args:
            tuned: The CRF's config.
            journal: Keeps what was computed.

        Returns:
            ``tuning`` and ``holdout``, each with ``images``, ``without``, ``start``
            and ``tuned``, in percent.
        """
        kept = journal.content.get('comparison', {})
        for images, name in ((self.tuning, 'tuning'), (self.holdout, 'holdout')):
            depends = _digest(images), self.start, tuned
            digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()
            if kept.get(name, {}).get('digest') != digest:
                figures = self._figures(images, tuned, name=name)
                kept[name] = dict(figures, images=len(images), digest=digest)
                journal.write(comparison=kept)
        return kept

    def _figures(
        self, images: ImageSet, tuned: dict[str, Any], *, name: str
    ) -> dict[str, float]:
        start = MODELS.build(dict(self.start))
        crf = MODELS.build(dict(tuned))
        with Progress(f'before and after, {name} images', 2 * len(images)) as progress:
            options = dict(device=self.device, after_each=progress.advance)
            before = evaluate(self._cache.read(images), [None, start], **options)
            after = evaluate(self._cache.read(images), [crf], **options)
        return dict(without=before[0], start=before[1], tuned=after[0])


def _digest(images: ImageSet) -> str:
    text = '\n'.join([images.split, *images.paths()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
