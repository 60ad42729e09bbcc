"""The whole way from an image to its labels as one module."""

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import BaseSegmentor
from torch import Tensor, nn

from .metadata import OUTPUTS
from .traceable import EvenPools, replace_upsampling

MAX_UINT8_CLASSES = 256


class PredictionGraph(nn.Module):
    """RGB bytes in, labels or probabilities at the same size out.

    What ``data_preprocessor``, ``inference`` and ``postprocess_result`` of the host do
    in a test of whole images, without samples and their Python: channel order,
    normalisation, padding to the size divisor, the network with the host's last
    upsampling, the cut, the argmax.

    Args:
        segmentor: With its weights, in evaluation; a part of this module from now on.
        output: ``'labels'`` or ``'probabilities'``.

    Shape:
        input ``(N, H, W, 3)`` uint8, RGB; output ``(N, H, W)`` uint8, int32 with more
        than 256 classes, or ``(N, K, H, W)`` float32.

    Attributes:
        mean: ``(3,)``, in the order of the network's channels.
        std: The same.
        swaps_channels: Whether the network gets B, G, R.
        size_divisor: Sides are padded to its multiples.

    Raises:
        ValueError: If ``output`` is another word, the network does not take images of
            three channels, or its preprocessor pads to a fixed size.
    """

    def __init__(self, segmentor: BaseSegmentor, output: str = 'labels') -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise ValueError(f'output must be one of {OUTPUTS}, received {output!r}')
        replace_upsampling(segmentor)
        self.segmentor = segmentor
        self.output = output
        preprocessor = segmentor.data_preprocessor
        # Pipelines of the host load B, G, R.
        self.swaps_channels = not preprocessor._channel_conversion
        self.pad_value = float(preprocessor.pad_val)
        self.size_divisor = _size_divisor(preprocessor.test_cfg)
        zero, one = torch.zeros(3), torch.ones(3)
        normalises = preprocessor._enable_normalize
        mean = preprocessor.mean.flatten() if normalises else zero
        if len(mean) != 3:
            raise ValueError(
                f'model.data_preprocessor has a mean of {len(mean)} channels; only '
                'networks of RGB images can be exported'
            )
        std = preprocessor.std.flatten() if normalises else one
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())

    def forward(self, image: Tensor) -> Tensor:
        """Predict ``(N, H, W, 3)``."""
        result = self._result(self._padded_scores(image))
        if self.size_divisor == 1:
            return result
        # By index: a program that slices would be valid either for sizes that need
        # padding, or for those that do not.
        rows, columns = _positions(image[0, :, 0, 0]), _positions(image[0, 0, :, 0])
        return result.index_select(-2, rows).index_select(-1, columns)

    def scores(self, image: Tensor) -> Tensor:
        """Return the scores ``(N, K, H, W)`` before argmax, softmax or sigmoid."""
        height, width = image.shape[1:3]
        return self._padded_scores(image)[..., :height, :width]

    def _padded_scores(self, image: Tensor) -> Tensor:
        inputs = image.permute(0, 3, 1, 2).float()
        if self.swaps_channels:
            inputs = inputs.flip(1)
        inputs = (inputs - self.mean.view(3, 1, 1)) / self.std.view(3, 1, 1)
        if self.size_divisor > 1:
            height, width = image.shape[1:3]
            bottom, right = (-height) % self.size_divisor, (-width) % self.size_divisor
            inputs = F.pad(inputs, (0, right, 0, bottom), value=self.pad_value)
        with EvenPools():
            return self.segmentor.encode_decode(
                inputs, [dict(img_shape=inputs.shape[2:])]
            )

    def _result(self, scores: Tensor) -> Tensor:
        if scores.shape[1] == 1:
            return self._of_sigmoid(scores.sigmoid())
        if self.output == 'probabilities':
            return scores.softmax(dim=1)
        few = scores.shape[1] <= MAX_UINT8_CLASSES
        return scores.argmax(dim=1).to(torch.uint8 if few else torch.int32)

    def _of_sigmoid(self, foreground: Tensor) -> Tensor:
        if self.output == 'probabilities':
            return torch.cat([1 - foreground, foreground], dim=1)
        is_foreground = foreground[:, 0] > self.segmentor.decode_head.threshold
        return is_foreground.to(torch.uint8)


def _positions(line: Tensor) -> Tensor:
    """Return 0, 1, 2, ... for each value of a vector, on whatever device it will be."""
    return torch.ones_like(line, dtype=torch.long).cumsum(0) - 1


def _size_divisor(test_cfg: dict | None) -> int:
    test_cfg = test_cfg or {}
    if test_cfg.get('size') is not None:
        raise ValueError(
            f'model.data_preprocessor.test_cfg pads to size={test_cfg["size"]}; '
            'the exported graph is for any size. Remedy: --cfg-options '
            'model.data_preprocessor.test_cfg="dict(size_divisor=32)"'
        )
    return test_cfg.get('size_divisor') or 1
