"""DistributedDataParallel finds no unused parameter in the DeepLab v2 network."""

import pytest
import torch.multiprocessing as mp
from ddp_steps import steps


def test_two_processes_train(tmp_path):
    mp.spawn(steps, (str(tmp_path / 'store'), False), nprocs=2)


def test_an_unused_parameter_would_be_found(tmp_path):
    with pytest.raises(mp.ProcessRaisedException, match='find_unused_parameters'):
        mp.spawn(steps, (str(tmp_path / 'store'), True), nprocs=2)
