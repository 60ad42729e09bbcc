"""What each process of ``test_models/test_ddp.py`` runs; spawned, hence a module."""

import torch
import torch.distributed as dist
from mmseg.registry import MODELS
from mmseg.utils import register_all_modules
from torch.nn.parallel import DistributedDataParallel

import mmseg_deeplab  # noqa: F401


def steps(rank: int, store: str, extra_parameter: bool) -> None:
    """Run two steps of one of two processes; an unused parameter stops the second."""
    register_all_modules()
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{store}', rank=rank, world_size=2)
    backbone = dict(type='ResNetMulti', depth=26, base_channels=4, frozen_bn='affine')
    head = dict(type='ClassifierModule', in_channels=128, in_index=3, num_classes=3)
    network = MODELS.build(
        dict(type='EncoderDecoder', backbone=backbone, decode_head=head)
    )
    if extra_parameter:
        network.decode_head.unused = torch.nn.Conv2d(1, 1, 1)
    model = DistributedDataParallel(network, find_unused_parameters=False)
    for _ in range(2):
        model(torch.randn(2, 3, 33, 33), mode='tensor').sum().backward()
    dist.destroy_process_group()
