"""Logits of images in the size in which a network gives them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_deeplab.ops import upsample_argmax
from mmseg_deeplab.ops.bilinear_rows import CPU_BLOCK, DEVICE_BLOCK, axis_tables

from .original_image import padding_of, undo_flip, undo_geometry

# Full-size logits that exist at a time, in blocks of the cache: neighbouring blocks
# both widen the rows of the map where they meet, hence more than one. At least 8 rows,
# the stride of a usual map.
BLOCKS, MIN_ROWS = 4, 8


class LogitWindows(NamedTuple):
    """One small map of logits for each window of an image, or one for all of it.

    MMSegmentation resizes each map to its window, takes the mean where windows overlap,
    cuts off the padding and resizes to the original size. The maps of stride 8 together
    have 1/64 of these tensors, with overlap about 1/30.
    """

    maps: Sequence[Tensor]  # (N, K, h, w) for each window
    corners: Sequence[tuple[int, int]]  # top and left pixel of each window
    window: tuple[int, int]  # rows and columns of every window
    size: tuple[int, int]  # rows and columns of the image
    align_corners: bool
    dtype: torch.dtype  # of the mean over windows

    @classmethod
    def whole(
        cls, logits: Tensor, size: tuple[int, int], align_corners: bool
    ) -> 'LogitWindows':
        """Return logits whose one window is the whole image."""
        return cls([logits], [(0, 0)], size, size, align_corners, logits.dtype)

    @property
    def is_whole(self) -> bool:
        """Whether one window is all of the image."""
        return len(self.maps) == 1 and self.window == self.size

    def image(self, index: int) -> 'LogitWindows':
        """Return those of one image of the batch."""
        return self._replace(maps=[m[index : index + 1] for m in self.maps])

    def original_logits(self, metainfo: Mapping[str, Any]) -> Tensor:
        """Return the logits of one image ``(K, H, W)`` as ``EncoderDecoder`` does.

        They have the size ``ori_shape``, or that of the input without it.
        """
        full = undo_geometry(self.full(), metainfo)
        if 'ori_shape' in metainfo:
            full = self._resize(full, metainfo['ori_shape'][:2])
        return full.squeeze(0)

    def original_labels(self, metainfo: Mapping[str, Any]) -> Tensor:
        """Return the labels ``(1, H, W)`` of :meth:`original_logits`, without these."""
        left, right, top, bottom = padding_of(metainfo)
        height, width = self.size
        part = (left, width - right, top, height - bottom)
        labels = self.labels(part, metainfo.get('ori_shape', ())[:2])
        # Resizing a flipped map and flipping a resized one are the same up to rounding.
        return undo_flip(labels, metainfo)

    def full(self) -> Tensor:
        """Return the logits ``(N, K, H, W)`` as ``EncoderDecoder.inference`` does."""
        if self.is_whole:
            return self._resize(self.maps[0], self.window)
        first = self.maps[0]
        total = first.new_zeros((*first.shape[:2], *self.size), dtype=self.dtype)
        height, width = self.window
        for logits, (top, left) in zip(self.maps, self.corners, strict=True):
            part = total[..., top : top + height, left : left + width]
            part += self._resize(logits, self.window)
        return total.div_(self._counts(0, self.size[0], first.device))

    @torch.no_grad()
    def labels(self, part: tuple[int, int, int, int], size: Sequence[int]) -> Tensor:
        """Return the classes ``(N, H, W)`` with the largest logits, in int64.

        ``part`` is cut out (left, right, top and bottom edge), and its logits are
        resized to ``size`` (not resized if empty). Only the labels are ever held at
        full size.
        """
        left, right, top, bottom = part
        inside = (bottom - top, right - left)
        size = tuple(size) or inside
        if self.is_whole and size == inside:
            labels = upsample_argmax(
                self.maps[0], self.size, align_corners=self.align_corners
            )
            return labels[:, top:bottom, left:right]
        rows = self._grid(inside[0], size[0])
        labels = self.maps[0].new_empty((len(self.maps[0]), *size), dtype=torch.long)
        step = self._block_rows(max(size[1], self.size[1]))
        for start in range(0, size[0], step):
            block = slice(start, min(start + step, size[0]))
            first, last = rows.needed(block)
            logits = self._rows(top + first, top + last)[..., left:right]
            if size[1] != inside[1]:
                logits = self._resize(logits, (last - first, size[1]))
            logits = rows.expand(logits, block)
            labels[:, block] = upsample_argmax(logits, logits.shape[-2:])
        return labels

    def _block_rows(self, width: int) -> int:
        images, classes = self.maps[0].shape[:2]
        on_cpu = self.maps[0].device.type == 'cpu'
        block = BLOCKS * CPU_BLOCK if on_cpu else DEVICE_BLOCK
        return max(MIN_ROWS, block // (images * classes * width))

    def _rows(self, start: int, stop: int) -> Tensor:
        """Return rows of the full-size logits, ``(N, K, stop - start, W)``."""
        first = self.maps[0]
        shape = (*first.shape[:2], stop - start, self.size[1])
        total = first.new_zeros(shape, dtype=self._precise)
        height, width = self.window
        rows = self._grid(first.shape[2], height)
        for logits, (top, left) in zip(self.maps, self.corners, strict=True):
            block = slice(max(start - top, 0), min(stop - top, height))
            if block.start >= block.stop:
                continue
            low, high = rows.needed(block)
            needed = logits[:, :, low:high].to(self._precise)
            wide = self._resize(needed, (high - low, width))
            into = slice(top + block.start - start, top + block.stop - start)
            total[:, :, into, left : left + width] += rows.expand(wide, block)
        if len(self.maps) > 1:
            total /= self._counts(start, stop, first.device)
        return total

    def _counts(self, start: int, stop: int, device: torch.device) -> Tensor:
        """Return how many windows there are at each pixel of some rows."""
        counts = torch.zeros(
            (stop - start, self.size[1]), dtype=self.dtype, device=device
        )
        for top, left in self.corners:
            rows = slice(max(top - start, 0), max(top + self.window[0] - start, 0))
            counts[rows, left : left + self.window[1]] += 1
        return counts

    @property
    def _precise(self) -> torch.dtype:
        return torch.promote_types(self.maps[0].dtype, torch.float32)

    def _grid(self, inside: int, outside: int) -> '_Rows':
        options = self.align_corners, self._precise, self.maps[0].device
        return _Rows(inside, *axis_tables(inside, outside, *options))

    def _resize(self, logits: Tensor, size: Sequence[int]) -> Tensor:
        return F.interpolate(
            logits, size=size, mode='bilinear', align_corners=self.align_corners
        )


class _Rows(NamedTuple):
    """Where each row of a resized tensor lies between the rows of the original."""

    inside: int
    lows: list[int]
    weights: Tensor
    lows_on_device: Tensor

    @property
    def _stay(self) -> bool:
        return self.inside == len(self.lows)

    def needed(self, block: slice) -> tuple[int, int]:
        """Return the first row and the one after the last that a block needs."""
        if self._stay:
            return block.start, block.stop
        low, high = self.lows[block.start], self.lows[block.stop - 1]
        return low, min(high + 2, self.inside)

    def expand(self, logits: Tensor, block: slice) -> Tensor:
        """Return a block of rows from those that it needs."""
        if self._stay:
            return logits
        lows = self.lows_on_device[block] - self.lows[block.start]
        highs = (lows + 1).clamp_(max=logits.shape[2] - 1)
        above, below = logits.index_select(2, lows), logits.index_select(2, highs)
        return above.lerp_(below, self.weights[block, None])
