"""The host's segmentor with a dense CRF after it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType
from torch import Tensor, nn

from .original_image import original_image


@MODELS.register_module()
class LeanEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` whose predictions a dense CRF may refine.

    `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.3: the scores are
    brought to the size of the original image, made probabilities and refined with the
    image itself. ``seg_logits`` are then log-probabilities, so that a softmax over them
    gives what the CRF returned. Weights, losses and, without ``crf``, predictions are
    those of ``EncoderDecoder``.

    The papers train the network first and fit the CRF after it. So the CRF has no part
    in the loss, and what it has of parameters is frozen here.

    Args:
        crf: Config of a :class:`~mmseg_deeplab.models.DenseCRF`; None leaves it out.
        **kwargs: The arguments of ``EncoderDecoder``.

    Attributes:
        crf: The module, or None.

    Raises:
        ValueError: If the CRF is asked for with a head of one channel (sigmoid), or is
            made for another number of classes.
    """

    def __init__(self, *, crf: ConfigType | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.crf = None
        self._crf_is_off = False
        if crf is not None:
            if self.out_channels < 2:
                raise ValueError(
                    'a CRF needs a probability for each class: it does not go with '
                    f'decode_head.out_channels={self.out_channels} (sigmoid). Remedy: '
                    'out_channels=2 and a softmax loss, or crf=None'
                )
            self.crf = MODELS.build(crf).requires_grad_(False)
            _check_classes(self.crf, self.out_channels)

    @contextmanager
    def without_crf(self) -> Iterator[None]:
        """Let predictions inside the ``with`` block be those of the network alone."""
        before, self._crf_is_off = self._crf_is_off, True
        try:
            yield
        finally:
            self._crf_is_off = before

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict as the host does, then refine each sample by the CRF.

        Args:
            inputs: ``(N, 3, H, W)``, normalised.
            data_samples: Where each image comes from; None if ``inputs`` are the
                original images.

        Raises:
            ValueError: If the CRF cannot get an original image, see
                :func:`original_image`.
        """
        predictions = super().predict(inputs, data_samples)
        if self.crf is not None and not self._crf_is_off:
            for network_input, sample in zip(inputs, predictions, strict=True):
                image = original_image(
                    network_input, sample.metainfo, self.data_preprocessor
                )
                refine_sample(sample, self.crf, image)
        return predictions


def _check_classes(crf: nn.Module, num_classes: int) -> None:
    compatibility = getattr(crf, 'compatibility', None)
    if compatibility is not None and len(compatibility) != num_classes:
        raise ValueError(
            f'the compatibility of the CRF is one of {len(compatibility)} classes, '
            f'decode_head has {num_classes}'
        )


def refine_sample(sample: SegDataSample, crf: nn.Module, image: Tensor) -> None:
    """Put the CRF's result in the place of a sample's scores and labels.

    Args:
        sample: With ``seg_logits`` ``(K, H, W)`` at the size of ``image``; changed in
            place.
        crf: A :class:`~mmseg_deeplab.models.DenseCRF`.
        image: ``(3, H, W)``, RGB, 0..255.
    """
    probabilities = sample.seg_logits.data.float().softmax(dim=0)
    set_probabilities(sample, crf(image[None], probabilities[None])[0])


def set_probabilities(sample: SegDataSample, probabilities: Tensor) -> None:
    """Set log-probabilities as ``seg_logits``, the most probable class as prediction.

    Args:
        sample: Changed in place.
        probabilities: ``(K, H, W)``.
    """
    tiny = torch.finfo(probabilities.dtype).tiny
    sample.set_data(
        dict(
            seg_logits=PixelData(data=probabilities.clamp(min=tiny).log()),
            pred_sem_seg=PixelData(data=probabilities.argmax(dim=0, keepdim=True)),
        )
    )
