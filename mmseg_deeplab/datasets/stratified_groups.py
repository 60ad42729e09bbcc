"""Iterative stratification of groups of images."""

import numpy as np


def assign_groups(
    sizes: np.ndarray,
    counts: np.ndarray,
    shares: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Give each group of images to a split, so that the splits have equal shares.

    `Sechidis et al. <https://doi.org/10.1007/978-3-642-23808-6_10>`_, algorithm 1: the
    rarest class first, each group to the split that lacks most images of this class.
    Here whole groups are taken, the large ones first, and each split gets an image of a
    class that has at least as many images as there are splits.

    Args:
        sizes: Images of each group, ``(G,)``.
        counts: Images of each group that have a class, ``(G, K)``; K may be 0.
        shares: The part of the images that each split gets, ``(S,)``; the first split
            gets what is left. Their sum is 1.
        rng: Mixes the groups.

    Returns:
        The split of each group, ``(G,)``.
    """
    counts = np.column_stack([counts, sizes]).astype(float)
    totals = counts.sum(0)
    lacking = np.outer(shares, totals)  # (S, K + 1)
    lacking[:, totals >= len(shares)] = lacking[:, totals >= len(shares)].clip(min=1)
    lacking[0] = totals - lacking[1:].sum(0)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind='stable')]
    split = np.full(len(sizes), -1)
    while (split < 0).any():
        totals = counts[split < 0].sum(0)
        rarest = np.where(totals > 0, totals, np.inf).argmin()
        for group in order:
            if split[group] < 0 and counts[group, rarest]:
                best = np.lexsort((lacking[:, -1], lacking[:, rarest]))[-1]
                split[group] = best
                lacking[best] -= counts[group]
    return split
