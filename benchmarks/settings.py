"""How a benchmark is run."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Settings:
    """What all benchmarks have in common.

    Args:
        device: Where our path runs, such as ``'cpu'`` or ``'cuda'``.
        threads: Of PyTorch on the CPU; None leaves PyTorch's own number.
        repeat: Timed rounds of each case; None takes as many as fit into ``seconds``,
            from 2 to 7.
        seconds: For the timed rounds of a case, where ``repeat`` is None.

    Raises:
        ValueError: If a number makes no sense, or there is no such device.
    """

    device: str = 'cpu'
    threads: int | None = None
    repeat: int | None = None
    seconds: float = 20.0

    def __post_init__(self) -> None:
        for name in ('threads', 'repeat'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f'{name} must be at least 1, received {value}')
        if not self.seconds > 0:
            raise ValueError(f'seconds must be above 0, received {self.seconds}')
        kind = self.device.partition(':')[0]
        if kind not in ('cpu', 'cuda'):
            raise ValueError(
                f"device must be 'cpu' or 'cuda', received {self.device!r}"
            )
        if kind == 'cuda' and not torch.cuda.is_available():
            raise ValueError(f'device={self.device!r}, but PyTorch sees no GPU')

    @property
    def torch_device(self) -> torch.device:
        """The device as PyTorch has it."""
        return torch.device(self.device)
