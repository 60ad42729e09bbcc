"""mIoU of predictions that several CRFs have refined."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from mmseg_deeplab.evaluation.metrics import summary_metrics
from mmseg_deeplab.ops.confusion import confusion_matrix

from .tuning_images import Sample


@torch.no_grad()
def evaluate(
    samples: Iterable[Sample],
    crfs: Sequence[nn.Module | None],
    *,
    device: str = 'cpu',
    after_each: Callable[[], None] = lambda: None,
) -> list[float]:
    """Return the mIoU in percent that each of several CRFs reaches.

    Args:
        samples: Images with labels and probabilities.
        crfs: ``DenseCRF`` modules; None stands for no CRF. Neighbours of equal kernel
            widths share their kernels, which may take half of the time.
        device: Where to compute.
        after_each: Called after each image.

    Raises:
        ValueError: If no pixel is labelled.
    """
    crfs = [crf if crf is None else crf.to(device) for crf in crfs]
    totals: list[Tensor | int] = [0] * len(crfs)
    for sample in samples:
        sample = sample.to(device)
        widths, kernels = None, None
        for position, crf in enumerate(crfs):
            refined = sample.probabilities
            if crf is not None:
                names = ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
                own = [float(getattr(crf, name)) for name in names]
                if own != widths:
                    widths, kernels = own, crf.build_kernels(sample.image)
                refined = crf.refine(refined, kernels)
            totals[position] += confusion_matrix(
                refined.argmax(1)[0], sample.label.long(), refined.shape[1]
            )
        after_each()
    return [100 * summary_metrics(total.cpu().numpy())['mIoU'] for total in totals]
