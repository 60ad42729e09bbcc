"""Test-time augmentation with one CRF at its end."""

from collections.abc import Sequence
from typing import Any

from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from .lean_encoder_decoder import refine_sample, set_probabilities
from .original_image import original_image


@MODELS.register_module()
class CRFTTAModel(SegTTAModel):
    """Average the views without the CRF, then refine the average by it, once.

    ``SegTTAModel`` would let every view be refined and average the results, at many
    times the cost. With a module whose ``crf`` is None it is ``SegTTAModel``.

    Args:
        module: A :class:`LeanEncoderDecoder` or its config.
        data_preprocessor: As in the host: replaces the module's own.
    """

    def test_step(self, data: dict[str, Any]) -> list[SegDataSample]:
        """Predict a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list over the views of a list
                over the batch.

        Returns:
            The first view's samples, with ``seg_logits`` (log-probabilities) and
            ``pred_sem_seg`` after the CRF.
        """
        if self.module.crf is None:
            return super().test_step(data)
        with self.module.without_crf():
            predictions = super().test_step(data)
        for index, sample in enumerate(predictions):
            refine_sample(sample, self.module.crf, self._image(data, index))
        return predictions

    def merge_preds(
        self, data_samples_list: Sequence[Sequence[SegDataSample]]
    ) -> list[SegDataSample]:
        """Average the probabilities of the views.

        Args:
            data_samples_list: For each image its views.
        """
        if self.module.crf is None:
            return super().merge_preds(data_samples_list)
        return [_average(views) for views in data_samples_list]

    def _image(self, data: dict[str, Any], index: int) -> Tensor:
        """Return the original image, from a view of its size where there is one."""
        views = [
            (inputs[index], samples[index])
            for inputs, samples in zip(
                data['inputs'], data['data_samples'], strict=True
            )
        ]
        inputs, sample = next(filter(_has_original_size, views), views[0])
        batch = self.module.data_preprocessor(
            dict(inputs=[inputs], data_samples=[sample]), False
        )
        return original_image(
            batch['inputs'][0],
            batch['data_samples'][0].metainfo,
            self.module.data_preprocessor,
        )


def _has_original_size(view: tuple[Tensor, SegDataSample]) -> bool:
    inputs, sample = view
    return tuple(inputs.shape[-2:]) == tuple(sample.metainfo['ori_shape'][:2])


def _average(views: Sequence[SegDataSample]) -> SegDataSample:
    total = views[0].seg_logits.data.float().softmax(dim=0)
    for view in views[1:]:
        total += view.seg_logits.data.float().softmax(dim=0)
    set_probabilities(views[0], total / len(views))
    return views[0]
