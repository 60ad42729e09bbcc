"""A batch from a worker is that of mmengine, in one block of memory."""

import pickle

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader

from mmseg_deeplab.engine.batch_packing import packed_collate


def sample(number: int) -> dict:
    """Draw a sample with maps of several types, one of them not contiguous."""
    generator = torch.Generator().manual_seed(number)
    draw = torch.randint(0, 200, (3, 5 + number, 7), generator=generator)
    packed = SegDataSample(metainfo=dict(img_path=f'{number}.png'))
    packed.gt_sem_seg = PixelData(data=draw[:1])
    packed.heat = PixelData(data=draw.transpose(1, 2) / 3)
    return dict(inputs=draw.byte(), data_samples=packed, index=torch.tensor(number))


@pytest.mark.parametrize('workers', [0, 1])
def test_the_batch_is_that_of_mmengine(workers):
    data = [sample(number) for number in range(3)]
    loader = DataLoader(data, 3, num_workers=workers, collate_fn=packed_collate)
    (batch,), stock = loader, pseudo_collate(data)
    assert batch.keys() == stock.keys()
    for name in ('inputs', 'index'):
        assert all(map(torch.equal, batch[name], stock[name]))
    for ours, theirs in zip(batch['data_samples'], stock['data_samples'], strict=True):
        assert ours.metainfo == theirs.metainfo
        assert ours.heat.data.dtype == torch.float32
        assert torch.equal(ours.heat.data, theirs.heat.data)
        assert torch.equal(ours.gt_sem_seg.data, theirs.gt_sem_seg.data)


def test_pickled_tensors_share_one_block():
    batch = pickle.loads(pickle.dumps(packed_collate([sample(0), sample(1)])))
    tensors = [*batch['inputs'], *(one.heat.data for one in batch['data_samples'])]
    assert len({one.untyped_storage().data_ptr() for one in tensors}) == 1
    assert packed_collate([torch.zeros(1)])[0].shape == (1,)
    assert pickle.loads(pickle.dumps(packed_collate([{}]))) == {}
