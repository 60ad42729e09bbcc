"""MMSegmentation's segmentor without full-size logits, and with a dense CRF."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from difflib import get_close_matches

import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from mmseg.utils import ConfigType, add_prefix
from torch import Tensor, nn

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_at_least, require_one_of

from ..decode_heads.resizing_heads import RESIZING_HEADS
from ..depthwise_conv_layer import speed_up_depthwise_atrous_convs
from .lean_loss import head_loss
from .logit_windows import LogitWindows
from .original_image import original_image

MODES = ('whole', 'slide')
# What is read of test_cfg.
TEST_KEYS = {'mode', 'crop_size', 'stride', 'slide_batch_size', 'keep_logits'}


@MODELS.register_module()
class LeanEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` in less time and memory, whose predictions a CRF may refine.

    State dict, losses and predicted labels are those of ``EncoderDecoder``: put
    ``type='LeanEncoderDecoder'`` into the config of any MMSegmentation model. Logits of
    full size, most of the memory of a training step with many classes and of a large
    test image, are avoided where the result is the same up to rounding:

    - Losses of heads with plain cross entropy, see :func:`has_plain_loss`, are computed
      by :func:`~mmseg_deeplab.ops.upsample_cross_entropy`, accuracy included.
    - Predictions of heads that only resize their logits, see :func:`resizes_logits`,
      are labels at once, in blocks of rows: ``whole`` and ``slide``, with padding, flip
      and a second resize to the original size. Windows of ``slide`` keep the logits in
      the size in which the head gives them.

    All other heads are used as in ``EncoderDecoder``. Depthwise atrous convolutions are
    computed by :func:`~mmseg_deeplab.ops.depthwise_atrous_conv2d`, which on a
    CPU takes less time and more memory. A subclass may override ``_forward``, which
    returns the low-resolution logits, and ``loss``.

    There are two more keys of ``test_cfg``: with ``keep_logits`` (False) each sample
    also gets ``seg_logits`` at its original size, as in ``EncoderDecoder``, for metrics
    and for ``SegTTAModel``, which read them (:class:`LeanTTAModel` needs no such
    setting); ``slide_batch_size`` (1) is how many windows go through the network
    together.

    The CRF: `DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.3. The logits
    are resized to the original image, made probabilities and refined with the image
    itself; ``seg_logits`` are then log-probabilities. As in the papers, which fit the
    CRF after the network, it has no part in the loss and its parameters are frozen.

    Args:
        data_preprocessor: Its config; the type ``SegDataPreProcessor`` becomes a
            :class:`~mmseg_deeplab.models.LeanPreprocessor`.
        crf: Config of a :class:`~mmseg_deeplab.models.DenseCRF`; None leaves it out.
        **kwargs: The arguments of ``EncoderDecoder``.
    """

    def __init__(
        self,
        *,
        data_preprocessor: ConfigType | nn.Module | None = None,
        crf: ConfigType | None = None,
        **kwargs,
    ) -> None:
        if isinstance(data_preprocessor, dict) and (
            data_preprocessor.get('type') == 'SegDataPreProcessor'
        ):
            data_preprocessor = {**data_preprocessor, 'type': 'LeanPreprocessor'}
        super().__init__(data_preprocessor=data_preprocessor, **kwargs)
        speed_up_depthwise_atrous_convs(self)
        self._check_test_cfg()
        self.crf = None
        if crf is not None:
            if self.out_channels < 2:
                raise InputError(
                    'a CRF needs a probability for each class: it does not go with '
                    f'decode_head.out_channels={self.out_channels} (sigmoid). Remedy: '
                    'out_channels=2 and a softmax loss, or crf=None'
                )
            self.crf = MODELS.build(crf).requires_grad_(False)
            matrix = getattr(self.crf, 'compatibility', None)
            if matrix is not None and len(matrix) != self.out_channels:
                raise InputError(
                    f'the compatibility of the CRF is one of {len(matrix)} classes, '
                    f'decode_head has {self.out_channels}'
                )

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict what ``EncoderDecoder`` does, and let the CRF refine each sample.

        Without ``data_samples``, ``inputs`` are the original images.
        """
        only_resizes = type(self.decode_head) in RESIZING_HEADS
        if not (only_resizes and self.out_channels > 1):
            return self._predict_by_base_class(inputs, data_samples)
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
            size = tuple(inputs.shape[2:])
        else:
            # BaseDecodeHead resizes its logits to this size.
            metainfo = data_samples[0].metainfo
            size = metainfo['img_shape']
            if not isinstance(size, torch.Size):
                size = metainfo.get('pad_shape', size)
            size = tuple(size[:2])
        windows = self._logit_windows(inputs, size)
        for index, sample in enumerate(data_samples):
            logits, metainfo = windows.image(index), sample.metainfo
            if self._refines():
                full = logits.original_logits(metainfo)
                self._refine(inputs[index], sample, full.float().softmax(dim=0))
            elif self.keeps_logits:
                full = logits.original_logits(metainfo)
                sample.seg_logits = PixelData(data=full)
                sample.pred_sem_seg = PixelData(data=full.argmax(dim=0, keepdim=True))
            else:
                labels = logits.original_labels(metainfo)
                sample.pred_sem_seg = PixelData(data=labels)
                drop_logits(sample)
        return data_samples

    def _predict_by_base_class(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None
    ) -> list[SegDataSample]:
        samples = super().predict(inputs, data_samples)
        if self._refines():
            for network_input, sample in zip(inputs, samples, strict=True):
                probabilities = sample.seg_logits.data.float().softmax(dim=0)
                self._refine(network_input, sample, probabilities)
        return samples

    def _refine(
        self, network_input: Tensor, sample: SegDataSample, probabilities: Tensor
    ) -> None:
        image = original_image(network_input, sample.metainfo, self.data_preprocessor)
        refined = self.crf(image[None], probabilities[None])[0]
        set_probabilities(sample, refined, keep_logits=self.keeps_logits)

    @property
    def keeps_logits(self) -> bool:
        """Whether predicted samples get ``seg_logits``."""
        by_config = (self.test_cfg or {}).get('keep_logits')
        return bool(_OPTIONS.get()[1] or by_config)

    def _refines(self) -> bool:
        return self.crf is not None and _OPTIONS.get()[0]

    def _logit_windows(self, inputs: Tensor, size: tuple[int, int]) -> LogitWindows:
        if (self.test_cfg or {}).get('mode', 'whole') == 'slide':
            return self._slide(inputs)
        logits = self._forward(inputs)
        return LogitWindows.whole(logits, size, self.align_corners)

    def _check_test_cfg(self) -> None:
        """Raise InputError for unknown names, and for gaps between windows."""
        test_cfg = self.test_cfg or {}
        require_one_of('test_cfg.mode', test_cfg.get('mode', 'whole'), MODES)
        for name in sorted(test_cfg.keys() - TEST_KEYS):  # other heads may read theirs
            if near := get_close_matches(name, TEST_KEYS, 1, cutoff=0.8):
                raise InputError(
                    f'test_cfg has no {name}={test_cfg[name]!r}. Remedy: {near[0]}'
                )
        if test_cfg.get('mode', 'whole') != 'slide':
            return
        if missing := {'crop_size', 'stride'} - test_cfg.keys():
            raise InputError(
                f"test_cfg lacks {' and '.join(sorted(missing))}, which mode='slide' "
                'needs. Remedy: crop_size=(H, W) and stride=(H, W) in pixels'
            )
        window, stride = test_cfg['crop_size'], test_cfg['stride']
        if any(not 0 < s <= w for s, w in zip(stride, window, strict=True)):
            raise InputError(
                f'test_cfg.stride={tuple(stride)}: windows of {tuple(window)} pixels '
                '(test_cfg.crop_size) that far apart leave pixels between them. '
                f'Remedy: 1 to {tuple(window)}; usual are two thirds, '
                f'{tuple(-(-2 * w // 3) for w in window)}'
            )

    def _slide(self, inputs: Tensor) -> LogitWindows:
        self._check_test_cfg()  # test_cfg may have been changed
        size = tuple(inputs.shape[2:])
        window = tuple(map(min, self.test_cfg.crop_size, size))
        corners = window_corners(size, window, self.test_cfg.stride)
        together = self.test_cfg.get('slide_batch_size', 1)
        require_at_least(1, slide_batch_size=together)
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


# Whether the CRF refines and logits are kept, for the predictions of one thread: others
# may predict with the same segmentor.
_OPTIONS = ContextVar('prediction options', default=(True, False))


@contextmanager
def predicting(*, crf: bool = True, keep_logits: bool = False) -> Iterator[None]:
    """Change what the predictions of this thread inside a ``with`` block are.

    ``crf`` lets the CRF refine them, and ``keep_logits`` gives samples ``seg_logits``.
    Segmentors other than :class:`LeanEncoderDecoder` always keep them.
    """
    token = _OPTIONS.set((crf, keep_logits))
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def set_probabilities(
    sample: SegDataSample, probabilities: Tensor, *, keep_logits: bool
) -> None:
    """Set the most probable class of ``(K, H, W)``, and log-probabilities, if kept."""
    labels = probabilities.argmax(dim=0, keepdim=True)
    sample.pred_sem_seg = PixelData(data=labels)
    if keep_logits:
        tiny = torch.finfo(probabilities.dtype).tiny
        sample.seg_logits = PixelData(data=probabilities.clamp(min=tiny).log())
    else:
        drop_logits(sample)


def drop_logits(sample: SegDataSample) -> None:
    """Remove the logits of an earlier prediction."""
    if 'seg_logits' in sample:
        del sample.seg_logits


def window_corners(
    size: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the top left pixels of the windows of ``EncoderDecoder``, row by row."""
    starts = []
    for side, length, step in zip(size, window, stride, strict=True):
        count = -(-(side - length) // step) + 1
        starts.append([min(i * step, side - length) for i in range(count)])
    return [(top, left) for top in starts[0] for left in starts[1]]
