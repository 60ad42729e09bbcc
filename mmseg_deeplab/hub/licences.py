"""What is known of the licences of the data; the terms at the source count."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Data:
    """A data set, and the remark on its licence of docs/datasets.md.

    Args:
        name: As people call it.
        slug: As hubs call it.
        terms: Remark on licence, with the source.
    """

    name: str
    slug: str
    terms: str


VOC = (
    'images from Flickr, whose terms of use apply to them '
    '(<http://host.robots.ox.ac.uk/pascal/VOC/voc2012>)'
)
COCO_STUFF = (
    "annotations CC BY 4.0, Flickr's terms for the images "
    '(<https://github.com/nightrome/cocostuff>)'
)

# By the type of the data set in a config.
DATA = {
    'PascalVOCDataset': Data('PASCAL VOC 2012', 'pascal_voc', VOC),
    'CityscapesDataset': Data(
        'Cityscapes',
        'cityscapes',
        'non-commercial use under its own licence '
        '(<https://www.cityscapes-dataset.com/license/>)',
    ),
    'ADE20KDataset': Data(
        'ADE20K',
        'ade20k',
        'annotations BSD-3, images for research and teaching only '
        '(<https://groups.csail.mit.edu/vision/datasets/ADE20K/>)',
    ),
    'COCOStuffDataset': Data('COCO-Stuff', 'coco_stuff', COCO_STUFF),
    'CamVidDataset': Data(
        'CamVid',
        'camvid',
        'ask its authors before other uses than research '
        '(<http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData>)',
    ),
    'SyntheticStreets': Data(
        'SyntheticStreets',
        'synthetic_streets',
        'drawn by mmseg_deeplab itself, no licence but its own (Apache-2.0)',
    ),
}


def data_of(kind: str | None) -> Data:
    """Return what is known of a data set by its type in a config."""
    known = DATA.get(kind or '')
    return known or Data(kind or 'unknown', 'other', 'not known to the publishing tool')
