"""Evaluate every variant on the same images, each network run once an image."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.crf_tuning.sample import read_label
from mmseg_deeplab.crf_tuning.tuned_network import Predictor, build_network, restore
from mmseg_deeplab.crf_tuning.tuning_images import ImageSet, build_split, spread
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.utils.progress import Progress

from .variants import Variant, network_config

IGNORE_INDEX = 255


@dataclass(frozen=True)
class Bands:
    """The bands around borders in which the table counts.

    Args:
        widths: In pixels, see ``SegmentationMetric``, as the other.
        around: ``'labels'``, ``'classes'`` or ``'void'``.
    """

    widths: tuple[int, ...] = (1, 2, 5, 10, 20, 40)
    around: str = 'labels'


@dataclass(frozen=True)
class Result:
    """What one variant has reached.

    Args:
        variant: Which.
        report: As ``SegmentationMetric.report``.
        accuracies: Share of right pixels among the labelled ones, image by image; NaN
            where nothing is labelled.
    """

    variant: Variant
    report: dict[str, Any]
    accuracies: list[float]


def evaluation_images(
    cfg: Config, split: str, num_images: int | None = None, *, seed: int = 0
) -> ImageSet:
    """Return the images of a split, or some of them.

    Args:
        cfg: The whole config.
        split: ``'val'`` or ``'test'``.
        num_images: How many, one at random in each of as many equal runs of the list;
            None takes all.
        seed: Of the choice.

    Raises:
        ValueError: If there are not so many.
    """
    images = build_split(cfg, split)
    if num_images is None:
        return images
    if not 1 <= num_images <= len(images):
        raise ValueError(
            f'num_images={num_images}: the {split} split has {len(images)} images'
        )
    return replace(images, indices=spread(num_images, len(images), seed=seed))


def build_predictor(
    cfg: Config, checkpoint: str, *, multi_scale: bool, device: str
) -> Predictor:
    """Build the network at one scale or at several, without a CRF.

    Raises:
        TypeError: If the head does not go with several scales.
        ValueError: If the segmentor or the checkpoint does not fit.
    """
    cfg = network_config(cfg, multi_scale=multi_scale)
    try:
        return Predictor(build_network(cfg, checkpoint, device=device))
    except TypeError as error:
        if not multi_scale:
            raise
        raise TypeError(f'{error}. Leave several scales out: --no-msc') from error


class Refiner:
    """The label maps of all variants of one image.

    Variants at the same scales share the network's run, and CRFs of equal widths share
    their kernels.

    Args:
        predictors: By whether they see several scales.
        variants: What to predict.
        device: Where to compute.
    """

    def __init__(
        self,
        predictors: dict[bool, Predictor],
        variants: Sequence[Variant],
        *,
        device: str,
    ) -> None:
        self.predictors = predictors
        self.device = device
        self.crfs = {
            v.name: v.crf and MODELS.build(dict(v.crf)).to(device) for v in variants
        }
        self.variants = variants

    @torch.no_grad()
    def __call__(self, sample: dict[str, Any]) -> dict[str, Tensor]:
        """Return the label map ``(H, W)`` of each variant by its name.

        Args:
            sample: Of the data set.
        """
        scores = {
            scales: restore(**predictor.predict(sample)).to(self.device)
            for scales, predictor in self.predictors.items()
        }
        image = self.image(sample).to(self.device)
        kernels: dict[tuple[float, ...], Any] = {}
        return {
            v.name: self._refine(v, scores[v.multi_scale], image, kernels)
            for v in self.variants
        }

    def image(self, sample: dict[str, Any]) -> Tensor:
        """Return the original image, ``(1, 3, H, W)`` RGB uint8."""
        return next(iter(self.predictors.values())).image(sample)

    def _refine(
        self, variant: Variant, scores: Tensor, image: Tensor, kernels: dict
    ) -> Tensor:
        crf = self.crfs[variant.name]
        if crf is not None:
            widths = _widths(crf)
            if widths not in kernels:
                kernels[widths] = crf.build_kernels(image)
            scores = crf.refine(scores, kernels[widths])
        return scores.argmax(1)[0]


def _widths(crf: nn.Module) -> tuple[float, ...]:
    names = ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
    return tuple(float(getattr(crf, name)) for name in names)


def build_refiner(
    cfg: Config, checkpoint: str, variants: Sequence[Variant], *, device: str
) -> Refiner:
    """Build the networks and CRFs that the variants need."""
    predictors = {
        scales: build_predictor(cfg, checkpoint, multi_scale=scales, device=device)
        for scales in sorted({variant.multi_scale for variant in variants})
    }
    return Refiner(predictors, variants, device=device)


def measure(
    refiner: Refiner,
    images: ImageSet,
    bands: Bands,
    *,
    classes: Sequence[str] = (),
) -> list[Result]:
    """Evaluate all variants.

    Args:
        refiner: From :func:`build_refiner`.
        images: Labelled images.
        bands: Around borders.
        classes: Over which to take the means; by default over all that occur.

    Raises:
        ValueError: If a class is unknown, or an image has no label.
    """
    known = images.dataset.metainfo['classes']
    if unknown := set(classes) - set(known):
        raise ValueError(f'no classes of this data set: {sorted(unknown)}; {known}')
    metrics = {v.name: _metric(images, bands) for v in refiner.variants}
    accuracies: dict[str, list[float]] = {name: [] for name in metrics}
    with Progress('network and CRFs', len(images)) as progress:
        for index in images.indices:
            sample = images.dataset[index]
            label = read_label(sample, images.files[index][0])
            for name, prediction in refiner(sample).items():
                prediction = prediction.cpu()
                metrics[name].process({}, [_as_sample(prediction, label)])
                accuracies[name].append(accuracy(prediction, label))
            progress.advance()
    results = []
    for variant in refiner.variants:
        print_log(f'{variant.name}:', logger='current')
        metrics[variant.name].evaluate(len(images))
        report = mean_over(metrics[variant.name].report, classes)
        results.append(Result(variant, report, accuracies[variant.name]))
    return results


def _metric(images: ImageSet, bands: Bands) -> SegmentationMetric:
    metric = SegmentationMetric(
        ignore_index=IGNORE_INDEX,
        trimap_widths=bands.widths,
        trimap_around=bands.around,
    )
    metric.dataset_meta = images.dataset.metainfo
    return metric


def _as_sample(prediction: Tensor, label: Tensor) -> dict[str, dict[str, Tensor]]:
    return dict(pred_sem_seg=dict(data=prediction), gt_sem_seg=dict(data=label.long()))


def accuracy(prediction: Tensor, label: Tensor) -> float:
    """Return the share of right pixels among the labelled ones, NaN for none."""
    labelled = label != IGNORE_INDEX
    return (prediction[labelled] == label[labelled]).double().mean().item()


def mean_over(report: dict[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Take the mean IoU, of whole images and of each band, over some classes.

    For a network that knows more classes than the data set: each of them that is
    predicted once would enter the mean with an IoU of zero.

    Args:
        report: Of a ``SegmentationMetric``; left as it is.
        classes: Names; none returns the report.
    """
    if not classes:
        return report
    figures, trimap = dict(report['figures']), dict(report['trimap'])
    figures['mIoU'] = _mean([report['per_class'][name]['IoU'] for name in classes])
    columns = zip(*(trimap['per_class'][name] for name in classes), strict=True)
    trimap['mIoU'] = [_mean(column) for column in columns]
    for place, width in enumerate(trimap['widths']):
        figures[f'trimap{width}_mIoU'] = trimap['mIoU'][place]
    return {**report, 'figures': figures, 'trimap': trimap, 'classes': list(classes)}


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return round(sum(found) / len(found), 2) if found else None
