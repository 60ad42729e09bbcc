"""Optimizers, alternation and record of an architecture search."""

import json
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from mmseg.registry import HOOKS, OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from torch import nn

from mmseg_deeplab.models.backbones.auto_deeplab_search import step_probabilities
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.progress import Progress

RECORD = 'architecture.jsonl'
ARCHITECTURE = ('alpha', 'beta')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ArchitectureSearchOptimWrapperConstructor:
    """Build one optimizer for the weights and one for alpha and beta.

    Args:
        optim_wrapper_cfg: ``weights`` and ``architecture``, each the config of an
            ``OptimWrapper``.
        paramwise_cfg: Not supported.
    """

    def __init__(
        self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None
    ) -> None:
        if paramwise_cfg or set(optim_wrapper_cfg) != {'weights', 'architecture'}:
            raise InputError(
                'optim_wrapper of a search holds weights=dict(...) and '
                f'architecture=dict(...), received {sorted(optim_wrapper_cfg)}'
            )
        self.cfg = optim_wrapper_cfg

    def __call__(self, model: nn.Module) -> OptimWrapperDict:
        if is_model_wrapper(model):
            raise InputError(
                'an architecture search runs in one process: start it without a '
                'launcher'
            )
        groups: dict[str, list] = {'weights': [], 'architecture': []}
        for name, parameter in model.named_parameters():
            is_architecture = name.rpartition('.')[2] in ARCHITECTURE
            groups['architecture' if is_architecture else 'weights'].append(parameter)
        return OptimWrapperDict(
            **{name: self._build(name, params) for name, params in groups.items()}
        )

    def _build(self, name: str, params: list) -> OptimWrapper:
        cfg = dict(self.cfg[name])
        optimizer = OPTIMIZERS.build(dict(cfg.pop('optimizer'), params=params))
        cfg.setdefault('type', 'OptimWrapper')
        return OPTIM_WRAPPERS.build(dict(cfg, optimizer=optimizer))


@HOOKS.register_module()
class ArchitectureSearchHook(Hook):
    """Tell the segmentor which step is whose, and write how the architecture moves.

    ``architecture.jsonl`` in the work folder gets a line at each interval: the
    iteration, and the probabilities of the operations and of the steps; so does the
    last iteration. After a resume a line may stand there twice; the later one counts.

    Args:
        interval: Iterations between two lines.
    """

    def __init__(self, interval: int = 10) -> None:
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        self.progress = Progress('search', runner.max_iters, unit='iterations')
        self.progress.advance(runner.iter)

    def after_train(self, runner: Runner) -> None:
        self.progress.close()

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Choose the optimizer of the step, by the sampler that chose its batch."""
        sampler = runner.train_dataloader.sampler
        runner.model.updates_architecture = sampler.is_architecture_step(runner.iter)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        self.progress.advance()
        is_due = self.every_n_train_iters(runner, self.interval)
        if not (is_due or self.is_last_train_iter(runner)):
            return
        backbone = runner.model.backbone
        line = dict(
            iteration=runner.iter + 1,
            alpha=backbone.alpha.detach().softmax(dim=-1).tolist(),
            beta=step_probabilities(backbone.beta.detach()).tolist(),
        )
        with (Path(runner.work_dir) / RECORD).open('a') as record:
            record.write('\n' + json.dumps(line))  # after what a kill has cut off


def read_record(work_dir: str | Path) -> list[dict]:
    """Return the lines of a record by iteration, but for those that a kill cut off."""
    lines = {}
    for text in (Path(work_dir) / RECORD).read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        lines[line['iteration']] = line
    return [lines[iteration] for iteration in sorted(lines)]
