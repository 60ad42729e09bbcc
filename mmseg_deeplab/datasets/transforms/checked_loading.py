"""Load an image and its label, and refuse broken ones with a reason.

MMSegmentation trains on whatever the decoder gives: half-grey images, colour labels and
class ids that do not exist end in an IoU of 0 or in a device-side assert.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.utils.array_files import save_array
from mmseg_deeplab.utils.data_file_errors import DataFileError, LabelFormatError
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import (
    PNG_GREY,
    PNG_PALETTE,
    decode,
    is_lossy,
    png_bit_depth,
    png_color_type,
    read_file,
)

from .label_checks import as_class_ids, check_range, check_size, label_table
from .label_windows import read_label_window


@TRANSFORMS.register_module()
class LoadCheckedImage(LoadImageFromFile):
    """Load an image; a missing, truncated, empty or foreign file is an error.

    Takes the place of mmcv's ``LoadImageFromFile`` and sets the same keys. An image
    that is already in ``results['img']`` (rendered by the data set) is left as it is.

    Args:
        cache_dir: A folder that keeps the decoded images, see :class:`DecodedFiles`;
            None keeps nothing.
        **kwargs: Passed to the base class: ``to_float32``, ``color_type``,
            ``imdecode_backend``, ``backend_args``, and ``ignore_empty``, which skips a
            broken file (the data set then draws another sample).
    """

    def __init__(self, *, cache_dir: str | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.decoded = DecodedFiles(cache_dir)

    def transform(self, results: dict) -> dict | None:
        if results.get('img') is None:
            try:
                results['img'] = self._load(results)
            except (DataFileError, FileNotFoundError):
                if self.ignore_empty:
                    return None
                raise
        if self.to_float32:
            results['img'] = results['img'].astype(np.float32)
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results

    def _load(self, results: dict) -> np.ndarray:
        path = results['img_path']
        setting = f'image {self.color_type} {self.imdecode_backend}'
        return self.decoded.get(path, lambda: self._decode(path), setting=setting)

    def _decode(self, path: str) -> np.ndarray:
        remedy = "check data_root, data_prefix['img_path'] and img_suffix"
        content = read_file(path, remedy=remedy, backend_args=self.backend_args)
        return decode(
            content, path, flag=self.color_type, backend=self.imdecode_backend
        )


@TRANSFORMS.register_module()
class LoadCheckedAnnotations(LoadAnnotations):
    """Load a label map; one that cannot be trained on is an error.

    Takes the place of mmseg's ``LoadAnnotations`` and gives the same class ids for
    every sound label. Differs from it:

    - values are checked after ``reduce_zero_label`` and ``label_map`` were applied;
    - palette PNG files load as indices with any decoder, and 1, 2 and 4-bit grey PNG
      files as the numbers stored (decoders stretch them to 0..255);
    - values that do not fit 8 bits are refused instead of wrapped;
    - a label that is already in ``results['gt_seg_map']`` (rendered by the data set)
      is left as it is, and checked;
    - lossy files (JPEG, most of WebP) are refused;
    - colours, also of grey files, become class ids where the data set gives their
      table in ``results['label_colors']``, a :class:`LabelColors`: see
      :class:`~mmseg_deeplab.datasets.FolderDataset`;
    - of a sample with a ``window`` only the window is read, as class ids;
    - pixels where :class:`LoadBands` has found no data are ignored;
    - results of no data set (:func:`mmseg.apis.inference_model`) pass unchanged.

    Args:
        num_classes: K; ids 0..K-1 are valid. None leaves the range unchecked.
        ignore_index: The only other valid value.
        cache_dir: A folder that keeps the decoded labels, see :class:`DecodedFiles`;
            labels of colours are always decoded. None keeps nothing.
        **kwargs: Passed to the base class: ``reduce_zero_label`` (None takes the data
            set's setting), ``backend_args``, ``imdecode_backend``.

    Raises:
        ValueError: If the file is no whole image, or the label has colours, other
            values, another size than its image, or ids outside the classes.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        ignore_index: int = 255,
        *,
        cache_dir: str | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes is not None and not 0 < num_classes < 256:
            raise InputError(
                f'num_classes={num_classes}: expected 1..255, as a label has 8 bits'
            )
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.decoded = DecodedFiles(cache_dir)

    def _load_seg_map(self, results: dict) -> None:
        if self.load(results):
            for fault in self.faults(results):
                raise fault

    def load(self, results: dict) -> bool:
        """Set ``gt_seg_map`` and ``seg_fields`` unchecked; False on a bare image."""
        source = self.source(results)
        if results.get('gt_seg_map') is not None:
            label = as_class_ids(results['gt_seg_map'], source)
        elif results.get('seg_map_path'):
            label = self._read(results)
        elif 'seg_fields' in results:  # only a data set puts it there
            raise InputError(
                f'{source}: the data set gives no label. Remedy: set '
                "data_prefix['seg_map_path'], or take LoadCheckedAnnotations out of "
                'the pipeline of a test set without labels.'
            )
        else:
            return False
        has_data = results.get('has_data')  # of LoadBands
        if has_data is not None and has_data.shape == label.shape:
            label = np.where(has_data, label, np.uint8(self.ignore_index))
        results['gt_seg_map'] = label
        fields = results.setdefault('seg_fields', [])
        if 'gt_seg_map' not in fields:
            fields.append('gt_seg_map')
        return True

    def faults(self, results: dict) -> list[DataFileError]:
        """Find what is wrong with the size and the values of a loaded label."""
        label, source = results['gt_seg_map'], self.source(results)
        # `ori_shape`, not `img_shape`: test pipelines may resize the image first.
        found = [check_size(label, results.get('ori_shape'), source)]
        if self.num_classes is not None:
            settings = dict(
                ignore_index=self.ignore_index, reduced=self._reduces_zero(results)
            )
            found.append(check_range(label, self.num_classes, source, **settings))
        return [fault for fault in found if fault]

    @staticmethod
    def source(results: dict) -> str:
        path = results.get('seg_map_path')
        return path or f'label of {results.get("img_path", "an image without a name")}'

    def _read(self, results: dict) -> np.ndarray:
        """Read class ids as training sees them, ``(H, W)`` uint8."""
        path, colors = results['seg_map_path'], results.get('label_colors')
        table = label_table(
            reduce_zero_label=self._reduces_zero(results),
            label_map=results.get('label_map'),
        )
        if results.get('window'):
            label = read_label_window(results, self.backend_args)
            return label if table is None else cv2.LUT(label, table)
        if colors is not None:
            content = self._content(path)
            label = colors.read(content, path)
            if label is not None:
                return label
        setting = f'label {self.imdecode_backend}'
        label = self.decoded.get(path, lambda: self._decode(path), setting=setting)
        if colors is not None and png_color_type(content) != PNG_PALETTE:
            ids = colors.read_grey(
                label, path, bits=min(png_bit_depth(content) or 8, 8)
            )
            if ids is not None:
                return ids
        return label if table is None else cv2.LUT(label, table)

    def _content(self, path: str) -> bytes:
        remedy = "check data_root, data_prefix['seg_map_path'] and seg_map_suffix"
        content = read_file(path, remedy=remedy, backend_args=self.backend_args)
        if is_lossy(content):
            raise LabelFormatError(
                f'{path}: the label is a lossy file (JPEG or WebP), whose values are '
                'others at every border. Remedy: export labels as PNG.'
            )
        return content

    def _decode(self, path: str) -> np.ndarray:
        """Decode the values as stored in the file, ``(H, W)`` uint8."""
        content = self._content(path)
        depth, color_type = png_bit_depth(content), png_color_type(content)
        stretched = color_type == PNG_GREY and depth < 8
        # Only Pillow gives the indices of a palette; OpenCV gives its colours.
        indexed = stretched or color_type == PNG_PALETTE
        backend = 'pillow' if indexed else self.imdecode_backend
        label = decode(content, path, flag='unchanged', backend=backend)
        label = as_class_ids(label, path)
        if stretched and depth > 1:  # Pillow gives 1-bit files as 0 and 1
            label = label // (255 // (2**depth - 1))
        return label

    def _reduces_zero(self, results: dict) -> bool:
        """The data set's setting; a loader that says otherwise is a mistake."""
        of_data_set = results.get('reduce_zero_label', False)
        if self.reduce_zero_label not in (None, of_data_set):
            raise InputError(
                f'reduce_zero_label={self.reduce_zero_label} in '
                f'LoadCheckedAnnotations, but {of_data_set} in the data set. '
                'Remedy: set it on the data set only.'
            )
        return of_data_set


class DecodedFiles:
    """Arrays of decoded files, kept uncompressed as ``.npy``.

    To inflate a PNG file of 2048x1024 takes some twenty times as long as to read the
    array, of 6.3 MB, from memory, where the system keeps it while there is room. An
    entry belongs to path, size and date of its file: a file that is replaced is decoded
    anew. The folder only grows; None keeps nothing.
    """

    def __init__(self, folder: str | Path | None) -> None:
        self.folder = folder and Path(folder)

    def get(
        self, path: str, decode: Callable[[], np.ndarray], *, setting: str
    ) -> np.ndarray:
        """Return the array of a file; ``setting`` names what else decides about it."""
        if not self.folder:
            return decode()
        if '://' in path:
            raise InputError(
                f'{path}: cache_dir needs files on this machine, whose date tells when '
                'they change. Remedy: leave cache_dir out, or copy the data here'
            )
        try:
            status = os.stat(path)
        except OSError:
            return decode()  # which says what is wrong
        key = f'{os.path.abspath(path)}|{status.st_size}|{status.st_mtime_ns}|{setting}'
        name = hashlib.sha256(key.encode()).hexdigest()
        file = self.folder / name[:2] / f'{name[2:]}.npy'
        if not file.exists():
            save_array(file, decode())
        return np.load(file)
