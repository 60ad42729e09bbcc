"""What the network says about an image before any CRF, small enough to keep."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmseg.models.segmentors import BaseSegmentor
from mmseg.models.utils import resize
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_deeplab.models.segmentors import original_image

# Scores restored from the low resolution may differ from the model's own by no more.
TOLERANCE = 1e-4


def build_network(cfg: Config, checkpoint: str, *, device: str) -> BaseSegmentor:
    """Build the config's segmentor without its CRF, with the checkpoint's weights.

    Args:
        cfg: The whole config; left as it is.
        checkpoint: Path or URL.
        device: Where to run.

    Raises:
        ValueError: If the checkpoint lacks weights, or the model has one output
            channel.
    """
    cfg = Config(cfg.to_dict())
    cfg.model.pop('crf', None)
    cfg.model.train_cfg = None  # it may ask for what inference has not
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    if model.out_channels < 2:
        raise ValueError(
            f'the model has {model.out_channels} output channel (a sigmoid); the CRF '
            'needs probabilities of two classes or more: train with num_classes=2, '
            'out_channels=2'
        )
    _load(model, checkpoint)
    return model.to(device).eval()


def _load(model: BaseSegmentor, checkpoint: str) -> None:
    try:
        content = load_checkpoint(model, checkpoint, map_location='cpu')
    except RuntimeError as error:  # another shape
        raise ValueError(f'{checkpoint}: does not fit the config: {error}') from error
    state = content.get('state_dict', content)
    found = {name.removeprefix('module.') for name in state}
    missing = sorted(set(model.state_dict()) - found)
    missing = [name for name in missing if not name.endswith('num_batches_tracked')]
    if missing:
        raise ValueError(
            f'{checkpoint}: lacks {len(missing)} weights of the config, such as '
            f'{missing[:3]}; is it the checkpoint of another config?'
        )


class Predictor:
    """Predictions in the smallest form from which the probabilities follow exactly.

    A network's score map is 64 times smaller than its probabilities at output stride
    8. For each image the map is kept, in float32, wherever interpolating it gives what
    the model itself predicts; the first image decides that, by comparison. Elsewhere
    (sliding windows, test-time augmentation, heads with a prediction of their own) the
    probabilities are kept, in float16: 2 * K bytes a pixel.

    Args:
        model: From :func:`build_network`.
        tta: Samples are augmentations of one image, whose probabilities are averaged
            as ``SegTTAModel`` does.
    """

    def __init__(self, model: BaseSegmentor, *, tta: bool = False) -> None:
        self.model = model
        self.tta = tta
        self._low_resolution: bool | None = False if tta else None

    @torch.no_grad()
    def predict(self, sample: dict[str, Any]) -> dict[str, Any]:
        """Predict one sample of the data set.

        Returns:
            Arguments of :func:`restore`, on the CPU.
        """
        views = _views(sample) if self.tta else [sample]
        if self._low_resolution is None:
            self._low_resolution = self._same(views[0])
        if self._low_resolution:
            return self._scores(views[0])
        merged = sum(self._logits(view).softmax(1) for view in views) / len(views)
        return dict(probabilities=merged.half().cpu())

    def image(self, sample: dict[str, Any]) -> Tensor:
        """Return the image that the CRF gets with this sample: ``(1, 3, H, W)`` RGB."""
        views = _views(sample) if self.tta else [sample]
        view = next(filter(_has_original_size, views), views[0])
        batch = self._preprocessed(view)
        return original_image(
            batch['inputs'][0],
            batch['data_samples'][0].metainfo,
            self.model.data_preprocessor,
        )[None].cpu()

    def _preprocessed(self, view: dict[str, Any]) -> dict[str, Any]:
        return self.model.data_preprocessor(pseudo_collate([view]), False)

    def _same(self, view: dict[str, Any]) -> bool:
        kept = self._scores(view)
        if kept is None:
            return False
        found, expected = upsample(**kept), self._logits(view).cpu()
        return torch.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE)

    def _logits(self, view: dict[str, Any]) -> Tensor:
        """Return the scores ``(1, K, H, W)`` at the size of the original image."""
        batch = self._preprocessed(view)
        samples = batch['data_samples']
        logits = self.model.inference(batch['inputs'], [s.metainfo for s in samples])
        # The host's, whatever a segmentor of ours does to arrive at labels faster.
        BaseSegmentor.postprocess_result(self.model, logits, samples)
        return samples[0].seg_logits.data[None].float()

    def _scores(self, view: dict[str, Any]) -> dict[str, Any] | None:
        batch = self._preprocessed(view)
        inputs, meta = batch['inputs'], batch['data_samples'][0].metainfo
        scores = self.model(inputs, batch['data_samples'], mode='tensor')
        if not isinstance(scores, Tensor):  # a head with several outputs
            return None
        padding = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
        return dict(
            scores=scores.float().cpu(),
            sizes=[
                list(inputs.shape[2:]),
                [inputs.shape[2] - padding[3], inputs.shape[3] - padding[1]],
                list(meta['ori_shape']),
            ],
            align_corners=self.model.align_corners,
        )


def _views(sample: dict[str, Any]) -> list[dict[str, Any]]:
    """Take the augmentations of one image apart."""
    count = len(sample['inputs'])
    return [{key: value[i] for key, value in sample.items()} for i in range(count)]


def _has_original_size(view: dict[str, Any]) -> bool:
    size = view['data_samples'].ori_shape[:2]
    return tuple(view['inputs'].shape[-2:]) == tuple(size)


def upsample(
    scores: Tensor, sizes: Sequence[Sequence[int]], align_corners: bool = False
) -> Tensor:
    """Interpolate a score map as the host does on its way to a prediction.

    Args:
        scores: ``(1, K, h, w)``.
        sizes: Rows and columns of the padded input, of its part without the padding at
            the bottom and the right, and of the original image.
        align_corners: As of the head.

    Returns:
        ``(1, K, H, W)``.
    """
    padded, whole, original = sizes
    options = dict(mode='bilinear', align_corners=align_corners, warning=False)
    scores = resize(scores, size=tuple(padded), **options)
    scores = scores[:, :, : whole[0], : whole[1]]
    return resize(scores, size=tuple(original), **options)


def restore(
    *,
    probabilities: Tensor | None = None,
    scores: Tensor | None = None,
    sizes: Sequence[Sequence[int]] = (),
    align_corners: bool = False,
) -> Tensor:
    """Return the probabilities ``(1, K, H, W)`` float32 of a kept prediction.

    Args:
        probabilities: ``(1, K, H, W)``, of any precision; the sum is made one again.
        scores: Instead: ``(1, K, h, w)``; see :func:`upsample` for the others.
        sizes: With ``scores``.
        align_corners: With ``scores``.
    """
    if scores is not None:
        return upsample(scores, sizes, align_corners).softmax(1)
    probabilities = probabilities.float()
    return probabilities / probabilities.sum(1, keepdim=True)
