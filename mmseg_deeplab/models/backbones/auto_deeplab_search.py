"""Auto-DeepLab's super-network: all paths and all cells at once, weighted."""

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor, nn

from .auto_deeplab_net import (
    STEM_CHANNELS,
    build_operation,
    build_stem,
    relu_conv_bn,
    resize_to,
)
from .genotype import NUM_LEVELS, OPERATIONS
from .recompute import recompute

# Columns of alpha: "none" is the last.
CHOICES = (*OPERATIONS, 'none')
STEPS = (-1, 0, 1)  # columns of beta: towards a finer stride, the same, a coarser one


def num_edges(num_blocks: int) -> int:
    """Return how many edges a cell has: block ``i`` can read ``i + 2`` states."""
    return sum(index + 2 for index in range(num_blocks))


def step_probabilities(beta: Tensor) -> Tensor:
    """Normalise the scores of the steps that leave a node, so that they sum to one.

    ``beta`` is ``(L, 4, 3)``: layer (0 is the stem), level, step of :data:`STEPS`.
    Where a stride has one neighbour only, two steps share the one; some
    re-implementations leave a sum of 2/3 there, which changes the decoded path.
    """
    levels = torch.arange(NUM_LEVELS, device=beta.device)[:, None]
    targets = levels + torch.tensor(STEPS, device=beta.device)
    outside = (targets < 0) | (targets >= NUM_LEVELS)
    return beta.masked_fill(outside, float('-inf')).softmax(dim=-1)


class MixedCell(nn.Module):
    """A cell whose every edge is the weighted sum of all operations.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4.1, equations 1 to 3.
    """

    def __init__(self, num_blocks: int, channels: int, *, norm_cfg: dict) -> None:
        super().__init__()
        self.num_blocks = num_blocks
        self.edges = nn.ModuleList(
            nn.ModuleList(
                build_operation(name, channels, stride=1, norm_cfg=norm_cfg)
                for name in OPERATIONS
            )
            for _ in range(num_edges(num_blocks))
        )

    def forward(self, previous: Tensor, before: Tensor, weights: Tensor) -> Tensor:
        """Compute ``(N, B * C, h, w)`` from two maps and softmax(alpha)."""
        states, edge = [previous, before], 0
        for _ in range(self.num_blocks):
            total = torch.zeros_like(previous)
            for state in tuple(states):
                for choice, operation in enumerate(self.edges[edge]):
                    total = total + weights[edge, choice] * operation(state)
                edge += 1
            states.append(total)
        return torch.cat(states[2:], dim=1)


class Node(nn.Module):
    """One stride of one layer: the same cell for each stride that it is reached from.

    The paper's equation 5. The up to three inputs share the cell's operations, so they
    are computed as one batch.
    """

    def __init__(
        self,
        level: int,
        in_channels: dict[int, int],
        before_channels: int,
        *,
        num_blocks: int,
        channels: int,
        norm_cfg: dict,
        with_cp: bool,
    ) -> None:
        super().__init__()
        self.level, self.with_cp = level, with_cp
        self.sources = tuple(in_channels)
        self.inputs = nn.ModuleDict(
            {
                str(source): relu_conv_bn(
                    width,
                    channels,
                    3 if source < level else 1,
                    norm_cfg,
                    stride=2 if source < level else 1,
                    padding=1 if source < level else 0,
                )
                for source, width in in_channels.items()
            }
        )
        self.before = relu_conv_bn(before_channels, channels, 1, norm_cfg)
        self.cell = MixedCell(num_blocks, channels, norm_cfg=norm_cfg)

    def forward(
        self,
        layer: dict[int, Tensor],
        before: Tensor,
        weights: Tensor,
        betas: dict[int, Tensor],
        size: tuple[int, int],
    ) -> Tensor:
        """Compute ``(N, B * C, *size)`` from the previous layer by level."""
        inputs = []
        for source in self.sources:
            x = layer[source]
            if source > self.level:
                x = resize_to(x, size)
            inputs.append(self.inputs[str(source)](x))
        before = self.before(resize_to(before, size)).repeat(len(inputs), 1, 1, 1)

        def run(batch: Tensor) -> Tensor:
            return self.cell(batch, before, weights)

        outputs = recompute(self.cell, run, torch.cat(inputs), when=self.with_cp)
        parts = zip(self.sources, outputs.chunk(len(inputs)), strict=True)
        return sum(betas[source] * part for source, part in parts)


