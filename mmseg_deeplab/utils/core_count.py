"""How many cores this process may use."""

import os


def core_count() -> int:
    """Return the cores of this process; macOS and Windows know only the machine's."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
