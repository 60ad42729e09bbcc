"""PASCAL VOC 2012 as released: 21 classes; 1464 images to train, 1449 to validate
(http://host.robots.ox.ac.uk/pascal/VOC/voc2012).

Crops, scales and evaluation are those of voc12aug.py; only the training images differ.
Download ``VOCtrainval_11-May-2012.tar``, then::

    mkdir -p data && tar -xf VOCtrainval_11-May-2012.tar -C data
    mmseg-deeplab check-data configs/_base_/datasets/voc12.py --split all
"""

_base_ = './voc12aug.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type=_base_.dataset_type,
        data_root=_base_.data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/train.txt',
        pipeline=_base_.train_pipeline,
    ),
)
