"""Test-time augmentation with views of one size in one batch."""

from typing import Any

from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor


@MODELS.register_module()
class BatchedTTAModel(SegTTAModel):
    """``SegTTAModel`` that runs an image and its flipped copy together.

    The host runs one view after the other, which leaves a GPU idle with small images.
    Here all views of one size are one batch; the predictions are the same. Activations
    need the memory of that batch, twice that of the host for the usual scales with and
    without flip.

    Args:
        module: Segmentor or its config.
        data_preprocessor: As in the host: replaces the module's own.
    """

    def test_step(self, data: dict[str, Any]) -> list[SegDataSample]:
        """Predict a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list over the views of a list
                over the batch.
        """
        views: list[list[SegDataSample]] = [[] for _ in data['inputs']]
        for members in _same_size(data['inputs']):
            batch = {
                key: [item for view in members for item in value[view]]
                for key, value in data.items()
            }
            predictions = iter(self.module.test_step(batch))
            for view in members:
                views[view] = [next(predictions) for _ in data['inputs'][view]]
        return self.merge_preds(list(zip(*views, strict=True)))


def _same_size(inputs: list[list[Tensor]]) -> list[list[int]]:
    """Return the indices of views, those of one size together."""
    groups: dict[tuple, list[int]] = {}
    for view, images in enumerate(inputs):
        groups.setdefault(tuple(image.shape for image in images), []).append(view)
    return list(groups.values())
