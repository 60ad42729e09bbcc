"""The validation that was due when a training was killed."""

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class MissedValidationHook(Hook):
    """Validate first when a training is resumed where a validation was due.

    A checkpoint is saved before the validation of its iteration, and mmengine resumes
    with the next iteration. A training killed during a validation would therefore
    never make up for it, not even for the last one, and might keep the wrong checkpoint
    as the best. The checkpoint does not tell whether the validation was finished;
    repeating it changes nothing.
    """

    priority = 'LOWEST'  # when all other hooks are ready to train

    def before_train(self, runner: Runner) -> None:
        loop = runner.train_loop
        if isinstance(loop, EpochBasedTrainLoop):
            step, last = loop.epoch, loop.max_epochs
        else:
            step, last = loop.iter, loop.max_iters
        due = step % loop.val_interval == 0 or step == last
        if runner.val_loop is not None and step >= max(loop.val_begin, 1) and due:
            runner.logger.info(f'Validating {step}, which may have been missed.')
            runner.val_loop.run()
