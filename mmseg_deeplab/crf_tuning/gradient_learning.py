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
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.progress import Progress
from mmseg_deeplab.utils.value_checks import require_at_least

from .tuning_images import Sample
from .tuning_setup import TuningSetup, check_same_settings, plain_settings

IGNORE_INDEX = 255
# Below this probability the loss is flat; float32 would reach log(0) soon after.
SMALLEST_PROBABILITY = 1e-10
SMALLEST_WIDTH = 0.1  # part of the start value


def crf_loss(crf: nn.Module, sample: Sample) -> Tensor:
    """Return the cross entropy of the refined probabilities on labelled pixels."""
    refined = crf(sample.image, sample.probabilities)
    logs = refined.clamp_min(SMALLEST_PROBABILITY).log()
    return F.nll_loss(logs, sample.label[None].long(), ignore_index=IGNORE_INDEX)


class CRFLearner:
    """Adam on the CRF's raw parameters, one image a step.

    Kraehenbuehl & Koltun, "Parameter learning and convergent inference for dense
    random fields" (ICML 2013), learn the same parameters. Zheng et al., "Conditional
    random fields as recurrent neural networks" (ICCV 2015), train through 5 iterations
    and test with 10, as we do; we freeze the network and learn the widths, too.

    The learning rate of a parameter is ``lr`` times its start value (``lr`` for the
    entries of the compatibility); it falls linearly to zero. Widths stay above a tenth
    of the start and weights above zero. The parameters of the epoch with the highest
    mIoU on the tuning images are kept; the start counts as an epoch. ``learning.pth``
    holds what a later run goes on from.

    Args:
        setup: Images, predictions, and the CRF to start from.
        epochs: Passes over the images.
        lr: Relative learning rate.
        learnable: Names out of :data:`LEARNABLE`.
        num_iterations: Mean-field iterations while learning.
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
        require_at_least(1, epochs=epochs)
        if not 0 < lr < math.inf:
            raise InputError(f'lr={lr}: the relative learning rate must be above 0')
        self.setup, self.epochs, self.lr = setup, epochs, lr
        self.how = f'learned in {epochs} epochs, {num_iterations} mean-field iterations'
        options = dict(num_iterations=num_iterations, learnable=list(learnable))
        config = {**setup.start, **options}
        if 'compatibility' in learnable:
            config['num_classes'] = setup.read(0).probabilities.shape[1]
        self.crf = MODELS.build(config).to(setup.device)
        self.parameters = dict(self.crf.named_parameters())
        self.start = {n: p.detach().clone() for n, p in self.parameters.items()}
        groups = (dict(params=[p], lr=self.lr) for p in self.parameters.values())
        self.optimizer = torch.optim.Adam(groups)  # `step` sets the rates
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

    def run(self) -> dict[str, Any]:
        setup = self.setup
        epochs = self.epochs + 1 - len(self.history)
        with Progress('learning', 2 * len(setup.tuning) * epochs) as progress:
            while len(self.history) <= self.epochs:
                loss = self._epoch(progress) if self.history else None
                crf = MODELS.build(self.result())
                (miou,) = setup.evaluate([crf], progress)
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
        """Take one step on one image and return the loss before the step."""
        self.optimizer.zero_grad()
        loss = crf_loss(self.crf, sample)
        loss.backward()
        starts = self.start.values()
        for group, start in zip(self.optimizer.param_groups, starts, strict=True):
            scale = start.abs().item() if start.numel() == 1 else 1.0
            group['lr'] = self.lr * scale * factor
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
        state = {n: getattr(self, n) for n in ('settings', 'history', 'best')}
        state |= {n: getattr(self, n).state_dict() for n in ('crf', 'optimizer')}
        content = io.BytesIO()
        torch.save(state, content)
        write_whole(content.getvalue(), self.state_file)

    def log(self) -> dict[str, Any]:
        return dict(history=self.history, kept=self.best['epoch'])

    def notes(self) -> list[str]:
        return [f'epoch {self.best["epoch"]} of {self.epochs} is kept']

    def plot(self, path: Path) -> None:
        """Plot loss, mIoU and the parameters relative to the start over the epochs."""
        from matplotlib.figure import Figure  # slow to import

        epochs = [entry['epoch'] for entry in self.history]
        figure = Figure(figsize=(10, 3.6), layout='constrained')
        left, middle, right = figure.subplots(1, 3, subplot_kw=dict(xlabel='epoch'))
        left.plot(epochs[1:], [entry['loss'] for entry in self.history[1:]], marker='o')
        left.set_ylabel('training loss')
        middle.plot(epochs, [entry['mIoU'] for entry in self.history], marker='o')
        middle.set_ylabel('mIoU on the tuning images, %')
        for name, start in self.history[0]['parameters'].items():
            values = [entry['parameters'][name] for entry in self.history]
            right.plot(epochs, [value / (start or 1) for value in values], label=name)
        right.set_ylabel('parameter / start')
        right.legend(fontsize=8)
        figure.savefig(path, dpi=110)
