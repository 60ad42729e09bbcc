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
    before = start_peak(device)
    result = function()
    return result, peak_since(before, device)


def start_peak(device: torch.device) -> int | None:
    """Forget earlier peaks.

    Args:
        device: As in :func:`peak_memory`.

    Returns:
        The bytes held now; None where the system does not tell.
    """
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    return _reset_high_water()


def peak_since(before: int | None, device: torch.device) -> int | None:
    """Return the bytes held at most since :func:`start_peak`, beyond those before.

    Args:
        before: What it returned.
        device: The same.
    """
    if before is None:
        return None
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    return max(0, _read('VmHWM') - before)


def high_water() -> int | None:
    """Return the most bytes that this process was resident with since the last reset.

    None where the system does not tell.
    """
    return _read('VmHWM') if _STATUS.is_file() else None


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
