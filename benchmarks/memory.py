"""The peak memory of one call, beyond what was held before."""

import ctypes
import gc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

_STATUS = Path('/proc/self/status')
_CLEAR = Path('/proc/self/clear_refs')


def peak_memory(
    function: Callable[[], Any], device: torch.device
) -> tuple[Any, int | None]:
    """Call a function and measure its peak memory, its result included.

    On a GPU this is what PyTorch has allocated. On the CPU it is the growth of the
    process's resident memory up to its high-water mark, whatever library allocates.
    Memory that was freed before is returned to the system first, so that it counts if
    it is used again.

    Returns:
        The result of the function, and the bytes; None where the system does not tell
        (other than Linux).
    """
    before = start_peak(device)
    result = function()
    return result, peak_since(before, device)


def start_peak(device: torch.device) -> int | None:
    """Forget earlier peaks and return the bytes held now, None if unknown."""
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # only glibc has it
    try:
        if trim is not None:
            trim(0)
        _CLEAR.write_text('5')  # resets the high-water mark, proc(5)
        return _read('VmRSS')
    except OSError:
        return None


def peak_since(before: int | None, device: torch.device) -> int | None:
    """Return the peak since :func:`start_peak`, beyond what it returned."""
    if before is None:
        return None
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    return max(0, _read('VmHWM') - before)


def high_water() -> int | None:
    """Return the peak of this process's resident memory, None if unknown."""
    return _read('VmHWM') if _STATUS.is_file() else None


def _read(field: str) -> int:
    kilobytes = re.search(rf'^{field}:\s*(\d+) kB', _STATUS.read_text(), re.MULTILINE)
    return int(kilobytes[1]) * 1024
