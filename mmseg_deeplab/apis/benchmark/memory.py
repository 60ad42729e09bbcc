"""The most memory that one call holds beyond what was held before."""

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
    """Call a function and measure its peak, its result included.

    On a GPU: what PyTorch has allocated. On the CPU: the growth of the process's
    resident memory up to its high water mark, whoever allocates, C++ libraries too;
    memory that was freed before is given back to the system first, so that it is
    counted if it is used again.

    Args:
        function: Called once.
        device: Where it runs.

    Returns:
        What the function returned, and the bytes; None where the system does not tell
        (other than Linux).
    """
    gc.collect()
    if device.type == 'cuda':
        return _peak_on_gpu(function, device)
    before = _reset_high_water()
    result = function()
    if before is None:
        return result, None
    return result, max(0, _read('VmHWM') - before)


def _peak_on_gpu(
    function: Callable[[], Any], device: torch.device
) -> tuple[Any, int | None]:
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    result = function()
    torch.cuda.synchronize(device)
    return result, torch.cuda.max_memory_allocated(device) - before


def _reset_high_water() -> int | None:
    """Return the bytes held now, which the high water mark is set to (proc(5))."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # glibc's alone
    try:
        if trim is not None:
            trim(0)
        _CLEAR.write_text('5')
        return _read('VmRSS')
    except OSError:
        return None


def _read(field: str) -> int:
    kilobytes = re.search(rf'^{field}:\s*(\d+) kB', _STATUS.read_text(), re.MULTILINE)
    return int(kilobytes[1]) * 1024
