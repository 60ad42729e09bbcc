"""What a machine can do at most: matrix products and copies, measured."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .case import Work
from .timing import Stopwatch, alternate

# Large enough for the full rate, small enough for a fraction of a second on two cores.
GEMM_SIZE = {'cpu': 2048, 'cuda': 8192}
# Beyond any cache.
COPY_BYTES = {'cpu': 1 << 28, 'cuda': 1 << 30}


@dataclass(frozen=True)
class Limits:
    """Of one device, at the present number of threads.

    Args:
        multiply_adds: Of a float32 matrix product, per second: of ``torch.mm`` or of a
            1x1 convolution, which other libraries compute, whichever is faster.
        bandwidth: Of a copy, bytes read plus bytes written, per second.
    """

    multiply_adds: float
    bandwidth: float

    def least_seconds(self, work: Work) -> float:
        """Return the time that computing or moving alone takes, whichever is longer.

        No implementation that does the work as it stands can be faster.
        """
        return max(work.multiply_adds / self.multiply_adds, work.bytes / self.bandwidth)


@torch.no_grad()
def measure_limits(device: torch.device, *, repeat: int = 8) -> Limits:
    """Measure both, best of several.

    Args:
        device: Of which.
        repeat: Rounds, after one that does not count.
    """
    size, count = GEMM_SIZE[device.type], COPY_BYTES[device.type]
    left, right = (torch.randn(size, size, device=device) for _ in range(2))
    source = torch.ones(count // 4, device=device)
    target, product = torch.empty_like(source), torch.empty_like(left)

    def multiply(_: Stopwatch) -> Tensor:
        return torch.mm(left, right, out=product)

    kernel = left.view(size, size, 1, 1)
    image = right.view(1, size, -1, 32).contiguous(memory_format=torch.channels_last)

    def convolve(_: Stopwatch) -> Tensor:
        return F.conv2d(image, kernel)

    def copy(_: Stopwatch) -> Tensor:
        return target.copy_(source)

    runs = dict(multiply=multiply, convolve=convolve, copy=copy)
    devices = dict.fromkeys(runs, device)
    times = alternate(runs, devices, repeat=repeat + 1, seconds=0)
    best = {name: min(found['total'][1:]) for name, found in times.items()}
    return Limits(
        multiply_adds=size**3 / min(best['multiply'], best['convolve']),
        bandwidth=2 * count / best['copy'],
    )
