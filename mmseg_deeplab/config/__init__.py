"""Read a config, override it, check it, and prepare training and testing."""

from .config_file import read_config
from .option_check import named_dicts
from .shipped import find_config

__all__ = ['find_config', 'named_dicts', 'read_config']
