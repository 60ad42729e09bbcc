"""Start and end of distributed runs in the cases that mmengine does not cover.

mmengine's ``init_dist`` selects a GPU before it makes the process group. Where there
is no GPU, the group is made here, and mmengine uses it.
"""

import os
import subprocess

import torch
import torch.distributed as dist

from mmseg_deeplab.utils.errors import InputError

# Environment variables of each launcher, in torchrun's order.
NAMES = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK')
ENVIRONMENT = {
    'pytorch': NAMES,
    'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
    'mpi': tuple(f'OMPI_COMM_WORLD_{name}' for name in ('RANK', 'SIZE', 'LOCAL_RANK')),
}
DEFAULT_PORT = '29500'  # torch's own default


def init_cpu_process_group(launcher: str) -> None:
    """Make the default process group with gloo, from the launcher's environment."""
    for name, source in zip(NAMES, ENVIRONMENT[launcher], strict=True):
        os.environ[name] = _variable(source, launcher)
    if launcher == 'slurm' and 'MASTER_ADDR' not in os.environ:
        nodes = _variable('SLURM_NODELIST', launcher)
        names = subprocess.check_output(
            ['scontrol', 'show', 'hostnames', nodes], text=True
        )
        os.environ['MASTER_ADDR'] = names.split()[0]
    os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
    os.environ.setdefault('MASTER_PORT', DEFAULT_PORT)
    dist.init_process_group('gloo')


def leave_process_group() -> None:
    """Wait for the other processes and end the process group, if there is one.

    mmengine leaves this to the end of the interpreter, when a thread of the group may
    abort a process whose work is done.
    """
    if dist.is_initialized():
        dist.barrier()
        dist.destroy_process_group()


def require_one_gpu_each(launcher: str) -> None:
    """Raise ValueError if this process of a distributed run has no GPU of its own."""
    local_rank = int(os.environ.get(ENVIRONMENT[launcher][-1], 0))
    gpus = torch.cuda.device_count()
    if local_rank >= gpus:
        raise InputError(
            f'process {local_rank} of this machine has no GPU: {gpus} visible. Start '
            f'at most {gpus}, or set CUDA_VISIBLE_DEVICES= (empty) to run on the CPU'
        )


def _variable(name: str, launcher: str) -> str:
    if name not in os.environ:
        raise InputError(
            f'--launcher {launcher}: the environment variable {name} is not set; '
            'start through tools/dist_train.sh or tools/slurm_train.sh'
        )
    return os.environ[name]
