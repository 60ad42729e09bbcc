"""Cityscapes with instances."""

from mmseg.datasets import CityscapesDataset
from mmseg.registry import DATASETS

from mmseg_deeplab.ops.panoptic_ids import IGNORED_CLASS, thing_indices

from .panoptic_json import list_samples

# Label ids in the order of the 19 classes; the other labels up to 33 are not evaluated
# (cityscapesScripts, helpers/labels.py).
LABELS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
LABEL_IDS = dict.fromkeys(range(34), IGNORED_CLASS)
LABEL_IDS |= {label: number for number, label in enumerate(LABELS)}
CLASSES = CityscapesDataset.METAINFO['classes']


@DATASETS.register_module()
class CityscapesPanopticDataset(CityscapesDataset):
    """Cityscapes: 11 classes of stuff, then 8 of things.

    By default it reads ``*_gtFine_instanceIds.png`` of the download, which needs no
    preparation. With ``ann_file`` it reads what ``createPanopticImgs.py`` of
    cityscapesScripts has written: ``gtFine/cityscapes_panoptic_train.json``, and in
    ``data_prefix['seg_map_path']`` the folder ``gtFine/cityscapes_panoptic_train``.
    ``LoadPanopticAnnotations`` reads either.

    Args:
        ann_file: The JSON file of panoptic PNG files.
        seg_map_suffix: How the names of labels end without a JSON file.
        **kwargs: Passed to ``CityscapesDataset``.
    """

    METAINFO = CityscapesDataset.METAINFO | dict(thing_classes=CLASSES[11:])

    def __init__(
        self,
        ann_file: str = '',
        seg_map_suffix: str = '_gtFine_instanceIds.png',
        **kwargs,
    ) -> None:
        super().__init__(ann_file=ann_file, seg_map_suffix=seg_map_suffix, **kwargs)

    def load_data_list(self) -> list[dict]:
        if self.ann_file:
            return list_samples(self, self._image_name)
        more = dict(label_ids=LABEL_IDS, thing_classes=thing_indices(self.metainfo))
        return [info | more for info in super().load_data_list()]

    def _image_name(self, entry: dict) -> str:
        # The names in `images` of the JSON file are those of no image.
        name = entry['image_id']
        return f'{name.split("_")[0]}/{name}{self.img_suffix}'
