"""Test-time augmentation that adds up probabilities view by view."""

from typing import Any

import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.structures import PixelData
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .lean_encoder_decoder import predicting, set_probabilities
from .original_image import original_image


def unwrapped(model: nn.Module) -> nn.Module:
    """Return a segmentor without its wrappers for distribution and for views."""
    if is_model_wrapper(model):
        model = model.module
    return model.module if isinstance(model, BaseTTAModel) else model


@MODELS.register_module(name=['LeanTTAModel', 'CRFTTAModel'])
class LeanTTAModel(SegTTAModel):
    """``SegTTAModel`` in less memory, with one CRF at its end.

    ``SegTTAModel`` keeps the full-size logits of all views until the last one is
    predicted; here each view is added to a sum at once. If the module has a CRF, it
    refines the average of the views, once, where ``SegTTAModel`` would let it refine
    every view at many times the cost. Of a head with one channel (sigmoid) the
    probabilities are averaged; ``SegTTAModel`` puts them through the sigmoid twice.

    Args:
        module: A segmentor or its config.
        data_preprocessor: A preprocessor that replaces the module's own, as in
            ``SegTTAModel``.
    """

    def test_step(self, data: dict[str, Any]) -> list[SegDataSample]:
        """Predict a batch: ``inputs`` and ``data_samples`` are lists over the views."""
        inputs = data['inputs']
        count = len(inputs[0])
        samples: list[SegDataSample] = []
        totals: list[Tensor] = []
        for views in self._groups(inputs):
            batch = {
                key: [item for view in views for item in value[view]]
                for key, value in data.items()
            }
            with predicting(crf=False, keep_logits=True):
                predictions = self.module.test_step(batch)
            for index, prediction in enumerate(predictions):
                probabilities = _probabilities(prediction)
                if len(totals) < count:
                    samples.append(prediction)
                    totals.append(probabilities)
                else:
                    totals[index % count] += probabilities
        for index, (sample, total) in enumerate(zip(samples, totals, strict=True)):
            self._finish(sample, total / len(inputs), data, index)
        return samples

    def _groups(self, inputs: list[list[Tensor]]) -> list[list[int]]:
        """Return the indices of the views that are predicted together."""
        return [[view] for view in range(len(inputs))]

    def _finish(
        self, sample: SegDataSample, probabilities: Tensor, data: dict, index: int
    ) -> None:
        if len(probabilities) == 1:
            labels = (probabilities > self.module.decode_head.threshold).long()
            sample.pred_sem_seg = PixelData(data=labels)
            return
        crf = getattr(self.module, 'crf', None)
        if crf is not None:
            image = self._image(data, index)
            probabilities = crf(image[None], probabilities[None])[0]
        keep_logits = getattr(self.module, 'keeps_logits', False)
        set_probabilities(sample, probabilities, keep_logits=keep_logits)

    def _image(self, data: dict[str, Any], index: int) -> Tensor:
        """Return the original image, from a view of its size where there is one."""
        pairs = zip(data['inputs'], data['data_samples'], strict=True)
        views = [(inputs[index], samples[index]) for inputs, samples in pairs]
        inputs, sample = next(filter(_has_original_size, views), views[0])
        prepare = self.module.data_preprocessor
        batch = prepare(dict(inputs=[inputs], data_samples=[sample]), False)
        metainfo = batch['data_samples'][0].metainfo
        return original_image(batch['inputs'][0], metainfo, prepare)


@MODELS.register_module()
class BatchedTTAModel(LeanTTAModel):
    """:class:`LeanTTAModel` that predicts an image and its flipped copy together.

    One view after the other leaves a GPU idle with small images. Here all views of one
    size are one batch; the predictions are the same. Activations need the memory of
    that batch, twice that of a single view for the usual scales with and without flip.
    """

    def _groups(self, inputs: list[list[Tensor]]) -> list[list[int]]:
        groups: dict[tuple[torch.Size, ...], list[int]] = {}
        for view, images in enumerate(inputs):
            sizes = tuple(image.shape for image in images)
            groups.setdefault(sizes, []).append(view)
        return list(groups.values())


def _probabilities(sample: SegDataSample) -> Tensor:
    logits = sample.seg_logits.data.float()
    del sample.seg_logits
    # BaseSegmentor has put a single channel through the sigmoid already.
    return logits.softmax(dim=0) if len(logits) > 1 else logits


def _has_original_size(view: tuple[Tensor, SegDataSample]) -> bool:
    inputs, sample = view
    return tuple(inputs.shape[-2:]) == tuple(sample.metainfo['ori_shape'][:2])
