"""DeepLab v3+ on mmpretrain's RegNetX-3.2GF.

`RegNet <https://arxiv.org/abs/2003.13678>`_ at output stride 32.
"""

_base_ = ['./deeplabv3plus_convnext_t.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmpretrain.RegNet',
        arch='regnetx_3.2gf',
        out_indices=(0, 3),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://regnetx_3.2gf'),
    ),
    decode_head=dict(in_channels=1008, c1_in_channels=96),
)
