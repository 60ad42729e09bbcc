"""Whether the packages are installed that a config logs with."""

from collections.abc import Mapping
from importlib.util import find_spec

PACKAGES = {
    'IterationWandbVisBackend': 'wandb',
    'TensorboardVisBackend': 'tensorboard',
    'WandbVisBackend': 'wandb',
}


def check_log_packages(cfg: Mapping) -> None:
    """Refuse a visualizer whose backends need a package that is missing.

    The host would end in an ImportError, and only when it builds the runner.

    Args:
        cfg: A config.

    Raises:
        ValueError: If a package is missing.
    """
    backends = (cfg.get('visualizer') or {}).get('vis_backends') or ()
    for backend in backends:
        package = PACKAGES.get(backend.get('type'))
        if package is not None and find_spec(package) is None:
            raise ValueError(
                f'visualizer.vis_backends has {backend["type"]}, which needs the '
                f'package {package}: pip install {package} (it is part of '
                '"mmseg-deeplab[optional]"), or leave the mixin out'
            )
