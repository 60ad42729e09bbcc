"""mIoU of cached predictions behind CRFs that share their kernels."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from mmseg_deeplab.evaluation.metrics import summary_metrics
from mmseg_deeplab.ops.confusion import confusion_matrix

from .sample import Sample


@torch.no_grad()
def evaluate(
    samples: Iterable[Sample],
    crfs: Sequence[nn.Module | None],
    *,
    device: str = 'cpu',
    after_each: Callable[[], None] = lambda: None,
) -> list[float]:
    """Return the mIoU in percent behind each of several CRFs.

    Args:
        samples: Images with predictions.
        crfs: ``DenseCRF`` modules of equal kernel widths, whose kernels are built once
            an image; None stands for no CRF.
        device: Where to compute.
        after_each: Called after each image.

    Raises:
        ValueError: If no pixel is labelled.
    """
    crfs = [crf if crf is None else crf.to(device) for crf in crfs]
    widths = next((crf for crf in crfs if crf is not None), None)
    totals: list[Tensor | int] = [0] * len(crfs)
    for sample in samples:
        sample = sample.to(device)
        kernels = None if widths is None else widths.build_kernels(sample.image)
        for place, crf in enumerate(crfs):
            totals[place] += _confusion(sample, crf, kernels)
        after_each()
    return [percent_miou(total) for total in totals]


def _confusion(sample: Sample, crf: nn.Module | None, kernels: object) -> Tensor:
    refined = sample.probabilities
    if crf is not None:
        refined = crf.refine(refined, kernels)
    labels = refined.argmax(1)[0]
    return confusion_matrix(labels, sample.label.long(), refined.shape[1])


def percent_miou(confusion: Tensor) -> float:
    """Return the mIoU of a confusion matrix in percent."""
    return 100 * summary_metrics(confusion.cpu().numpy())['mIoU']
