"""Let the process keep freed memory for what it allocates next."""

import ctypes
import sys
from functools import cache

# Parameters of mallopt(3), and the largest value of an int.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
LARGEST = 2**31 - 1


@cache
def keep_freed_memory() -> bool:
    """Stop glibc from giving freed blocks back to the system; say whether it will.

    Each step of a training, or of a CRF, allocates arrays of the same sizes and frees
    them. What goes back to the system returns as one page fault per 4 KB, filled with
    zeros, which on a CPU can cost as much as the network. The process then keeps its
    peak of memory, which each step needs anyway. Other C libraries are left alone.
    """
    if sys.platform != 'linux':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    return all(mallopt(name, LARGEST) for name in (MMAP_THRESHOLD, TRIM_THRESHOLD))
