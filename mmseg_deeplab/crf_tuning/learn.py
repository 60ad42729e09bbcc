"""Learn a CRF by gradient through its mean-field iterations, the network frozen."""

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.models.postprocess.dense_crf import LEARNABLE
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.progress import Progress

from .evaluate_crf import evaluate
from .fragment import round_settings
from .sample import Sample
from .search_journal import check_same

IGNORE_INDEX = 255
# Below this probability the loss is flat; float32 would reach log(0) soon after.
SMALLEST_PROBABILITY = 1e-10
WIDTHS = ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
WEIGHTS = ('bilateral_weight', 'gaussian_weight')
SMALLEST_WIDTH = 0.1  # part of the start value


def crf_loss(crf: nn.Module, sample: Sample) -> Tensor:
    """Return the cross entropy of the refined probabilities on labelled pixels.

    Args:
        crf: A ``DenseCRF``.
        sample: One image; at least one pixel is labelled.
    """
    refined = crf(sample.image, sample.probabilities)
    logs = refined.clamp_min(SMALLEST_PROBABILITY).log()
    return F.nll_loss(logs, sample.label[None].long(), ignore_index=IGNORE_INDEX)


class CRFLearner:
    """Adam on the CRF's raw parameters, one image a step.

    Kraehenbuehl & Koltun, "Parameter learning and convergent inference for dense
    random fields" (ICML 2013), learn the same parameters by the gradient of mean-field
    marginals; Zheng et al., "Conditional random fields as recurrent neural networks"
    (ICCV 2015), train through 5 iterations and test with 10, as here. Unlike the latter
    the network is frozen (its predictions come from the cache) and the widths are
    learned, too.

    Each parameter has its own learning rate, ``lr`` times its start value (``lr`` for
    the entries of the compatibility, which starts at the identity); it falls linearly
    to zero. After each step widths are clamped to at least a tenth of the start and
    weights to at least zero. The parameters of the epoch with the highest mIoU on the
    tuning images are kept; the start is one of them.

    Args:
        start: Config of the CRF to start from.
        num_classes: ``K``.
        state_file: Where each epoch leaves what a second call goes on from.
        settings: What the images and predictions depend on; goes into that file.
        epochs: Passes over the images.
        lr: Relative learning rate.
        learnable: Names out of :data:`LEARNABLE`.
        num_iterations: Mean-field iterations while learning.
        test_iterations: The same for the mIoU, and in the result.
        seed: Of the order of the images.
        device: Where to compute.
        restart: Remove ``state_file``.

    Raises:
        ValueError: If an option is out of range, or the file is of other settings.
    """

    def __init__(
        self,
        start: dict[str, Any],
        num_classes: int,
        *,
        state_file: Path,
        settings: dict[str, Any],
        epochs: int = 5,
        lr: float = 0.01,
        learnable: Sequence[str] = LEARNABLE,
        num_iterations: int = 5,
        test_iterations: int = 10,
        seed: int = 0,
        device: str = 'cpu',
        restart: bool = False,
    ) -> None:
        _check_options(epochs=epochs, lr=lr, learnable=learnable)
        self.epochs, self.lr, self.seed = epochs, lr, seed
        self.test_iterations = test_iterations
        self.device = device
        self.state_file = state_file
        options = dict(
            start=start, epochs=epochs, lr=lr, learnable=list(learnable), seed=seed,
            num_iterations=num_iterations, test_iterations=test_iterations,
        )  # fmt: skip
        self.settings = {**settings, **options}
        config = dict(start, num_iterations=num_iterations, learnable=tuple(learnable))
        if 'compatibility' in learnable:
            config['num_classes'] = num_classes
        self.crf = MODELS.build(config).to(device)
        self.start = {n: p.detach().clone() for n, p in self.crf.named_parameters()}
        self.optimizer = torch.optim.Adam(self._groups())
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}
        if restart:
            state_file.unlink(missing_ok=True)
        if state_file.is_file():
            self._resume()

    def _groups(self) -> list[dict[str, Any]]:
        scales = {n: p.abs().item() for n, p in self.start.items() if p.numel() == 1}
        return [
            dict(params=[parameter], lr=self.lr * scales.get(name, 1.0))
            for name, parameter in self.crf.named_parameters()
        ]

    def run(self, num_images: int, read: Callable[[int], Sample]) -> dict[str, Any]:
        """Learn, or go on, and return the best CRF as a config.

        Args:
            num_images: Number of tuning images.
            read: Gives one of them by its place.
        """
        steps = (self.epochs + 1 - len(self.history)) * num_images
        samples = range(num_images)
        with Progress('learning', steps + self._epochs_left() * num_images) as progress:
            while len(self.history) <= self.epochs:
                loss = None
                if self.history:
                    loss = self._epoch(num_images, read, progress)
                score = self._score(map(read, samples), progress)
                self._close_epoch(loss, score)
                progress.advance(0, name=f'learning, best {self.best["mIoU"]:.2f}')
        return self.best['crf']

    def _epochs_left(self) -> int:
        return self.epochs - max(len(self.history) - 1, 0)

    def _epoch(
        self, num_images: int, read: Callable[[int], Sample], progress: Progress
    ) -> float:
        epoch = len(self.history)
        generator = torch.Generator().manual_seed(self.seed * 100_003 + epoch)
        losses = []
        for step, place in enumerate(torch.randperm(num_images, generator=generator)):
            sample = read(int(place)).to(self.device)
            done = (epoch - 1) * num_images + step
            if bool((sample.label != IGNORE_INDEX).any()):
                losses.append(self.step(sample, 1 - done / (self.epochs * num_images)))
            progress.advance()
        return sum(losses) / max(len(losses), 1)

    def step(self, sample: Sample, factor: float = 1.0) -> float:
        """Take one step on one image and return its loss before.

        Args:
            sample: On the learner's device, with a labelled pixel.
            factor: Of all learning rates.
        """
        self.optimizer.zero_grad()
        loss = self.gradient(sample)
        for group, wanted in zip(
            self.optimizer.param_groups, self._groups(), strict=True
        ):
            group['lr'] = wanted['lr'] * factor
        self.optimizer.step()
        self._clamp()
        return loss

    def gradient(self, sample: Sample) -> float:
        """Set the gradient of every parameter and return the loss.

        Args:
            sample: On the learner's device, with a labelled pixel.
        """
        loss = crf_loss(self.crf, sample)
        loss.backward()
        return loss.item()

    @torch.no_grad()
    def _clamp(self) -> None:
        for name, parameter in self.crf.named_parameters():
            if name in WIDTHS:
                parameter.clamp_(min=SMALLEST_WIDTH * self.start[name].item())
            elif name in WEIGHTS:
                parameter.clamp_(min=0.0)

    def result(self) -> dict[str, Any]:
        """Return the present CRF as it would be written: rounded, for testing."""
        settings = {
            name: value
            for name, value in self.crf.settings().items()
            if name not in ('learnable', 'num_classes')
        }
        return round_settings(dict(settings, num_iterations=self.test_iterations))

    def _score(self, samples: Any, progress: Progress) -> float:
        crf = MODELS.build(self.result())
        advance = progress.advance
        return evaluate(samples, [crf], device=self.device, after_each=advance)[0]

    def _close_epoch(self, loss: float | None, score: float) -> None:
        entry = dict(
            epoch=len(self.history), loss=loss, mIoU=score, parameters=self._scalars()
        )
        self.history.append(entry)
        if not self.best or score > self.best['mIoU']:
            self.best = dict(epoch=entry['epoch'], mIoU=score, crf=self.result())
        stream = io.BytesIO()
        torch.save(
            dict(
                settings=self.settings,
                crf=self.crf.state_dict(),
                optimizer=self.optimizer.state_dict(),
                history=self.history,
                best=self.best,
            ),
            stream,
        )
        write_whole(stream.getvalue(), self.state_file)

    def _scalars(self) -> dict[str, float]:
        return {n: p.item() for n, p in self.crf.named_parameters() if p.numel() == 1}

    def _resume(self) -> None:
        state = load(self.state_file)
        check_same(self.state_file, state.get('settings', {}), self.settings)
        self.crf.load_state_dict(state['crf'])
        self.optimizer.load_state_dict(state['optimizer'])
        self.history, self.best = state['history'], state['best']


def _check_options(*, epochs: int, lr: float, learnable: Sequence[str]) -> None:
    if epochs < 1:
        raise ValueError(f'epochs={epochs}: learning needs at least one (--epochs)')
    if not (0 < lr < math.inf):
        raise ValueError(
            f'lr={lr}: the relative learning rate is above 0, such as 0.01'
        )
    unknown = sorted(set(learnable) - set(LEARNABLE))
    if unknown or not learnable:
        raise ValueError(
            f'learnable={list(learnable)}: name some of {", ".join(LEARNABLE)}'
        )
