"""MobileNetV2: the order of its blocks, and the units of one."""

# Blocks of each stage: MobileNetV2 (https://arxiv.org/abs/1801.04381), table 2.
BLOCKS_PER_STAGE = (1, 2, 3, 4, 3, 3, 1)
# Our names of all blocks, in order.
MOBILENET_BLOCKS = [
    f'backbone.layer{stage}.{block}'
    for stage, blocks in enumerate(BLOCKS_PER_STAGE, start=1)
    for block in range(blocks)
]


def block_units(number: int) -> list[str]:
    """Our names of the convolutions of a block, from 0; the first does not expand."""
    count = 2 if number == 0 else 3
    return [f'{MOBILENET_BLOCKS[number]}.conv.{i}' for i in range(count)]
