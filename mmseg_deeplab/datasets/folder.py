"""A data set of your own: a folder of images, one of labels, and a class list."""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product

import numpy as np
from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.utils.class_colors import class_colors, nearest
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.local_paths import is_absolute
from mmseg_deeplab.utils.raster_reader import open_raster
from mmseg_deeplab.utils.text_files import decode_text

from .class_list import read_class_list
from .file_pairs import check_pairs, choose_listed, find_files
from .transforms import LabelColors
from .transforms.label_colors import png_palette

JUST_NOTICEABLE = 2.3  # difference of two colours in CIELAB
FOLDERS = dict(img_path='images', seg_map_path='labels')


@DATASETS.register_module()
class FolderDataset(BaseSegDataset):
    """Images and labels in folders; the classes stand in a class list.

    An image and its label have the same name up to the suffix, whatever that is. A
    label is a map of class ids (8-bit grey or palette PNG, 255 is ignored), or an image
    in the colours of the class list, which become ids when it is loaded by
    :class:`~mmseg_deeplab.datasets.LoadCheckedAnnotations`. The rules of the class
    list: :mod:`mmseg_deeplab.datasets.class_list`.

    Args:
        labels_file: The class list; relative to ``data_root``.
        split: E.g. ``'train'``: takes the sub-folders of that name in both folders of
            ``data_prefix`` or, if there are none, the images that ``<split>.txt`` in
            ``data_root`` lists. None takes the folders as they are.
        data_root: The folder that the other paths are relative to.
        data_prefix: ``img_path`` and ``seg_map_path``; without ``seg_map_path`` there
            are no labels.
        ann_file: Names of the images to use, one a line, with or without suffix;
            empty takes all.
        img_suffix: End of the images' names; None takes ``.jpg .jpeg .jfif .png .bmp
            .tif .tiff .webp``, mixed as they come.
        seg_map_suffix: The same for labels; ``'_mask.png'`` pairs ``x.jpg`` with
            ``x_mask.png``.
        ignore_index: Label that is ignored.
        raster_window: Cut each image into windows of at most this side, px, which are
            the samples; for rasters larger than memory, with ``LoadBands`` in the
            pipeline. Labels are then rasters of class ids. None takes whole images.
        backend_args: Arguments of mmengine's storage backend.
        **kwargs: Passed to ``BaseSegDataset``. ``reduce_zero_label=True`` is for maps
            of ids in which 0 is unlabelled and 1 the first class; colours mean the
            same with it and without.
    """

    def __init__(
        self,
        labels_file: str = 'labels.txt',
        *,
        split: str | None = None,
        data_root: str | None = None,
        data_prefix: Mapping[str, str] = FOLDERS,
        ann_file: str = '',
        img_suffix: str | None = None,
        seg_map_suffix: str | None = None,
        ignore_index: int = 255,
        raster_window: int | None = None,
        backend_args: dict | None = None,
        **kwargs,
    ) -> None:
        if kwargs.pop('metainfo', None):
            raise InputError(
                'FolderDataset takes no metainfo. Remedy: name the classes in the '
                f'class list ({labels_file!r}).'
            )
        self.labels_file = _below(data_root, labels_file)
        self.raster_window = raster_window
        self.class_list = read_class_list(self.labels_file, backend_args)
        self.label_colors = None
        if self.class_list.colors:
            self.label_colors = LabelColors(
                self.class_list.colors,
                ignored=self.class_list.ignored,
                ignore_index=ignore_index,
                origin=self.labels_file,
            )
        if split is not None:
            data_prefix, ann_file = find_split(
                split, data_root or '', data_prefix, ann_file, backend_args
            )
        folder = data_prefix.get('seg_map_path')
        palette = self.class_list.colors or _mask_palette(
            self.class_list.names,
            folder and _below(data_root, folder),
            seg_map_suffix,
            int(kwargs.get('reduce_zero_label', False)),
            backend_args,
        )
        super().__init__(
            metainfo=dict(classes=self.class_list.names, palette=[*map(list, palette)]),
            data_root=data_root,
            data_prefix=dict(data_prefix),
            ann_file=ann_file,
            img_suffix=img_suffix,
            seg_map_suffix=seg_map_suffix,
            ignore_index=ignore_index,
            backend_args=backend_args,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        backend = dict(backend_args=self.backend_args)
        img_dir = self.data_prefix['img_path']
        ann_dir = self.data_prefix.get('seg_map_path')
        images = find_files(img_dir, self.img_suffix, 'images', **backend)
        if self.ann_file:
            if not fileio.isfile(self.ann_file, **backend):
                raise FileNotFoundError(
                    f'{self.ann_file}: no such list of images. Remedy: write it, one '
                    'name a line, or correct ann_file.'
                )
            content = fileio.get(self.ann_file, **backend)
            listed = decode_text(content, self.ann_file, errors='surrogateescape')
            images = choose_listed(images, listed, self.ann_file)
        labels = {}
        if ann_dir:
            labels = find_files(ann_dir, self.seg_map_suffix, 'labels', **backend)
            check_pairs(
                images, labels, folders=(img_dir, ann_dir), listed=bool(self.ann_file)
            )
        infos = []
        for stem, name in images.items():
            info = dict(
                img_path=fileio.join_path(img_dir, name, **backend),
                label_map=None,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
            )
            if ann_dir:
                path = fileio.join_path(ann_dir, labels[stem], **backend)
                info['seg_map_path'] = path
            infos += self._windows(info) if self.raster_window else [info]
        return infos

    def _windows(self, info: dict) -> list[dict]:
        """Cut an image into windows of nearly equal size."""
        path = info['img_path']
        with (
            fileio.get_local_path(path, backend_args=self.backend_args) as local,
            open_raster(local, name=path) as raster,
        ):
            size = raster.shape
        edges = (
            np.linspace(0, side, -(-side // self.raster_window) + 1).round().astype(int)
            for side in size
        )
        spans = ([slice(*pair) for pair in pairwise(one.tolist())] for one in edges)
        return [
            dict(info, window=window, raster_size=size) for window in product(*spans)
        ]

    def get_data_info(self, idx: int) -> dict:
        """Give the paths of a sample, and the colours that its label may have."""
        info = super().get_data_info(idx)
        info['label_colors'] = self.label_colors
        return info


def find_split(
    split: str,
    data_root: str,
    data_prefix: Mapping[str, str],
    ann_file: str,
    backend_args: dict | None,
) -> tuple[dict[str, str], str]:
    """Find the folders, or the list, of a split: ``data_prefix`` and ``ann_file``."""
    if ann_file:
        raise InputError(
            f'split={split!r} and ann_file={ann_file!r} both choose images. Remedy: '
            'give one of them.'
        )
    backend = dict(backend_args=backend_args)
    inner = {
        key: fileio.join_path(path, split, **backend)
        for key, path in data_prefix.items()
        if path
    }
    folder, name = _below(data_root, inner['img_path']), f'{split}.txt'
    if fileio.isdir(folder, **backend):
        return inner, ''
    if fileio.isfile(_below(data_root, name), **backend):
        return dict(data_prefix), name
    whole = _below(data_root, data_prefix['img_path'])
    remedy = 'make one of them, or give data_root, e.g. --cfg-options data_root=FOLDER'
    if (
        split in ('train', 'val')
        and fileio.isdir(whole, **backend)
        and any(fileio.list_dir_or_file(whole, list_dir=False, **backend))
    ):
        remedy = f'mmseg-deeplab split {data_root}'
    raise FileNotFoundError(
        f'{data_root}: no split {split!r}: neither the folder {folder!r} nor the list '
        f'{_below(data_root, name)!r} exists. Remedy: {remedy}.'
    )


def _mask_palette(
    names: Sequence[str],
    folder: str | None,
    suffix: str | None,
    first: int,
    backend_args: dict | None,
) -> Sequence[Sequence[int]]:
    """Return the colours inside the first mask of a folder, else new ones.

    They are taken if each class has one that is told apart from the others; ``first``
    is the id of the first class in the masks.
    """
    backend = dict(backend_args=backend_args)
    if folder and fileio.isdir(folder, **backend):
        name = next(iter(find_files(folder, suffix, 'labels', **backend).values()))
        path = fileio.join_path(folder, name, **backend)
        try:
            palette = png_palette(fileio.get(path, **backend))[first:][: len(names)]
        except (OSError, ValueError):  # what loads it will say so
            return class_colors(names)
        if len(palette) == len(names) and nearest(palette) > JUST_NOTICEABLE:
            return palette.tolist()
    return class_colors(names)


def _below(root: str | None, path: str) -> str:
    """Join a path to the root unless it stands alone."""
    return path if not root or is_absolute(path) else fileio.join_path(root, path)
