"""From the scores of a search to the network that they mean."""

import math

from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

from .auto_deeplab_search import CHOICES, STEPS, step_probabilities
from .genotype import NUM_LEVELS, Block, Genotype


def decode(alpha: Tensor, beta: Tensor) -> Genotype:
    """Return the network of the largest scores, ``(edges, 8)`` and ``(L, 4, 3)``.

    `Auto-DeepLab <https://arxiv.org/abs/1901.02985>`_, section 4.3.
    """
    return Genotype(decode_path(beta), decode_cell(alpha))


def decode_path(beta: Tensor) -> tuple[int, ...]:
    """Return the levels of the most probable path, by Viterbi's algorithm."""
    logs = step_probabilities(beta.double()).log().tolist()
    best = {0: (0.0, ())}  # level: log-probability and levels of the best path to it
    for layer in logs:
        found: dict[int, tuple[float, tuple[int, ...]]] = {}
        for level, (score, path) in best.items():
            for step, log in zip(STEPS, layer[level], strict=True):
                target = level + step
                if not 0 <= target < NUM_LEVELS:
                    continue
                if score + log > found.get(target, (-math.inf,))[0]:
                    found[target] = (score + log, (*path, target))
        best = found
    return max(best.values())[1]


def decode_cell(alpha: Tensor) -> tuple[Block, ...]:
    """Return the two strongest edges of each block, each with its best operation.

    The strength of an edge is the probability of its best operation other than "none".
    """
    weights = alpha.double().softmax(dim=-1)[:, : CHOICES.index('none')]
    strengths, operations = (values.tolist() for values in weights.max(dim=-1))
    blocks, edge = [], 0
    while edge < len(strengths):
        states = range(len(blocks) + 2)
        ranked = sorted(states, key=lambda state: -strengths[edge + state])
        left, right = sorted(ranked[:2])
        blocks.append(
            tuple((CHOICES[operations[edge + state]], state) for state in (left, right))
        )
        edge += len(states)
    return tuple(blocks)


def architecture_scores(state_dict: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Return alpha and beta from the weights of a search."""
    try:
        return state_dict['backbone.alpha'], state_dict['backbone.beta']
    except KeyError as error:
        raise InputError(
            f'no {error} in these weights: they are not those of an architecture search'
        ) from error
