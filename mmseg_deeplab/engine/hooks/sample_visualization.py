"""Images of predictions, also for samples that are no files."""

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.runner import Runner
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader

from mmseg_deeplab.datasets import LoadBands
from mmseg_deeplab.utils.image_bands import ImageBands

Samples = Sequence[SegDataSample]


@HOOKS.register_module()
class SampleVisualizationHook(SegVisualizationHook):
    """MMSegmentation's ``SegVisualizationHook``, also for data sets that render images.

    The base class reads ``img_path`` again to draw on it. If there is no such file, as
    in ``SyntheticStreets``, or if the data set reads its bands, the predictions are
    drawn on the input of the network, resized to the prediction. The arguments are
    those of the base class.
    """

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Samples
    ) -> None:
        step = runner.iter + batch_idx
        bands = _bands(runner.val_dataloader)
        if not self.draw or (bands is None and _is_file(outputs[0])):
            super().after_val_iter(runner, batch_idx, data_batch, outputs)
        elif step % self.interval == 0:
            self._draw_input('val', data_batch, 0, outputs[0], step, bands)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: Samples
    ) -> None:
        bands = _bands(runner.test_dataloader)
        if not self.draw or (bands is None and _is_file(outputs[0])):
            super().after_test_iter(runner, batch_idx, data_batch, outputs)
            return
        for index, sample in enumerate(outputs):
            self._test_index += 1
            step = self._test_index
            self._draw_input('test', data_batch, index, sample, step, bands)

    def _draw_input(
        self,
        split: str,
        data_batch: dict,
        index: int,
        sample: SegDataSample,
        step: int,
        bands: ImageBands | None,
    ) -> None:
        height, width = sample.pred_sem_seg.shape[-2:]
        self._visualizer.add_datasample(
            f'{split}_{os.path.basename(sample.img_path)}',
            cv2.resize(_input_image(data_batch, index, bands), (width, height)),
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            step=step,
        )


def _is_file(sample: SegDataSample) -> bool:
    return '://' in sample.img_path or os.path.isfile(sample.img_path)


def _bands(loader: DataLoader) -> ImageBands | None:
    """Return the bands that the data set of a loader reads; None for colour images."""
    pipeline = getattr(loader.dataset, 'pipeline', None)
    steps = getattr(pipeline, 'transforms', [])
    return next((step.bands for step in steps if isinstance(step, LoadBands)), None)


def _input_image(
    data_batch: dict[str, Any], index: int, bands: ImageBands | None
) -> np.ndarray:
    """Return the RGB image ``(H, W, 3)`` of one sample as the data loader gave it.

    With test-time augmentation it is that of the first view that is not flipped.
    """
    inputs, samples = data_batch['inputs'], data_batch['data_samples']
    if isinstance(samples[0], list | tuple):
        upright = [not view[index].metainfo.get('flip', False) for view in samples]
        inputs = inputs[upright.index(True) if any(upright) else 0]
    bgr = inputs[index].permute(1, 2, 0).cpu().numpy()
    if bands is not None:
        return bands.rgb(bgr)
    return np.ascontiguousarray(bgr[..., ::-1])
