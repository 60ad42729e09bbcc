"""A network and its test pipeline behind the protocol of all predictors."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.models import LeanEncoderDecoder

from .deeplab_inferencer import DeepLabInferencer
from .images import check_image
from .model_source import ModelSource
from .prediction import Prediction, label_dtype


class View(NamedTuple):
    """What the pipeline made of an image, or of one augmentation of it."""

    image: int  # its place among the images
    inputs: Tensor  # (3, h, w)
    sample: SegDataSample


class NetworkPredictor:
    """A segmentor of MMSegmentation as a :class:`Predictor`.

    Images are prepared by the config's own test pipeline. Those that then have one
    size go through the network together, so that no padding changes a prediction. With
    test-time augmentation the probabilities of the views are averaged as
    ``SegTTAModel`` does, views of one size in one batch. A CRF comes last and sees the
    image as given, whatever the pipeline made of it.

    Args:
        inferencer: Holds network and pipeline.

    Attributes:
        classes: Names of the K classes.
        palette: Their colours, R, G, B.
        align_corners: How the network resizes its scores; large rasters are cut into
            windows accordingly.
    """

    def __init__(self, inferencer: DeepLabInferencer) -> None:
        self.inferencer = inferencer
        meta = inferencer.model.dataset_meta
        self.classes: tuple[str, ...] = tuple(meta['classes'])
        self.palette: list[list[int]] = meta['palette']
        self.align_corners: bool = inferencer.segmentor.align_corners

    @classmethod
    def from_files(
        cls,
        source: ModelSource,
        *,
        device: str | None = None,
        tta: bool = False,
        crf: str | bool | None = None,
        output_stride: int | None = None,
        fast: bool = True,
        cfg_options: dict[str, Any] | None = None,
    ) -> 'NetworkPredictor':
        """Load config and checkpoint; see :class:`DeepLabInferencer`.

        Args:
            source: Both paths.
            device: Where to run; by default a GPU where there is one.
            tta: Test-time augmentation.
            crf: Which one.
            output_stride: Another one than the config's.
            fast: Whether to change the network for speed.
            cfg_options: Override settings of the config.
        """
        inferencer = DeepLabInferencer(
            source.config,
            source.checkpoint,
            device=device,
            show_progress=False,
            tta=tta,
            crf=crf,
            output_stride=output_stride,
            fast=fast,
            cfg_options=cfg_options,
        )
        return cls(inferencer)

    @torch.no_grad()
    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict some images; see :class:`Predictor`.

        Args:
            images: RGB, uint8, ``(H, W, 3)``.
            probabilities: Whether to compute them too.

        Raises:
            TypeError: If an image is of another type.
            ValueError: If an image is of another shape.
        """
        samples: list[list[SegDataSample]] = [[] for _ in images]
        for views in _of_one_size(self._views(images)):
            for view, sample in zip(views, self._forward(views), strict=True):
                samples[view.image].append(sample)
        return [
            self._prediction(image, found, probabilities)
            for image, found in zip(images, samples, strict=True)
        ]

    def _views(self, images: Sequence[np.ndarray]) -> Iterator[View]:
        for index, image in enumerate(images):
            check_image(image)
            # Pipelines begin with BGR.
            results = self.inferencer.pipeline(np.ascontiguousarray(image[..., ::-1]))
            inputs, samples = results['inputs'], results['data_samples']
            if isinstance(inputs, Tensor):
                inputs, samples = [inputs], [samples]
            for view in zip(inputs, samples, strict=True):
                yield View(index, *view)

    def _forward(self, views: Sequence[View]) -> list[SegDataSample]:
        """Predict views of one size, without the CRF."""
        batch = dict(
            inputs=[view.inputs for view in views],
            data_samples=[view.sample for view in views],
        )
        segmentor = self.inferencer.segmentor
        is_lean = isinstance(segmentor, LeanEncoderDecoder)
        with segmentor.without_crf() if is_lean else nullcontext():
            return segmentor.test_step(batch)

    def _prediction(
        self, image: np.ndarray, samples: Sequence[SegDataSample], probabilities: bool
    ) -> Prediction:
        crf = getattr(self.inferencer.segmentor, 'crf', None)
        found = None
        if probabilities or crf is not None or len(samples) > 1:
            found = sum(map(self._probabilities, samples)) / len(samples)
            if crf is not None:
                found = _refine(found, crf, image)
        if crf is None and len(samples) == 1:
            labels = samples[0].pred_sem_seg.data[0]
        else:
            labels = self._labels(found)
        return Prediction(
            labels.cpu().numpy().astype(label_dtype(len(self.classes))),
            found.float().cpu().numpy() if probabilities else None,
        )

    def _probabilities(self, sample: SegDataSample) -> Tensor:
        """Return the probabilities ``(K, H, W)`` of one view."""
        scores = sample.seg_logits.data.float()
        if len(scores) > 1:
            return scores.softmax(dim=0)
        # The host has put them through the sigmoid already.
        return torch.cat([1 - scores, scores])

    def _labels(self, probabilities: Tensor) -> Tensor:
        segmentor = self.inferencer.segmentor
        if segmentor.out_channels == 1:
            return probabilities[1] > segmentor.decode_head.threshold
        return probabilities.argmax(dim=0)


def _of_one_size(views: Iterator[View]) -> list[list[View]]:
    """Return the views, those of one size together."""
    groups: dict[tuple[int, ...], list[View]] = {}
    for view in views:
        groups.setdefault(tuple(view.inputs.shape), []).append(view)
    return list(groups.values())


def _refine(probabilities: Tensor, crf: nn.Module, image: np.ndarray) -> Tensor:
    seen = torch.from_numpy(np.array(image)).permute(2, 0, 1)  # a writable copy
    return crf(seen[None].to(probabilities.device), probabilities[None])[0]
