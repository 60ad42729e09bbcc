"""A segmentor of MMSegmentation and its test pipeline as a predictor."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.checkpoints import fitting
from mmseg_deeplab.config.config_errors import config_errors
from mmseg_deeplab.config.image_channels import check_channels, image_bands
from mmseg_deeplab.config.prediction_options import (
    apply_prediction_options,
    fast_settings,
)
from mmseg_deeplab.models import predicting
from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.models.segmentors.tta_models import unwrapped
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands

from .class_names import class_meta
from .images import check_image
from .pipeline import build_array_pipeline, test_pipeline
from .prediction_config import prediction_config, read_checkpoint
from .predictor import ModelSource, Prediction, Segments, label_dtype


class View(NamedTuple):
    image: int  # its index among the images
    inputs: Tensor  # (C, h, w)
    sample: SegDataSample


class NetworkPredictor:
    """A segmentor of MMSegmentation as a :class:`Predictor`.

    The config's test pipeline, which takes BGR arrays or bands, prepares the images.
    Those that then have one size go through the network together, so that no padding
    changes a prediction. With test-time augmentation the probabilities of the views are
    averaged as ``SegTTAModel`` does. A CRF comes last and sees the image as it was
    given, whatever the pipeline made of it.
    """

    def __init__(
        self,
        segmentor: BaseSegmentor,
        pipeline: Callable[[np.ndarray], dict[str, Any]],
        meta: Mapping[str, Any],
        bands: ImageBands | None = None,
    ) -> None:
        self.segmentor, self.pipeline, self.bands = segmentor, pipeline, bands
        self.classes: tuple[str, ...] = tuple(meta['classes'])
        self.palette: list[list[int]] = meta['palette']
        self.align_corners: bool = segmentor.align_corners

    @classmethod
    def from_files(
        cls,
        source: ModelSource,
        *,
        device: str | None = None,
        tta: bool = False,
        crf: str | bool | None = None,
        msc: bool = False,
        output_stride: int | None = None,
        cfg_options: dict[str, Any] | None = None,
        fast: bool = True,
    ) -> 'NetworkPredictor':
        """Load a config and its checkpoint; see :func:`load_predictor`.

        ``fast`` folds BatchNorm, uses channels_last and computes no logits of full
        size.
        """
        checkpoint = read_checkpoint(source.checkpoint)
        cfg = prediction_config(source.config, checkpoint, cfg_options)
        with config_errors(cfg):
            apply_prediction_options(
                cfg, crf=crf, msc=msc, fast=fast, tta=tta, output_stride=output_stride
            )
            init_default_scope(cfg.get('default_scope', 'mmseg'))
            check_channels(cfg)
            segmentor = unwrapped(MODELS.build(cfg.model))
            load_weights(segmentor, checkpoint, source=source.checkpoint)
            meta = class_meta(segmentor.num_classes, checkpoint, cfg)
            segmentor.eval()
            if fast:
                prepare_for_inference(segmentor, **fast_settings(cfg))
            return cls(
                segmentor.to(device or get_device()),
                build_array_pipeline(cfg),
                meta,
                image_bands(test_pipeline(cfg)[0]),
            )

    @torch.no_grad()
    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict some images; see :class:`Predictor`."""
        all_views = list(self._views(images))
        crf = getattr(self.segmentor, 'crf', None)
        only_labels = not probabilities and crf is None
        only_labels = only_labels and len(all_views) == len(images)
        labels: dict[int, Tensor] = {}
        sums: dict[int, Tensor] = {}
        segments: dict[int, Segments] = {}
        groups: dict[tuple[int, ...], list[View]] = {}  # of one size
        for view in all_views:
            groups.setdefault(tuple(view.inputs.shape), []).append(view)
        for views in groups.values():
            samples = self._forward(views, keep_logits=not only_labels)
            for view, sample in zip(views, samples, strict=True):
                if 'segments_info' in sample:
                    ids = sample.pred_panoptic_seg.data[0].cpu().numpy()
                    segments[view.image] = Segments(ids, sample.segments_info)
                if only_labels:
                    labels[view.image] = sample.pred_sem_seg.data[0]
                    continue
                found = self._probabilities(sample)
                del sample.seg_logits  # full-size tensors of all views are many
                sums[view.image] = sums.get(view.image, 0) + found
        for index, total in sums.items():
            sums[index] = total / (len(all_views) / len(images))
            if crf is not None:
                rgb = torch.from_numpy(np.array(images[index])).permute(2, 0, 1)
                rgb = rgb[None].to(sums[index].device)
                sums[index] = crf(rgb, sums[index][None])[0]
            labels[index] = self._labels(sums[index])
        return [
            Prediction(
                labels[index].cpu().numpy().astype(label_dtype(len(self.classes))),
                sums[index].float().cpu().numpy() if probabilities else None,
                segments.get(index),
            )
            for index in range(len(images))
        ]

    def network_inputs(self, image: np.ndarray) -> Tensor:
        """Return what the network is given of an image, ``(1, C, h, w)``."""
        (view, *_) = self._views([image])
        batch = dict(inputs=[view.inputs], data_samples=[view.sample])
        return self.segmentor.data_preprocessor(batch)['inputs']

    def _views(self, images: Sequence[np.ndarray]) -> Iterator[View]:
        for index, image in enumerate(images):
            check_image(image, self.bands)
            image = np.ascontiguousarray(image)
            if self.bands is None:  # a pipeline of colours takes BGR
                image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            results = self.pipeline(image)
            inputs, samples = results['inputs'], results['data_samples']
            if isinstance(inputs, Tensor):
                inputs, samples = [inputs], [samples]
            for view in zip(inputs, samples, strict=True):
                yield View(index, *view)

    def _forward(
        self, views: Sequence[View], *, keep_logits: bool
    ) -> list[SegDataSample]:
        """Predict views of one size, without the CRF."""
        batch = dict(
            inputs=[view.inputs for view in views],
            data_samples=[view.sample for view in views],
        )
        with predicting(crf=False, keep_logits=keep_logits):
            return self.segmentor.test_step(batch)

    def _probabilities(self, sample: SegDataSample) -> Tensor:
        """Return the probabilities ``(K, H, W)`` of one view."""
        logits = sample.seg_logits.data.float()
        if len(logits) > 1:
            return logits.softmax(dim=0)
        # MMSegmentation has already put a single channel through the sigmoid.
        return torch.cat([1 - logits, logits])

    def _labels(self, probabilities: Tensor) -> Tensor:
        if self.segmentor.out_channels == 1:
            return probabilities[1] > self.segmentor.decode_head.threshold
        return probabilities.argmax(dim=0)


def load_weights(
    model: nn.Module, checkpoint: Mapping[str, Any], *, source: str
) -> None:
    """Load a checkpoint into a network that is to predict: all of it, or ValueError."""
    state = checkpoint.get('state_dict', checkpoint)
    tensors = {
        re.sub(r'^module\.', '', name): value
        for name, value in state.items()
        if isinstance(value, Tensor)
    }
    fitting.check_shared(tensors, model, source=source)
    remedy = 'Remedy: predict with the config that it was trained with'
    if wrong := sorted(fitting.misfits(tensors, model).values()):
        raise InputError(
            f'{source} does not fit the model: {fitting.some(wrong, 6)}. {remedy}'
        )
    if lacking := fitting.missing(tensors, model):
        raise InputError(
            f'{source} lacks {len(lacking)} tensors of the model, which would be '
            f'random: {fitting.some(lacking)}. {remedy}'
        )
    model.load_state_dict(tensors, strict=False)
