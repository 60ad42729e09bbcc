"""The host's segmentor without full-size scores, and with a dense CRF after it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, add_prefix
from torch import Tensor, nn

from .lean_data_sample import LeanDataSample, keep_scores, original_labels
from .lean_loss import head_loss, is_hosts
from .logit_windows import LogitWindows
from .original_image import original_image

# What a prediction goes through in the host. Where a subclass or a head has an own way
# of one of them, it is taken.
SEGMENTOR_METHODS = (
    '_forward',
    'encode_decode',
    'inference',
    'postprocess_result',
    'slide_inference',
    'whole_inference',
)
HEAD_METHODS = ('predict', 'predict_by_feat')


@MODELS.register_module()
class LeanEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` in less time and memory, whose predictions a CRF may refine.

    State dict, losses and predictions are those of ``EncoderDecoder``: put
    ``type='LeanEncoderDecoder'`` into the config of any MMSegmentation model. Scores of
    full size, most of the memory of a training step with many classes and of a large
    test image, are avoided where the result is the same up to rounding:

    - Losses of heads with plain cross entropy, see :func:`has_plain_loss`, are taken by
      :func:`~mmseg_deeplab.ops.upsample_cross_entropy`, accuracy included.
    - Predictions of heads that only resize their scores are labels at once, in blocks
      of rows: ``whole`` and ``slide``, with padding, flip and a second resize to the
      original size. ``seg_logits`` are computed when they are read, see
      :class:`LeanDataSample`.
    - Windows of ``slide`` are kept in the size in which the head gives them.

    All other heads, and subclasses with own ways of inference, take the host's path.
    Two more keys of ``test_cfg``: ``keep_logits`` (False) sets ``seg_logits`` as a
    field of each sample, for metrics that read them; ``slide_batch_size`` (1) is how
    many windows go through the network together.

    The CRF: `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.3. The scores
    are brought to the size of the original image, made probabilities and refined with
    the image itself. ``seg_logits`` are then log-probabilities, so that a softmax over
    them gives what the CRF returned. The papers train the network first and fit the CRF
    after it. So the CRF has no part in the loss, and what it has of parameters is
    frozen here.

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
        """Predict what the host does, and let the CRF refine each sample.

        Args:
            inputs: ``(N, 3, H, W)``, normalised.
            data_samples: Where each image comes from; None if ``inputs`` are the
                original images.

        Returns:
            The samples, with ``pred_sem_seg`` and, to be read, ``seg_logits``.

        Raises:
            ValueError: If the CRF cannot get an original image, see
                :func:`original_image`, or ``test_cfg.slide_batch_size`` is below 1.
        """
        is_refined = self.crf is not None and not self._crf_is_off
        if self._predicts_plainly(data_samples):
            predictions = self._predict(inputs, data_samples, labels=not is_refined)
        else:
            predictions = super().predict(inputs, data_samples)
        if is_refined:
            for network_input, sample in zip(inputs, predictions, strict=True):
                image = original_image(
                    network_input, sample.metainfo, self.data_preprocessor
                )
                refine_sample(sample, self.crf, image)
        return predictions

    def _predict(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None,
        *,
        labels: bool,
    ) -> list[SegDataSample]:
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
            size = tuple(inputs.shape[2:])
        else:
            size = _prediction_size(data_samples[0].metainfo)
        windows = self._logit_windows(inputs, size)
        for index, sample in enumerate(data_samples):
            scores = windows.image(index)
            keep_scores(sample, scores)
            if labels:
                found = original_labels(scores, sample.metainfo)
                sample.pred_sem_seg = PixelData(data=found)
            if (self.test_cfg or {}).get('keep_logits', False):
                sample.seg_logits = sample.seg_logits
        return data_samples

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the host's scores at the size of the input, ``(N, K, H, W)``.

        One tensor of that size is made, where the host makes up to four.

        Args:
            inputs: ``(N, 3, H, W)``.
            batch_img_metas: For heads that predict in an own way.
        """
        if not self._predicts_plainly():
            return super().slide_inference(inputs, batch_img_metas)
        return self._slide(inputs).full()

    def _logit_windows(self, inputs: Tensor, size: tuple[int, int]) -> LogitWindows:
        if (self.test_cfg or {}).get('mode', 'whole') == 'slide':
            return self._slide(inputs)
        scores = self._forward(inputs)
        return LogitWindows(
            [scores], [(0, 0)], size, size, self.align_corners, scores.dtype
        )

    def _slide(self, inputs: Tensor) -> LogitWindows:
        size = tuple(inputs.shape[2:])
        window = tuple(map(min, self.test_cfg.crop_size, size))
        corners = window_corners(size, window, self.test_cfg.stride)
        together = self.test_cfg.get('slide_batch_size', 1)
        if together < 1:
            raise ValueError(
                f'test_cfg.slide_batch_size must be 1 or more, received {together!r}'
            )
        maps: list[Tensor] = []
        for first in range(0, len(corners), together):
            crops = [
                inputs[:, :, top : top + window[0], left : left + window[1]]
                for top, left in corners[first : first + together]
            ]
            maps += self._forward(torch.cat(crops)).split(len(inputs))
        return LogitWindows(
            maps, corners, window, size, self.align_corners, inputs.dtype
        )

    def _predicts_plainly(
        self, data_samples: Sequence[SegDataSample] | None = None
    ) -> bool:
        """Tell whether a prediction is nothing but the scores resized."""
        mode = (self.test_cfg or {}).get('mode', 'whole')
        return (
            mode in ('slide', 'whole')
            and self.out_channels > 1
            and all(map(self._is_known, SEGMENTOR_METHODS))
            and all(is_hosts(self.decode_head, name) for name in HEAD_METHODS)
            # A sample of another class would lose its class, see `keep_scores`.
            and all(
                type(sample) in (SegDataSample, LeanDataSample)
                for sample in data_samples or ()
            )
        )

    def _is_known(self, name: str) -> bool:
        """Tell whether a method is the host's or this package's."""
        owner = next(kind for kind in type(self).__mro__ if name in vars(kind))
        ours = owner.__module__.startswith(f'{__package__}.')
        return name not in vars(self) and (ours or owner in LeanEncoderDecoder.__mro__)

    def _decode_head_forward_train(
        self, inputs: Sequence[Tensor], data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        losses = head_loss(self.decode_head, inputs, data_samples, self.train_cfg)
        return add_prefix(losses, 'decode')

    def _auxiliary_head_forward_train(
        self, inputs: Sequence[Tensor], data_samples: list[SegDataSample]
    ) -> dict[str, Tensor]:
        heads = {'aux': self.auxiliary_head}
        if isinstance(self.auxiliary_head, nn.ModuleList):
            heads = {f'aux_{i}': head for i, head in enumerate(self.auxiliary_head)}
        losses: dict[str, Tensor] = {}
        for prefix, head in heads.items():
            part = head_loss(head, inputs, data_samples, self.train_cfg)
            losses |= add_prefix(part, prefix)
        return losses


def window_corners(
    size: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the top left pixels of the windows that cover an image, row by row.

    As the host has them: steps of ``stride``, the last window flush with the edge.

    Args:
        size: Rows and columns of the image.
        window: Of a window, not larger.
        stride: Steps in both directions.
    """
    starts = []
    for side, length, step in zip(size, window, stride, strict=True):
        count = -(-(side - length) // step) + 1
        starts.append([min(i * step, side - length) for i in range(count)])
    return [(top, left) for top in starts[0] for left in starts[1]]


def _prediction_size(metainfo: dict) -> tuple[int, int]:
    """Return the size that the host's heads resize their scores to."""
    size = metainfo['img_shape']
    if not isinstance(size, torch.Size):
        size = metainfo.get('pad_shape', size)
    return tuple(size[:2])


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
