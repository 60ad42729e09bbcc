"""Images of the validation that the training has, too."""

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.datasets.listed_images import listed_images
from mmseg_deeplab.datasets.shared_images import shared_images
from mmseg_deeplab.utils.listing import some

MAX_NAMES = 3


@HOOKS.register_module()
class RepeatedImagesHook(Hook):
    """Warn at the start of a training if it is validated on images that it learns from.

    Such metrics say nothing about new images, and nothing else shows it. The same image
    may have two names: see :func:`~mmseg_deeplab.datasets.shared_images.shared_images`.
    :class:`ResumableRunner` has this hook by itself.
    """

    @master_only
    def before_train(self, runner: Runner) -> None:
        if runner.val_loop is None:
            return
        validated, trained = (
            [info.get('img_path') for info in listed_images(loader.dataset)]
            for loader in (runner.val_dataloader, runner.train_dataloader)
        )
        if found := shared_images(filter(None, validated), filter(None, trained)):
            pairs = some((f'{a} is {b}' for a, b in found), MAX_NAMES)
            runner.logger.warning(
                f'{len(found)} of {len(validated)} images of the validation are '
                'also in the training set, so that the metrics say little about new '
                f'images: {pairs}. Remedy: take them out of one of the two.'
            )
