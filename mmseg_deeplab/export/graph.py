"""The whole way from an image to its labels as one module."""

import torch
import torch.nn.functional as F
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from .any_size import EvenPools, replace_upsampling

OUTPUTS = ('labels', 'probabilities')
MAX_UINT8_CLASSES = 256


class PredictionGraph(nn.Module):
    """RGB bytes in, labels or probabilities of the same size out.

    It does what ``data_preprocessor``, ``inference`` and ``postprocess_result`` of
    MMSegmentation do in a test of whole images, but without data samples: channel
    order, normalisation, padding to the size divisor, the network with its upsampling,
    cropping, argmax.

    Args:
        segmentor: With its weights, in evaluation mode; becomes a part of this module.
        output: ``'labels'`` or ``'probabilities'``.

    Shape:
        input ``(N, H, W, 3)`` uint8, RGB; output ``(N, H, W)`` uint8 (int32 with more
        than 256 classes), or ``(N, K, H, W)`` float32.

    Attributes:
        mean: ``(3,)``, in the order of the network's channels.
        std: ``(3,)``, in the same order.
        swaps_channels: Whether the network gets B, G, R.
        size_divisor: Both sides are padded to multiples of it.

    Raises:
        ValueError: If ``output`` is another word, the network does not take images of
            three channels, or its preprocessor pads to a fixed size.
    """

    def __init__(self, segmentor: BaseSegmentor, output: str = 'labels') -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise ValueError(f'output must be one of {OUTPUTS}, received {output!r}')
        replace_upsampling(segmentor)
        self.segmentor, self.output = segmentor, output
        preprocessor = segmentor.data_preprocessor
        self.pad_value = float(preprocessor.pad_val)
        self.size_divisor = _size_divisor(preprocessor.test_cfg)
        # The preprocessor has these buffers only if it normalises.
        mean = getattr(preprocessor, 'mean', torch.zeros(3)).flatten()
        std = getattr(preprocessor, 'std', torch.ones(3)).flatten()
        if len(mean) != 3:
            raise ValueError(
                f'model.data_preprocessor has a mean of {len(mean)} channels; only '
                'networks of RGB images can be exported'
            )
        self.register_buffer('mean', mean.clone())
        self.register_buffer('std', std.clone())
        self.swaps_channels = not self._preprocessor_swaps()

    def _preprocessor_swaps(self) -> bool:
        """Tell whether the preprocessor makes RGB of the BGR that pipelines load."""
        pixel = torch.tensor([0.0, 100.0, 200.0]).view(3, 1, 1)
        batch = dict(inputs=[pixel], data_samples=[SegDataSample()])
        seen = self.segmentor.data_preprocessor(batch)['inputs'][0, :, 0, 0].cpu()
        return bool(seen[0] * self.std[0] + self.mean[0] > 100)

    def forward(self, image: Tensor) -> Tensor:
        """Predict ``(N, H, W, 3)``."""
        result = self._result(self._padded_logits(image))
        if self.size_divisor == 1:
            return result
        # By index: a program that slices would be valid either only for sizes that
        # need padding, or only for sizes that do not.
        rows, columns = _positions(image[0, :, 0, 0]), _positions(image[0, 0, :, 0])
        return result.index_select(-2, rows).index_select(-1, columns)

    def logits(self, image: Tensor) -> Tensor:
        """Return the logits ``(N, K, H, W)``."""
        height, width = image.shape[1:3]
        return self._padded_logits(image)[..., :height, :width]

    def _padded_logits(self, image: Tensor) -> Tensor:
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

    def _result(self, logits: Tensor) -> Tensor:
        if logits.shape[1] == 1:
            foreground = logits.sigmoid()
            if self.output == 'probabilities':
                return torch.cat([1 - foreground, foreground], dim=1)
            threshold = self.segmentor.decode_head.threshold
            return (foreground[:, 0] > threshold).to(torch.uint8)
        if self.output == 'probabilities':
            return logits.softmax(dim=1)
        few = logits.shape[1] <= MAX_UINT8_CLASSES
        return logits.argmax(dim=1).to(torch.uint8 if few else torch.int32)


def _positions(line: Tensor) -> Tensor:
    """Return 0, 1, 2, ... for each value of a vector, on the vector's device."""
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