@MODELS.register_module()
class AutoDeepLabSearchNet(BaseModule):
    """The trellis of strides 4 to 32 with one relaxed cell structure.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4. A step from stride
    ``s/2`` to ``s`` is a 3x3 convolution of stride 2, one from ``2s`` is upsampled and
    has a 1x1 convolution. Where no node of a stride lies two layers before (in the
    first layers), the stem takes its place.

    Args:
        num_layers: Cells on a path, ``L``.
        num_blocks: Blocks of the cell, ``B``.
        filters: Channels of a block at stride 4, ``F``; 8 in the paper's search.
        in_channels: Channels of the image.
        norm_cfg: Normalisation layer.
        with_cp: Recompute the cells in the backward pass: less than half of the stored
            activations, for more time.
        init_cfg: Initialisation.

    Attributes:
        alpha: Scores of the operations, ``(edges, 8)``, columns of :data:`CHOICES`.
        beta: Scores of the steps, ``(L, 4, 3)``, see :func:`step_probabilities`.

    Shape:
        input ``(N, in_channels, H, W)``; output one map for each stride from 4 to 32
        that the trellis reaches, finest first.
    """

    def __init__(
        self,
        num_layers: int = 12,
        *,
        num_blocks: int = 5,
        filters: int = 8,
        in_channels: int = 3,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type='BN')
        # Section 4.1: the standard deviation of the initial scores.
        self.alpha = nn.Parameter(
            1e-3 * torch.randn(num_edges(num_blocks), len(CHOICES))
        )
        self.beta = nn.Parameter(1e-3 * torch.randn(num_layers, NUM_LEVELS, len(STEPS)))
        self.stem = build_stem(in_channels, norm_cfg)
        self.layers = nn.ModuleList()
        older, newer = {0: STEM_CHANNELS[1]}, {0: STEM_CHANNELS[2]}
        for depth in range(num_layers):
            nodes = {}
            for level in range(min(depth + 2, NUM_LEVELS)):
                sources = {n: c for n, c in newer.items() if abs(n - level) <= 1}
                nodes[str(level)] = Node(
                    level,
                    sources,
                    older.get(level, STEM_CHANNELS[1 if depth == 0 else 2]),
                    num_blocks=num_blocks,
                    channels=filters * 2**level,
                    norm_cfg=norm_cfg,
                    with_cp=with_cp,
                )
            self.layers.append(nn.ModuleDict(nodes))
            widths = {int(n): num_blocks * filters * 2 ** int(n) for n in nodes}
            older, newer = newer, widths

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the features of the last layer, finest stride first."""
        weights, betas = self.alpha.softmax(dim=-1), step_probabilities(self.beta)
        first = self.stem[1](self.stem[0](x).relu())
        second = self.stem[2](first.relu())
        sizes = [tuple(second.shape[2:])]
        for _ in range(NUM_LEVELS - 1):
            sizes.append(tuple((side - 1) // 2 + 1 for side in sizes[-1]))
        older, newer = {0: first}, {0: second}
        for depth, nodes in enumerate(self.layers):
            stem = first if depth == 0 else second
            layer = {
                int(name): node(
                    newer,
                    older.get(int(name), stem),
                    weights,
                    {
                        n: betas[depth, n, STEPS.index(int(name) - n)]
                        for n in node.sources
                    },
                    sizes[int(name)],
                )
                for name, node in nodes.items()
            }
            older, newer = newer, layer
        return tuple(newer[level] for level in sorted(newer))
