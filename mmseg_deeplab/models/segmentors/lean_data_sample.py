"""A prediction that makes its full-size scores when they are asked for."""

from collections.abc import Mapping
from typing import Any

from mmengine.structures import PixelData
from mmseg.models.utils import resize
from mmseg.structures import SegDataSample
from torch import Tensor

from .logit_windows import LogitWindows
from .original_image import padding_of, undo_flip, undo_geometry


class LeanDataSample(SegDataSample):
    """``SegDataSample`` whose ``seg_logits`` are computed at each reading.

    They are what ``EncoderDecoder`` would have put there, so that ``SegTTAModel`` and
    other readers work, but they take no memory until then. Until they are set, they
    are no field of the sample: ``keys``, ``in`` and ``to_dict``, hence a metric, do
    not see them; ``test_cfg.keep_logits=True`` makes them one.
    """

    @property
    def seg_logits(self) -> PixelData:
        """Scores ``(K, H, W)`` at ``ori_shape``."""
        kept = self.__dict__.get('_logit_windows')
        if kept is None or '_seg_logits' in self.__dict__:
            return self._seg_logits
        return PixelData(data=original_scores(kept, self.metainfo))

    @seg_logits.setter
    def seg_logits(self, value: PixelData) -> None:
        self.set_field(value, '_seg_logits', dtype=PixelData)

    @seg_logits.deleter
    def seg_logits(self) -> None:
        self.__dict__.pop('_logit_windows', None)
        if '_seg_logits' in self.__dict__:
            del self._seg_logits

    def new(self, *, metainfo: dict | None = None, **kwargs) -> 'LeanDataSample':
        """As the host's: also behind ``to``, ``cpu``, ``detach`` and ``numpy``."""
        return self._hand_on(super().new(metainfo=metainfo, **kwargs))

    def clone(self) -> 'LeanDataSample':
        """As the host's."""
        return self._hand_on(super().clone())

    def _hand_on(self, other: 'LeanDataSample') -> 'LeanDataSample':
        if '_logit_windows' in self.__dict__:
            other.__dict__['_logit_windows'] = self.__dict__['_logit_windows']
        return other


def keep_scores(sample: SegDataSample, scores: LogitWindows) -> None:
    """Let a sample compute its ``seg_logits`` from these scores.

    Args:
        sample: Changed in place, as the host does: its class as well.
        scores: Of this one image.
    """
    # Past the host's `__setattr__`, which would make both a field.
    object.__setattr__(sample, '__class__', LeanDataSample)
    sample.__dict__['_logit_windows'] = scores
    if '_seg_logits' in sample.__dict__:  # of an earlier prediction
        del sample._seg_logits


def original_scores(scores: LogitWindows, metainfo: Mapping[str, Any]) -> Tensor:
    """Return scores as ``EncoderDecoder`` does, ``(K, H, W)`` at ``ori_shape``.

    Args:
        scores: Of one image.
        metainfo: Of its sample; without ``ori_shape`` the size of the input stays.
    """
    full = undo_geometry(scores.full(), metainfo)
    if 'ori_shape' in metainfo:
        full = resize(
            full,
            size=metainfo['ori_shape'],
            mode='bilinear',
            align_corners=scores.align_corners,
            warning=False,
        )
    return full.squeeze(0)


def original_labels(scores: LogitWindows, metainfo: Mapping[str, Any]) -> Tensor:
    """Return the labels ``(1, H, W)`` of :func:`original_scores`, without these.

    Args:
        scores: Of one image.
        metainfo: As above.
    """
    left, right, top, bottom = padding_of(metainfo)
    height, width = scores.size
    labels = scores.labels(
        (left, width - right, top, height - bottom), metainfo.get('ori_shape', ())
    )
    # Resizing a flipped map and flipping a resized one are the same up to rounding.
    return undo_flip(labels, metainfo)
