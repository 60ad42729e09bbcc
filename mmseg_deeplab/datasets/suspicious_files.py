"""What is suspicious in a file that loads: a training would not stop at it."""

import io

import numpy as np

from mmseg_deeplab.utils.image_files import decode
from mmseg_deeplab.utils.image_formats import exif_orientation, read_header

from .scan_report import Finding
from .transforms.label_checks import are_borders_smoothed

# EXIF orientations that leave the size as it is: mirrored, upside down, both.
SAME_SIZE = (2, 3, 4)
COLOURS = 3
DEEP = 16  # bits of a sample, of which the upper 8 are read
BANDS_LEFT_OUT = 'image of bands that are left out'  # a kind of finding
USUAL = 15  # bits that an image of 16 bits uses at least


def image_findings(content: bytes, path: str, *, is_turned: bool) -> list[Finding]:
    """Find what is suspicious in an image; ``is_turned`` as its EXIF data say."""
    found = []
    orientation = exif_orientation(content) if is_turned else 1
    if orientation in SAME_SIZE:
        message = (
            f'{path}: is turned as its EXIF orientation ({orientation}) says, its '
            'label is not. Remedy: if labels were drawn on the pixels as they are '
            'stored, train with --cfg-options train_dataloader.dataset.pipeline.0.'
            'color_type=color_ignore_orientation (and val_dataloader, test_dataloader '
            'alike), or remove the tag (exiftool -Orientation= -r FOLDER); if not, '
            'all is well.'
        )
        found.append(Finding('image turned by its EXIF orientation', path, message))
    header = read_header(io.BytesIO(content), path)
    if header.bands > COLOURS:
        message = (
            f'{path}: has {header.bands} bands, and {COLOURS} are read. Remedy: a '
            f'config with channels={header.bands} (docs/bands.md), or remove the '
            'others (gdal_translate -b 1 -b 2 -b 3 FILE NEW.tif).'
        )
        found.append(Finding(BANDS_LEFT_OUT, path, message))
    if header.bits == DEEP:
        highest = int(decode(content, path, flag='unchanged', backend='cv2').max())
        if 0 < highest < 1 << (USUAL - 1):
            bits = highest.bit_length()
            message = (
                f'{path}: uses {bits} of its 16 bits, and the upper 8 are read: the '
                f'network sees at most {highest >> 8} of 255. Remedy: stretch all '
                'images alike to 8 bits (gdal_translate -ot Byte -scale 0 '
                f'{(1 << bits) - 1} 0 255 -of PNG FILE NEW.png).'
            )
            kind = 'image of 16 bits that uses few of them'
            found.append(Finding(kind, path, message))
    return found


def label_findings(label: np.ndarray, path: str, ignore_index: int) -> list[Finding]:
    """Find what is suspicious in the class ids ``(H, W)`` of one label."""
    if not are_borders_smoothed(label, ignore_index):
        return []
    message = (
        f'{path}: its borders pass through the ids between those of both sides, as '
        'after smoothing or resampling. Remedy: export labels without anti-aliasing, '
        'and resize them by nearest neighbour (magick FILE -sample WIDTHxHEIGHT! NEW).'
    )
    return [Finding('smoothed or resampled label', path, message)]
