"""Labels of one byte a pixel between the data loader and the device of the network."""

import numpy as np
from mmcv.transforms import to_tensor
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import TRANSFORMS


class ByteLabels(PixelData):
    """A label map of uint8 whose copy for a device, by :meth:`to`, is one of int64.

    The preprocessor of every segmentor makes such a copy before it does anything else,
    also where the device stays the same. So losses and metrics, MMSegmentation's too,
    see the int64 that they expect.
    """

    def to(self, *args, **kwargs) -> PixelData:
        moved = super().to(*args, **kwargs)
        return PixelData(metainfo=moved.metainfo, data=moved.data.long())


@TRANSFORMS.register_module()
class LeanPackSegInputs(PackSegInputs):
    """Pack what the base class does, with labels that stay uint8 on their way.

    The base class makes them int64 in the worker: 8 of the 11 bytes of a pixel that
    then go through the queue of the data loader and to the GPU. Here they are
    :class:`ByteLabels`. A label map of another type than uint8 is packed by the base
    class. The argument is that of the base class: ``meta_keys``.
    """

    def transform(self, results: dict) -> dict:
        label = results.get('gt_seg_map')
        if label is None or label.dtype != np.uint8 or label.ndim != 2:
            return super().transform(results)
        rest = {key: value for key, value in results.items() if key != 'gt_seg_map'}
        packed = super().transform(rest)
        data = to_tensor(np.ascontiguousarray(label)[None])
        packed['data_samples'].gt_sem_seg = ByteLabels(data=data)
        return packed
