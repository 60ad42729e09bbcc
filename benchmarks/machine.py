"""What a benchmark ran on."""

import os
import platform
import re
from pathlib import Path
from typing import Any

import torch


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return processor, memory, versions and settings that decide about times.

    Args:
        device: Its name is told if it is a GPU.
    """
    found = dict(
        cpu=_cpu_name(),
        cores=_cores(),
        memory_gb=round(_memory() / 1e9),
        threads=torch.get_num_threads(),
        vector_unit=torch.backends.cpu.get_cpu_capability(),
        system=f'{platform.system()} {platform.machine()}',
        python=platform.python_version(),
        torch=torch.__version__,
        load_average=[round(load, 2) for load in os.getloadavg()],
        environment={
            name: os.environ[name]
            for name in ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'KMP_BLOCKTIME')
            if name in os.environ
        },
    )
    if device.type == 'cuda':
        found['gpu'] = torch.cuda.get_device_name(device)
        found['cuda'] = torch.version.cuda
    return found


def machine_text(machine: dict[str, Any]) -> str:
    """Say the same in a sentence."""
    parts = [f'{machine["gpu"]} (CUDA {machine["cuda"]})'] if 'gpu' in machine else []
    parts += [
        f'{machine["cores"]} cores of {machine["cpu"]} ({machine["system"]}, '
        f'{machine["vector_unit"]})',
        f'{machine["memory_gb"]} GB',
        threads_text(machine),
        f'Python {machine["python"]}',
        f'PyTorch {machine["torch"]}',
        *(f'{name}={value}' for name, value in machine['environment'].items()),
        f'load average at the start {machine["load_average"][0]:.2f}',
    ]
    return ', '.join(parts)


def threads_text(machine: dict[str, Any]) -> str:
    """Return the number of threads with its noun."""
    threads = machine['threads']
    return f'{threads} thread{"s" if threads > 1 else ""}'


def _cpu_name() -> str:
    try:
        text = Path('/proc/cpuinfo').read_text()
    except OSError:
        text = ''
    name = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    return name[1] if name else platform.processor() or 'unknown'


def _cores() -> int:
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int:
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
