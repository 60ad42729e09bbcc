"""Other libraries that predict files; they are measured where they are installed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from .networks import Network
from .peers import SMP, smp_network

Run = Callable[[Sequence[str], Path], None]
ULTRALYTICS = 'ultralytics'
# Its semantic segmentation of about 5.5 G multiply-adds per 512 x 512.
YOLO_NETWORK = 'yolo26s-sem.yaml'


def smp_run(network: Network, device: torch.device) -> Run:
    """Return a loop over files, which this library leaves to its user.

    It writes masks alone.
    """
    model = smp_network(network.num_classes, device)

    def run(paths: Sequence[str], out: Path) -> None:
        for path in paths:
            pixels = cv2.imread(path)[..., ::-1].transpose(2, 0, 1)
            image = torch.from_numpy(pixels.astype(np.float32))[None].to(device)
            mask = model.predict((image - 116) / 58).argmax(1)[0]
            write_mask(out, path, mask)

    return run


def ultralytics_run(network: Network, device: torch.device) -> Run:
    """Return the library's own prediction of files; it writes overlays, too."""
    from ultralytics import YOLO  # slow to import

    model = YOLO(YOLO_NETWORK, task='semantic', verbose=False)
    options = dict(imgsz=list(network.size), device=str(device), verbose=False)

    def run(paths: Sequence[str], out: Path) -> None:
        # The library sets the threads of PyTorch to one less than the cores.
        threads = torch.get_num_threads()
        results = model.predict(
            list(paths), stream=True, save=True, project=str(out), name='overlays',
            exist_ok=True, **options,
        )  # fmt: skip
        for result in results:
            torch.set_num_threads(threads)
            write_mask(out, result.path, result.semantic_mask.data)

    return run


def write_mask(out: Path, path: str, mask: torch.Tensor) -> None:
    """Write the mask of an image as PNG."""
    pixels = mask.to(torch.uint8).cpu().numpy()
    Image.fromarray(pixels).save(out / f'{Path(path).stem}.png')


LIBRARIES = {SMP: smp_run, ULTRALYTICS: ultralytics_run}
