"""Panoptic-DeepLab: the class and the instance of every pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_deeplab.ops import group_panoptic
from mmseg_deeplab.ops.list_segments import list_segments
from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR
from mmseg_deeplab.utils.errors import InputError

from .lean_encoder_decoder import LeanEncoderDecoder, drop_logits
from .logit_windows import LogitWindows
from .original_image import FLIPPED_AXES, padding_of

# Options of `group_panoptic` that a config may choose.
GROUPING = {'threshold', 'nms_kernel', 'top_k', 'stuff_area'}


@MODELS.register_module()
class PanopticDeepLab(LeanEncoderDecoder):
    """Classes, centres of instances and offsets to them, grouped into segments.

    `Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_. ``model(x, mode='tensor')``
    returns logits ``(N, K, h, w)``, the heat of centres ``(N, 1, h, w)`` and offsets
    ``(N, 2, h, w)`` (y, x) at stride 4, in units of that stride. A prediction is made
    of whole images, at the original size. Each sample gets

    - ``pred_sem_seg``: the class of each pixel,
    - ``pred_panoptic_seg``: int32 ids, class * 1000 + number of the instance,
      -1 where there is nothing,
    - ``segments_info``: for each segment a dictionary of ``id``, ``category_id``,
      ``isthing``, ``score`` and ``area``, see
      :func:`~mmseg_deeplab.ops.list_segments.list_segments`.

    Where an image was resized, the values of the offsets are resized as well
    (detectron2 leaves them as they are).

    Args:
        thing_classes: Ids of the classes that come in instances.
        grouping: Other options of :func:`~mmseg_deeplab.ops.group_panoptic`, such as
            ``nms_kernel``.
        **kwargs: The arguments of ``EncoderDecoder``; ``decode_head`` is a
            :class:`PanopticDeepLabHead`.
    """

    def __init__(
        self,
        *,
        thing_classes: Sequence[int],
        grouping: Mapping[str, Any] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not set(thing_classes) <= set(range(self.num_classes)):
            raise InputError(
                f'thing_classes must be ids of the {self.num_classes} classes, '
                f'received {tuple(thing_classes)}'
            )
        if self.crf is not None:
            raise InputError(
                'a CRF changes classes, and PanopticDeepLab needs instances of the '
                'same pixels. Remedy: crf=None'
            )
        if (self.test_cfg or {}).get('mode', 'whole') != 'whole':
            raise InputError(
                'PanopticDeepLab predicts whole images: an instance may be cut by a '
                "window. Remedy: test_cfg=dict(mode='whole')"
            )
        if unknown := set(grouping or ()) - GROUPING:
            raise InputError(
                f'grouping takes {sorted(GROUPING)}, received {sorted(unknown)}. '
                'Remedy: leave them out'
            )
        self.thing_classes = tuple(thing_classes)
        self.grouping = dict(grouping or {})

    @property
    def grouping_options(self) -> dict[str, Any]:
        """All options of ``group_panoptic``."""
        return dict(thing_classes=self.thing_classes, **self.grouping)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict classes and segments of a batch of images."""
        if data_samples is None:
            data_samples = [SegDataSample() for _ in inputs]
        size = tuple(inputs.shape[2:])
        logits, heat, offset = (one.float() for one in self._forward(inputs))
        instances = torch.cat([heat, offset * self.decode_head.stride], dim=1)
        for index, sample in enumerate(data_samples):
            one = slice(index, index + 1)
            self._predict_one(logits[one], instances[one], size, sample)
        return data_samples

    def _predict_one(
        self,
        logits: Tensor,
        instances: Tensor,
        size: tuple[int, int],
        sample: SegDataSample,
    ) -> None:
        """Set the prediction of one image of ``size`` pixels, padding included."""
        metainfo = sample.metainfo
        windows = self._windows(logits, size)
        labels = windows.original_labels(metainfo)
        full = self._windows(instances, size).original_logits(metainfo)
        heat, offset = full[0], full[1:] * self._growth(full, size, metainfo)
        ids = group_panoptic(labels[0], heat, offset, **self.grouping_options)
        sample.pred_sem_seg = PixelData(data=labels)
        sample.pred_panoptic_seg = PixelData(data=ids[None])
        where = _feature_positions(size, metainfo, tuple(ids.shape), logits.shape[2:])
        classes = torch.div(ids, LABEL_DIVISOR, rounding_mode='floor')
        sample.segments_info = list_segments(
            ids,
            _class_confidence(logits[0], classes, *where),
            heat,
            thing_classes=self.thing_classes,
        )
        if self.keeps_logits:
            sample.seg_logits = PixelData(data=windows.original_logits(metainfo))
        else:
            drop_logits(sample)

    def _windows(self, maps: Tensor, size: tuple[int, int]) -> LogitWindows:
        return LogitWindows.whole(maps, size, self.align_corners)

    def _growth(
        self, full: Tensor, size: tuple[int, int], metainfo: Mapping[str, Any]
    ) -> Tensor:
        """Return by what offsets are multiplied at the original size, ``(2, 1, 1)``.

        A flip changes their sign, and a resize of the image their length.
        """
        left, right, top, bottom = padding_of(metainfo)
        inside = (size[0] - top - bottom, size[1] - left - right)
        less = int(self.align_corners)  # then distances of the corners are kept
        growth = [
            (out - less) / max(into - less, 1)
            for out, into in zip(full.shape[1:], inside, strict=True)
        ]
        if metainfo.get('flip'):
            growth[FLIPPED_AXES[metainfo['flip_direction']]] *= -1
        return full.new_tensor(growth).view(2, 1, 1)


def _feature_positions(
    size: tuple[int, int],
    metainfo: Mapping[str, Any],
    original: tuple[int, int],
    features: Sequence[int],
) -> list[Tensor]:
    """Return the row and the column of the features for those of the original image."""
    left, right, top, bottom = padding_of(metainfo)
    places = []
    for axis, (before, after) in enumerate(((top, bottom), (left, right))):
        inside = size[axis] - before - after
        middles = torch.arange(original[axis], dtype=torch.double) + 0.5
        pixels = before + middles * inside / original[axis]
        places.append((pixels * features[axis] / size[axis]).long())
    if metainfo.get('flip'):
        axis = FLIPPED_AXES[metainfo['flip_direction']]
        places[axis] = places[axis].flip(0)
    return places


def _class_confidence(
    logits: Tensor, classes: Tensor, rows: Tensor, columns: Tensor
) -> Tensor:
    """Return the probability of each pixel's class, of the nearest small logits.

    These are ``(K, h, w)``; rows and columns are those of the ``H`` and ``W`` pixels.
    """
    probabilities = logits.softmax(dim=0)
    rows, columns = rows[:, None].to(logits.device), columns.to(logits.device)
    return probabilities[classes.clamp(min=0).long(), rows, columns]
