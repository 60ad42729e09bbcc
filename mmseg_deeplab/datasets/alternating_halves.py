"""The order of samples in an architecture search: batches of two halves in turn."""

from collections.abc import Iterator, Sized
from itertools import islice

import torch
from mmseg.registry import DATA_SAMPLERS
from torch.utils.data import Sampler

from mmseg_deeplab.utils.errors import InputError


@DATA_SAMPLERS.register_module()
class AlternatingHalvesSampler(Sampler):
    """Endless batches for the weights (half A) and the architecture (half B).

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4.2: the training set is
    divided at random into two halves of about equal size. An iteration is one update of
    either: of the weights during the warm-up, then of both in turn.

    Args:
        dataset: The training set.
        batch_size: Samples of a batch, as the data loader has it.
        warmup_iters: Iterations before the first update of the architecture.
        seed: It decides the halves and the order in each.
    """

    def __init__(
        self, dataset: Sized, batch_size: int, *, warmup_iters: int = 0, seed: int = 0
    ) -> None:
        if len(dataset) < 2:
            raise InputError(
                f'an architecture search needs two halves, the data set has '
                f'{len(dataset)} sample(s)'
            )
        self.size, self.batch_size = len(dataset), batch_size
        self.warmup_iters, self.seed = warmup_iters, seed
        self.start = 0

    def is_architecture_step(self, iteration: int) -> bool:
        """Whether this iteration, counted from 0, updates the architecture."""
        return (
            iteration >= self.warmup_iters and (iteration - self.warmup_iters) % 2 == 1
        )

    def halves(self) -> tuple[list[int], list[int]]:
        """Return the indices of half A and of half B."""
        order = torch.randperm(self.size, generator=self._generator(0)).tolist()
        return order[: self.size // 2], order[self.size // 2 :]

    def _generator(self, stream: int) -> torch.Generator:
        return torch.Generator().manual_seed(3 * self.seed + stream)

    def _endless(self, half: int) -> Iterator[int]:
        indices, generator = self.halves()[half], self._generator(half + 1)
        while True:
            for position in torch.randperm(len(indices), generator=generator).tolist():
                yield indices[position]

    def _stream(self) -> Iterator[int]:
        streams, iteration = (self._endless(0), self._endless(1)), 0
        while True:
            half = streams[self.is_architecture_step(iteration)]
            yield from islice(half, self.batch_size)
            iteration += 1

    def __iter__(self) -> Iterator[int]:
        return islice(self._stream(), self.start, None)

    def skip(self, num_samples: int) -> None:
        """Begin after as many samples: how mmengine resumes."""
        self.start = num_samples

    def __len__(self) -> int:
        return self.size
