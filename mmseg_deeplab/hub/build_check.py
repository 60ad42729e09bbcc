"""Do config and weights belong together? Asked before anything is published."""

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.checkpoints.state_dicts import StateDict, some


def build_with(cfg: Config, state: StateDict, *, num_classes: int) -> nn.Module:
    """Build the published network: proof that config and weights belong together.

    Args:
        cfg: The published config.
        state: The published weights.
        num_classes: How many classes are named.

    Raises:
        ValueError: If a tensor is missing, superfluous or of another shape, or the
            network has another number of classes.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    wanted = model.state_dict()
    wrong = {
        'missing': wanted.keys() - state.keys(),
        'superfluous': state.keys() - wanted.keys(),
        'of another shape': {
            key
            for key in wanted.keys() & state.keys()
            if wanted[key].shape != state[key].shape
        },
    }
    faults = [
        f'{what} [{some(sorted(keys), 4)}]' for what, keys in wrong.items() if keys
    ]
    if faults:
        raise ValueError(
            f'checkpoint and config do not belong together: {", ".join(faults)}; give '
            'the config that the checkpoint was trained with (a copy is in its folder)'
        )
    if model.num_classes != num_classes:
        raise ValueError(
            f'the network has {model.num_classes} classes and the checkpoint names '
            f'{num_classes}; give the config that it was trained with'
        )
    model.load_state_dict(state)
    return model
