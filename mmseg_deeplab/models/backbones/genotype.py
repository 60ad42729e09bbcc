"""What an architecture search finds: the stride of every cell, and one cell."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import read_json, write_json

# Auto-DeepLab, section 3.1; "none" takes part in the search alone.
OPERATIONS = (
    'sep_conv_3x3',
    'sep_conv_5x5',
    'atrous_conv_3x3',
    'atrous_conv_5x5',
    'avg_pool_3x3',
    'max_pool_3x3',
    'skip',
)
NUM_LEVELS = 4  # strides 4, 8, 16, 32

Branch = tuple[str, int]
Block = tuple[Branch, Branch]


@dataclass(frozen=True)
class Genotype:
    """A network of Auto-DeepLab's two-level search space.

    There is one level per cell: level ``n`` has stride ``4 * 2**n``. The first cell
    follows a stem of stride 4, and neighbours differ by one level at most. Each block
    of the cell has two branches, an operation of :data:`OPERATIONS` and the state that
    it reads: 0 is the previous cell, 1 the one before that, and block ``i`` makes ``i +
    2``.
    """

    levels: tuple[int, ...]
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        if not self.levels or not self.blocks:
            raise InputError('a genotype needs at least one cell and one block')
        for cell, (before, level) in enumerate(pairwise((0, *self.levels))):
            if level not in range(NUM_LEVELS) or abs(level - before) > 1:
                raise InputError(
                    f'levels[{cell}]={level!r}: expected 0 to {NUM_LEVELS - 1}, and a '
                    f'step of one at most from the level before, {before}'
                )
        for index, block in enumerate(self.blocks):
            for operation, state in block:
                self._check_branch(index, operation, state)

    @staticmethod
    def _check_branch(index: int, operation: str, state: int) -> None:
        if operation not in OPERATIONS:
            raise InputError(
                f'blocks[{index}]: unknown operation {operation!r}; there are '
                f'{", ".join(OPERATIONS)}'
            )
        if state not in range(index + 2):
            raise InputError(
                f'blocks[{index}] reads state {state!r}: it can read the states 0 to '
                f'{index + 1}, which are there before it; others would close a circle'
            )

    def save(self, path: str | Path) -> None:
        """Write the genotype as JSON."""
        write_json(path, asdict(self))


def read_genotype(path: str | Path) -> Genotype:
    """Read a genotype that :meth:`Genotype.save` wrote."""
    try:
        content = read_json(Path(path))
        return make_genotype(content['levels'], content['blocks'])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f'{path} is no genotype: {error}. Expected JSON such as '
            '{"levels": [0, 1], "blocks": [[["sep_conv_3x3", 0], ["skip", 1]]]}'
        ) from error


def make_genotype(
    levels: Sequence[int], blocks: Sequence[Sequence[Sequence]]
) -> Genotype:
    """Return a genotype from lists, as JSON and configs have them."""
    made = []
    for block in blocks:
        (left, right) = block
        made.append(((left[0], left[1]), (right[0], right[1])))
    return Genotype(tuple(levels), tuple(made))


def random_genotype(num_layers: int, num_blocks: int, *, seed: int) -> Genotype:
    """Return a network drawn evenly from the operations, states and steps."""
    draw, levels = Random(seed), [0]
    for _ in range(num_layers):
        steps = range(max(levels[-1] - 1, 0), min(levels[-1] + 2, NUM_LEVELS))
        levels.append(draw.choice(steps))
    blocks = [
        [(draw.choice(OPERATIONS), s) for s in sorted(draw.sample(range(i + 2), 2))]
        for i in range(num_blocks)
    ]
    return make_genotype(levels[1:], blocks)


# The network of the paper's figure 3: levels of its 12 cells, and its cell, as in
# research/deeplab/core/nas_network.py of tensorflow/models.
AUTO_DEEPLAB = Genotype(
    levels=(0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1),
    blocks=(
        (('atrous_conv_5x5', 1), ('sep_conv_3x3', 0)),
        (('sep_conv_3x3', 1), ('atrous_conv_3x3', 0)),
        (('sep_conv_3x3', 3), ('sep_conv_3x3', 1)),
        (('sep_conv_5x5', 4), ('sep_conv_5x5', 2)),
        (('sep_conv_5x5', 3), ('atrous_conv_5x5', 5)),
    ),
)
