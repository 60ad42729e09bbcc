"""Load weights into a network that is to predict: each of them, or none."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmseg_deeplab.checkpoints import fitting


def load_weights(
    model: nn.Module, checkpoint: Mapping[str, Any], *, source: str
) -> None:
    """Load a checkpoint; a network that is partly random must not predict.

    Args:
        model: The segmentor.
        checkpoint: A state dict, or a dict that holds it as ``state_dict``.
        source: Name of the checkpoint, for the message.

    Raises:
        ValueError: If weights are missing or have another shape; the message names
            them.
    """
    state = checkpoint.get('state_dict', checkpoint)
    tensors = {
        re.sub(r'^module\.', '', name): value
        for name, value in state.items()
        if isinstance(value, Tensor)
    }
    fitting.check_shared(tensors, model, source=source)
    wrong = sorted(fitting.misfits(tensors, model).values())
    if wrong:
        raise ValueError(
            f'{source} does not fit the model: {fitting.some(wrong, 6)}. Remedy: '
            'predict with the config that it was trained with'
        )
    lacking = fitting.missing(tensors, model)
    if lacking:
        raise ValueError(
            f'{source} lacks {len(lacking)} tensors of the model, which would be '
            f'random: {fitting.some(lacking)}. Remedy: predict with the config that it '
            'was trained with'
        )
    model.load_state_dict(tensors, strict=False)
