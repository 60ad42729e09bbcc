"""CamVid with the 11 classes of the SegNet edition."""

from mmengine import fileio
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

SUFFIXES = ('.png', '.jpg')
COLORS = {
    'sky': [128, 128, 128],
    'building': [128, 0, 0],
    'pole': [192, 192, 128],
    'road': [128, 64, 128],
    'pavement': [60, 40, 222],
    'tree': [128, 128, 0],
    'signsymbol': [192, 128, 128],
    'fence': [64, 64, 128],
    'car': [64, 0, 128],
    'pedestrian': [64, 64, 0],
    'bicyclist': [0, 128, 192],
}


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """CamVid, 480x360, 11 classes; 255 is void.

    Brostow, Fauqueur, Cipolla: `Semantic object classes in video
    <https://doi.org/10.1016/j.patrec.2008.04.005>`_; classes, palette and split of
    `SegNet <https://arxiv.org/abs/1511.00561>`_.

    Args:
        img_suffix: Suffix of the images. None takes the one that the image folder
            holds: ``.png`` as ``mmseg-deeplab convert-camvid`` writes them, or
            ``.jpg``.
        seg_map_suffix: Suffix of the labels.
        **kwargs: Passed to ``BaseSegDataset``.

    Raises:
        FileNotFoundError: If there is no image folder, or no image in it.
        ValueError: If the folder holds images of both suffixes.
    """

    METAINFO = dict(classes=tuple(COLORS), palette=list(COLORS.values()))

    def __init__(
        self, img_suffix: str | None = None, seg_map_suffix: str = '.png', **kwargs
    ) -> None:
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Find the suffix where none was given, then list the files."""
        if self.img_suffix is None:
            self.img_suffix = self._find_suffix(self.data_prefix['img_path'])
        return super().load_data_list()

    def _find_suffix(self, folder: str) -> str:
        backend = dict(backend_args=self.backend_args)
        if not fileio.isdir(folder, **backend):
            raise FileNotFoundError(
                f'{folder}: no such folder of CamVid images. Remedy: write it with '
                'mmseg-deeplab convert-camvid, or correct data_root.'
            )
        files = fileio.list_dir_or_file(
            folder, list_dir=False, suffix=SUFFIXES, recursive=True, **backend
        )
        found = sorted({name[-4:] for name in files})
        if not found:
            raise FileNotFoundError(
                f'{folder}: no file ends in {" or ".join(SUFFIXES)}.'
            )
        if len(found) > 1:
            raise ValueError(
                f'{folder}: holds {" and ".join(found)} images. Remedy: say which are '
                "meant, e.g. img_suffix='.png'."
            )
        return found[0]
