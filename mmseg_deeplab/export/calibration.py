"""Images that the int8 file is calibrated with."""

from pathlib import Path

from mmengine.config import Config
from torch.utils.data import Dataset, Subset

from mmseg_deeplab.config.labelled_images import LabelledImage, LabelledImages
from mmseg_deeplab.inference.images import is_image, read_image


class ImageFolder(Dataset):
    """The images of a folder, in any depth.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If there are no images in it.
    """

    def __init__(self, folder: str | Path) -> None:
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f'folder {str(folder)!r} for the calibration does not exist (current '
                f'folder {Path.cwd()})'
            )
        self._paths = sorted(filter(is_image, Path(folder).rglob('*')))
        if not self._paths:
            raise ValueError(f'{folder}: no images for the calibration')

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> LabelledImage:
        path = self._paths[index]
        return LabelledImage(read_image(path), None, str(path))


def calibration_images(cfg: Config, folder: str | None, count: int) -> Subset:
    """Return at most ``count`` images, spread evenly.

    Args:
        cfg: The whole config.
        folder: Folder of images; None takes the training set.
        count: The largest number of images.

    Raises:
        FileNotFoundError: If the folder, or one of the data, is missing.
        ValueError: If there are no images, or ``count`` is below 1.
    """
    if count < 1:
        raise ValueError(f'calibration needs at least 1 image, received {count}')
    images = ImageFolder(folder) if folder else LabelledImages(cfg, 'train')
    count = min(count, len(images))
    return Subset(images, [index * len(images) // count for index in range(count)])
