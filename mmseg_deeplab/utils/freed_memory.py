"""Let the process keep freed memory for what it allocates next."""

import ctypes
import sys
from functools import cache

# Parameters of mallopt(3); a trim threshold of -1 switches trimming off.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
NEVER = -1
# The largest int, and the largest threshold that glibc before 2.35 takes.
LARGEST, LARGEST_BEFORE_2_35 = 2**31 - 1, 32 * 2**20


@cache
def keep_freed_memory() -> bool:
    """Stop glibc from giving freed memory back; say whether all up to 2 GiB is kept.

    Each step of a training, or of a CRF, allocates arrays of the same sizes and frees
    them. What goes back to the system returns as one page fault per 4 KB, filled with
    zeros, which on a CPU can cost as much as the network. The process then keeps its
    peak of memory. That peak may be larger, since freed memory is fragmented where the
    sizes change. glibc before 2.35 keeps blocks of up to 32 MiB only; other C libraries
    are left alone.
    """
    if sys.platform != 'linux':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    never_trims = mallopt(TRIM_THRESHOLD, NEVER)
    if mallopt(MMAP_THRESHOLD, LARGEST):
        return bool(never_trims)
    mallopt(MMAP_THRESHOLD, LARGEST_BEFORE_2_35)
    return False
