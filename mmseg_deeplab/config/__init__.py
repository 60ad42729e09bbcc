"""Read a config, override it, check it, and prepare training and testing.

:func:`read_config` reads a config by its path or its name, with options and mixins, as
the commands do; :func:`find_config` finds its file; :func:`named_dicts` walks through
its parts. The other modules import data sets and networks, and are imported by name.
"""

from .config_file import read_config
from .option_check import named_dicts
from .shipped import find_config

__all__ = ['find_config', 'named_dicts', 'read_config']
