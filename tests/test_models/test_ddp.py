"""DistributedDataParallel finds no unused parameter in the DeepLab v2 network."""

import pytest
import torch.multiprocessing as mp
from ddp_steps import steps


@pytest.mark.slow
def test_two_processes_train_and_an_unused_parameter_would_be_found(tmp_path):
    mp.spawn(steps, (str(tmp_path / 'store'),), nprocs=2)
