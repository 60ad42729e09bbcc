"""Turn label images ``(H, W)`` whose colours stand for K classes into class ids."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from mmseg_deeplab.utils.data_file_errors import LabelColorError, LabelFormatError
from mmseg_deeplab.utils.image_files import (
    PNG_GREY,
    PNG_GREY_ALPHA,
    PNG_PALETTE,
    decode,
    png_color_type,
)

from .label_checks import MAX_LISTED

NUM_INDICES = 256  # of a palette


class LabelColors:
    """R, G, B of the K classes by id, ready to be looked up in label images.

    ``ignored`` colours become ``ignore_index``; ``origin`` lists them, for errors.
    """

    def __init__(
        self,
        colors: Sequence[Sequence[int]],
        *,
        ignored: Sequence[Sequence[int]] = (),
        ignore_index: int = 255,
        origin: str = 'the class list',
    ) -> None:
        self.ignore_index = ignore_index
        self.origin = origin
        keys = _pack(np.array([*colors, *ignored], np.uint8).reshape(-1, 3))
        ids = [*range(len(colors)), *[ignore_index] * len(ignored)]
        order = np.argsort(keys)
        self.keys, self.ids = keys[order], np.array(ids, np.uint8)[order]
        levels = np.arange(NUM_INDICES, dtype=np.uint8)
        self.grey_ids, self.is_listed = self._look_up(
            _pack(levels[:, None].repeat(3, 1))
        )
        self.all_grey = np.isin(self.keys, _pack(levels[:, None].repeat(3, 1))).all()

    def read(self, content: bytes, source: str) -> np.ndarray | None:
        """Give the class ids ``(H, W)`` uint8 of a label file, None for no colours.

        In a palette PNG the colours count, not the indices, which many programs choose
        as they like; where none of its colours is known, the indices are ids.
        """
        color_type = png_color_type(content)
        if color_type in (PNG_GREY, PNG_GREY_ALPHA):
            return None
        if color_type == PNG_PALETTE:
            return self._from_palette_file(content, source)
        image = decode(content, source, flag='unchanged', backend='cv2')
        if image.ndim != 3 or image.shape[2] < 3:
            return None
        if image.dtype != np.uint8:
            raise LabelFormatError(
                f'{source}: a colour image of {image.dtype}, expected 8-bit channels. '
                'Remedy: export it as an 8-bit PNG.'
            )
        if transparent := (image[..., 3:] != 255).sum():
            raise LabelFormatError(
                f'{source}: {transparent} pixels are transparent; their class is '
                'unclear. Remedy: export without an alpha channel.'
            )
        packed = _pack(image[..., 2::-1])  # BGR or BGRA to RGB
        ids, known = self._look_up(packed)
        if not known.all():
            raise LabelColorError(self._unknown_colors(packed, known, source))
        return ids

    def read_grey(
        self, values: np.ndarray, source: str, *, bits: int = 8
    ) -> np.ndarray | None:
        """Give the class ids of a grey label ``(H, W)`` uint8, None if it holds ids.

        Its values are colours where all of them are listed and one is white, which is
        no id, or where the file has one bit, for black and white.
        """
        held = np.flatnonzero(cv2.calcHist([values], [0], None, [256], [0, 256]))
        white = (1 << bits) - 1
        levels = held * (255 // white)
        ids = self.grey_ids[levels]
        if not self.is_listed[levels].all() or (ids == held).all():
            return None
        if held[-1] == white or (bits == 1 and self.is_listed[[0, 255]].all()):
            table = np.zeros(NUM_INDICES, np.uint8)
            table[held] = ids
            return cv2.LUT(values, table)
        if self.all_grey:
            raise LabelColorError(
                f'{source}: holds {held.tolist()}, which may be class ids or colours '
                f'of {self.origin}. Remedy: list the class of colour 0 0 0 first'
            )
        return None

    def _look_up(self, packed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = np.searchsorted(self.keys, packed)
        place[place == len(self.keys)] = 0
        return self.ids[place], self.keys[place] == packed

    def _from_palette_file(self, content: bytes, source: str) -> np.ndarray | None:
        indices = decode(content, source, flag='unchanged', backend='pillow')
        listed = png_palette(content)
        palette = np.zeros((NUM_INDICES, 3), np.uint8)
        palette[: len(listed)] = listed
        ids, known = self._look_up(_pack(palette))
        known[len(listed) :] = False
        used = np.unique(indices)
        used = used[(used != self.ignore_index) | known[used]]
        if not known[used].any():
            return None
        if not known[used].all():
            unknown = np.isin(indices, used[~known[used]])
            message = self._unknown_colors(_pack(palette)[indices], ~unknown, source)
            raise LabelColorError(
                f'{message} If the indices of the palette are class ids, give the '
                "classes the palette's colours, or none."
            )
        return np.where(known, ids, self.ignore_index).astype(np.uint8)[indices]

    def _unknown_colors(
        self, packed: np.ndarray, known: np.ndarray, source: str
    ) -> str:
        """Compose the message: which colours, how often, where first, and why."""
        places = np.flatnonzero(~known)
        colors, first, counts = np.unique(
            packed.ravel()[places], return_index=True, return_counts=True
        )
        listed = []
        for number in np.argsort(-counts)[:MAX_LISTED]:
            row, column = divmod(int(places[first[number]]), packed.shape[1])
            listed.append(
                f'{tuple(int(colors[number]).to_bytes(3, "big"))} ({counts[number]} '
                f'pixels, first at row {row}, column {column})'
            )
        more = len(colors) - len(listed)
        listed += [f'{more} more colours'] if more else []
        hints = [
            'correct the colours in the class list',
            'list a colour that means no class as `ignore R G B`',
        ]
        if more:
            hints.insert(0, 'if the edges are smoothed, export without anti-aliasing')
        return (
            f'{source}: holds colours (RGB) that {self.origin} does not list: '
            f'{", ".join(listed)}. Remedy: {"; or ".join(hints)}.'
        )


def png_palette(content: bytes) -> np.ndarray:
    """Return the colours ``(N, 3)`` uint8 that a PNG lists, of another kind none."""
    file = Image.open(io.BytesIO(content), formats=('PNG',))  # reads the header alone
    listed = file.palette.getdata()[1] if file.palette else b''
    return np.frombuffer(listed, np.uint8).reshape(-1, 3)


def _pack(rgb: np.ndarray) -> np.ndarray:
    """Make one number of R, G, B: ``(..., 3)`` uint8 to ``(...)`` uint32."""
    red, green, blue = np.moveaxis(rgb, -1, 0).astype(np.uint32)
    return (red << 16) | (green << 8) | blue
