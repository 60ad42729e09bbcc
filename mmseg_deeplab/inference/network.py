"""A network and its test pipeline behind the protocol of all predictors."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.models import predicting

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
        all_views = list(self._views(images))
        crf = getattr(self.inferencer.segmentor, 'crf', None)
        only_labels = (
            crf is None and not probabilities and len(all_views) == len(images)
        )
        labels: dict[int, Tensor] = {}
        sums: dict[int, Tensor] = {}
        for views in _of_one_size(all_views):
            samples = self._forward(views, keep_logits=not only_labels)
            for view, sample in zip(views, samples, strict=True):
                if only_labels:
                    labels[view.image] = sample.pred_sem_seg.data[0]
                    continue
                found = self._probabilities(sample)
                del sample.seg_logits  # full-size tensors of all views are many
                total = sums.get(view.image)
                sums[view.image] = found if total is None else total + found
        for index, total in sums.items():
            sums[index] = total / (len(all_views) / len(images))
            if crf is not None:
                sums[index] = _refine(sums[index], crf, images[index])
            labels[index] = self._labels(sums[index])
        return [
            Prediction(
                labels[index].cpu().numpy().astype(label_dtype(len(self.classes))),
                sums[index].float().cpu().numpy() if probabilities else None,
            )
            for index in range(len(images))
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

    def _forward(
        self, views: Sequence[View], *, keep_logits: bool
    ) -> list[SegDataSample]:
        """Predict views of one size, without the CRF."""
        batch = dict(
            inputs=[view.inputs for view in views],
            data_samples=[view.sample for view in views],
        )
        segmentor = self.inferencer.segmentor
        with predicting(segmentor, crf=False, keep_logits=keep_logits):
            return segmentor.test_step(batch)

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


def _of_one_size(views: Sequence[View]) -> list[list[View]]:
    """Return the views, those of one size together."""
    groups: dict[tuple[int, ...], list[View]] = {}
    for view in views:
        groups.setdefault(tuple(view.inputs.shape), []).append(view)
    return list(groups.values())


def _refine(probabilities: Tensor, crf: nn.Module, image: np.ndarray) -> Tensor:
    seen = torch.from_numpy(np.array(image)).permute(2, 0, 1)  # a writable copy
    return crf(seen[None].to(probabilities.device), probabilities[None])[0]
