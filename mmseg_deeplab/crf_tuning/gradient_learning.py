"""Learn a CRF by gradient through its mean-field iterations, with a frozen network."""

import io
import math
from collections.abc import Sequence
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

from .crf_evaluation import evaluate
from .crf_fragment import plain_settings
from .tuning_images import Sample
from .tuning_setup import TuningSetup, check_same_settings

IGNORE_INDEX = 255
# Below this probability the loss is flat; float32 would reach log(0) soon after.
SMALLEST_PROBABILITY = 1e-10
SMALLEST_WIDTH = 0.1  # part of the start value


def crf_loss(crf: nn.Module, sample: Sample) -> Tensor:
    """Return the cross entropy of the refined probabilities on labelled pixels.

    Args:
        crf: A ``DenseCRF``.
        sample: An image with at least one labelled pixel.
    """
    refined = crf(sample.image, sample.probabilities)
    logs = refined.clamp_min(SMALLEST_PROBABILITY).log()
    return F.nll_loss(logs, sample.label[None].long(), ignore_index=IGNORE_INDEX)


class CRFLearner:
    """Adam on the CRF's raw parameters, one image a step.

    Kraehenbuehl & Koltun, "Parameter learning and convergent inference for dense
    random fields" (ICML 2013), learn the same parameters by the gradient of mean-field
    marginals; Zheng et al., "Conditional random fields as recurrent neural networks"
    (ICCV 2015), train through 5 iterations and test with 10, as we do. Unlike the
    latter we freeze the network (its probabilities come from the cache) and learn the
    widths, too.

    Each parameter has its own learning rate, ``lr`` times its start value (``lr`` for
    the entries of the compatibility, which starts at the identity); it falls linearly
    to zero. After each step widths are clamped to at least a tenth of the start and
    weights to at least zero. The parameters of the epoch with the highest mIoU on the
    tuning images are kept; the start counts as an epoch. After each epoch
    ``learning.pth`` holds what a later run goes on from.

    Args:
        setup: Images, predictions, and the CRF to start from.
        epochs: Passes over the images.
        lr: Relative learning rate.
        learnable: Names out of :data:`LEARNABLE`.
        num_iterations: Mean-field iterations while learning.

    Raises:
        ValueError: If an option is out of range, or the file has other settings.
    """

    stems = 'crf_learned', 'learning'

    def __init__(
        self,
        setup: TuningSetup,
        *,
        epochs: int = 5,
        lr: float = 0.01,
        learnable: Sequence[str] = LEARNABLE,
        num_iterations: int = 5,
    ) -> None:
        if epochs < 1:
            raise ValueError(f'epochs={epochs}: learning needs at least one (--epochs)')
        if not 0 < lr < math.inf:
            raise ValueError(f'lr={lr}: the relative learning rate must be above 0')
        self.setup, self.epochs, self.lr = setup, epochs, lr
        self.how = f'learned in {epochs} epochs, {num_iterations} mean-field iterations'
        options = dict(num_iterations=num_iterations, learnable=list(learnable))
        config = {**setup.start, **options}
        if 'compatibility' in learnable:
            config['num_classes'] = setup.read(0).probabilities.shape[1]
        self.crf = MODELS.build(config).to(setup.device)
        self.parameters = dict(self.crf.named_parameters())
        self.start = {n: p.detach().clone() for n, p in self.parameters.items()}
        self.optimizer = torch.optim.Adam(
            dict(params=[parameter], lr=self._start_lr(name))
            for name, parameter in self.parameters.items()
        )
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}
        self.settings = dict(
            setup.settings, **options,
            start=setup.start, epochs=epochs, lr=lr, seed=setup.seed,
        )  # fmt: skip
        self.state_file = setup.work_dir / 'learning.pth'
        if setup.restart:
            self.state_file.unlink(missing_ok=True)
        if self.state_file.is_file():
            state = load(self.state_file)
            check_same_settings(self.state_file, state['settings'], self.settings)
            self.crf.load_state_dict(state['crf'])
            self.optimizer.load_state_dict(state['optimizer'])
            self.history, self.best = state['history'], state['best']

    def _start_lr(self, name: str) -> float:
        start = self.start[name]
        return self.lr * (start.abs().item() if start.numel() == 1 else 1.0)

    def run(self) -> dict[str, Any]:
        """Learn, or go on, and return the config of the best CRF."""
        setup = self.setup
        epochs = self.epochs + 1 - len(self.history)
        with Progress('learning', 2 * len(setup.tuning) * epochs) as progress:
            while len(self.history) <= self.epochs:
                loss = self._epoch(progress) if self.history else None
                (miou,) = evaluate(
                    setup.tuning_samples(),
                    [MODELS.build(self.result())],
                    device=setup.device,
                    after_each=progress.advance,
                )
                self._close_epoch(loss, miou)
                progress.advance(0, name=f'learning, best {self.best["mIoU"]:.2f}')
        return self.best['crf']

    def _epoch(self, progress: Progress) -> float:
        epoch, count = len(self.history), len(self.setup.tuning)
        generator = torch.Generator().manual_seed(self.setup.seed * 100_003 + epoch)
        losses = []
        order = torch.randperm(count, generator=generator).tolist()
        for step, position in enumerate(order):
            sample = self.setup.read(position).to(self.setup.device)
            done = (epoch - 1) * count + step
            if bool((sample.label != IGNORE_INDEX).any()):
                losses.append(self.step(sample, 1 - done / (self.epochs * count)))
            progress.advance()
        return sum(losses) / max(len(losses), 1)

    def step(self, sample: Sample, factor: float = 1.0) -> float:
        """Take one step on one image and return the loss before the step.

        Args:
            sample: An image on the right device with a labelled pixel.
            factor: Multiplies all learning rates.
        """
        self.optimizer.zero_grad()
        loss = crf_loss(self.crf, sample)
        loss.backward()
        groups = zip(self.optimizer.param_groups, self.parameters, strict=True)
        for group, name in groups:
            group['lr'] = self._start_lr(name) * factor
        self.optimizer.step()
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                if name.endswith(('_xy', '_rgb')):  # a width
                    parameter.clamp_(min=SMALLEST_WIDTH * self.start[name].item())
                elif name.endswith('_weight'):
                    parameter.clamp_(min=0.0)
        return loss.item()

    def result(self) -> dict[str, Any]:
        """Return the present CRF as it would be written: rounded, for testing."""
        iterations = self.setup.start['num_iterations']
        return plain_settings(self.crf.settings(), iterations)

    def _close_epoch(self, loss: float | None, miou: float) -> None:
        epoch = len(self.history)
        scalars = {n: p.item() for n, p in self.parameters.items() if p.numel() == 1}
        self.history.append(dict(epoch=epoch, loss=loss, mIoU=miou, parameters=scalars))
        if not self.best or miou > self.best['mIoU']:
            self.best = dict(epoch=epoch, mIoU=miou, crf=self.result())
        state = dict(
            settings=self.settings,
            crf=self.crf.state_dict(),
            optimizer=self.optimizer.state_dict(),
            history=self.history,
            best=self.best,
        )
        content = io.BytesIO()
        torch.save(state, content)
        write_whole(content.getvalue(), self.state_file)

    def log(self) -> dict[str, Any]:
        """Return loss, mIoU and parameters of every epoch, for ``learning.json``."""
        return dict(history=self.history, kept=self.best['epoch'])

    def notes(self) -> list[str]:
        """Return what the user should know."""
        return [f'epoch {self.best["epoch"]} of {self.epochs} is kept']

    def plot(self, path: Path) -> None:
        """Plot loss, mIoU and the parameters relative to the start over the epochs."""
        from matplotlib.figure import Figure  # slow to import

        epochs = [entry['epoch'] for entry in self.history]
        figure = Figure(figsize=(10, 3.6), layout='constrained')
        left, middle, right = figure.subplots(1, 3)
        left.plot(epochs[1:], [entry['loss'] for entry in self.history[1:]], marker='o')
        middle.plot(epochs, [entry['mIoU'] for entry in self.history], marker='o')
        for name, start in self.history[0]['parameters'].items():
            values = [entry['parameters'][name] for entry in self.history]
            right.plot(epochs, [value / (start or 1) for value in values], label=name)
        right.legend(fontsize=8)
        labels = 'training loss', 'mIoU on the tuning images, %', 'parameter / start'
        for axes, label in zip((left, middle, right), labels, strict=True):
            axes.set(xlabel='epoch', ylabel=label)
        figure.savefig(path, dpi=110)
