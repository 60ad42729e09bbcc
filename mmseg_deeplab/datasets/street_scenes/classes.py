"""The eight classes of the street scenes, in label order, with Cityscapes' colours."""

CLASSES = (
    'road',
    'sidewalk',
    'building',
    'sky',
    'vegetation',
    'person',
    'car',
    'pole',
)
ROAD, SIDEWALK, BUILDING, SKY, VEGETATION, PERSON, CAR, POLE = range(len(CLASSES))

# RGB, https://github.com/mcordts/cityscapesScripts, helpers/labels.py
PALETTE = (
    (128, 64, 128),
    (244, 35, 232),
    (70, 70, 70),
    (70, 130, 180),
    (107, 142, 35),
    (220, 20, 60),
    (0, 0, 142),
    (153, 153, 153),
)
